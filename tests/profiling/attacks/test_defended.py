"""What an attacker is told is what the network and the detector say."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import pathprint
from pathprint.models.errors import PixelsError
from pathprint.models.network import Network
from pathprint.profiling.attacks.crafting import craft
from pathprint.profiling.attacks.registry import suite
from pathprint.profiling.detection.bundle import Bundle

Images = tuple[Tensor, Tensor]


@pytest.fixture(scope="module")
def defended(bundle: Bundle) -> pathprint.Defended:
    return pathprint.Defended.load(bundle)


def test_logits_and_scores_are_those_of_network_and_detector(defended: pathprint.Defended, clean: Images) -> None:
    pixels = clean[0][:20]  # more than are examined at once
    verdicts = [defended.detector.examine(one[None])[0] for one in pixels]
    torch.testing.assert_close(defended.classify(pixels), defended.detector.network.logits(pixels))
    found = defended.detect(pixels)
    np.testing.assert_allclose(found, [verdict.score for verdict in verdicts], atol=0.02)
    assert ((found > defended.threshold).tolist()) == [verdict.flagged for verdict in verdicts]


def test_arrays_are_answered_with_arrays(defended: pathprint.Defended, clean: Images) -> None:
    pixels = clean[0][:4]
    for ask in (defended.classify, defended.detect):
        of_tensor, of_array = ask(pixels), ask(pixels.double().numpy())
        assert isinstance(of_tensor, Tensor)
        assert isinstance(of_array, np.ndarray)
        np.testing.assert_allclose(of_tensor.numpy(), of_array, atol=1e-5)


def test_logits_have_a_gradient_and_scores_take_tensors_that_want_one(
    defended: pathprint.Defended, clean: Images
) -> None:
    leaf = clean[0][:3].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(defended.classify(leaf).amax(1).sum(), leaf)
    assert gradient.abs().amax((1, 2, 3)).min() > 0
    assert not defended.detect(leaf).requires_grad


def test_an_evasion_is_wrong_after_rounding_and_not_flagged(
    defended: pathprint.Defended, digits_network: Network, clean: Images
) -> None:
    pixels, labels = clean
    made = craft(suite(digits_network)["pgd-0.1"], digits_network, pixels, labels)
    verdicts = [defended.detector.examine(one[None])[0] for one in made.pixels]
    judged = set(defended.detector.judged.tolist())
    expected = [
        verdict.predicted != label and verdict.predicted in judged and not verdict.flagged
        for verdict, label in zip(verdicts, labels.tolist(), strict=True)
    ]
    assert 0 < sum(expected) < len(expected)
    assert defended.evaded(made.pixels, labels).tolist() == expected
    assert defended.evaded(made.pixels.numpy(), labels.numpy()).tolist() == expected
    assert not defended.evaded(pixels, labels).any()
    # A change that rounding undoes is none.
    assert not defended.evaded(pixels + 0.001, labels).any()


def test_bundles_are_loaded_and_wrong_pixels_refused(
    bundle_folder: Path, defended: pathprint.Defended, clean: Images
) -> None:
    loaded = pathprint.Defended.load(bundle_folder)
    assert torch.equal(loaded.detect(clean[0][:2]), defended.detect(clean[0][:2]))
    with pytest.raises(PixelsError, match=r"in \[0, 1\]"):
        loaded.detect(clean[0][:2] * 255)
    with pytest.raises(PixelsError, match="the network takes"):
        loaded.classify(clean[0][:2, :, :5])
