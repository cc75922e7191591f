"""Confidence, doubt and entropy against their formulas; what an answer loses in changed copies."""

import math

import numpy as np
import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as torchvision

from pathprint.profiling.data.pixels import framed, softened
from pathprint.profiling.errors import OptionsError
from pathprint.profiling.features.confidence import confidence
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.features.table import FeatureTable
from pathprint.profiling.features.tiers import tier_of
from pathprint.profiling.features.views import _ANGLE, VIEWS, _turned, stability, view_of
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.path import ImagePaths
from pathprint.profiling.signatures.counts import ClassSignatures

IMAGES = 6


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    return torch.rand(IMAGES, 1, 8, 8, generator=torch.Generator().manual_seed(5))


@pytest.fixture(scope="module")
def paths(extractor: Extractor, pixels: torch.Tensor) -> ImagePaths:
    return extractor.extract(pixels)


def value(table: FeatureTable, name: str, image: int) -> float:
    (column,) = (j for j, feature in enumerate(table.features) if feature.name == name)
    return float(table.values[image, column])


def lead(logits: np.ndarray[tuple[int], np.dtype[np.float32]], answered: int) -> float:
    """Return the logit of a class minus the largest other."""
    return float(logits[answered] - np.delete(logits, answered).max())


def test_answer_by_its_formulas(paths: ImagePaths) -> None:
    table = confidence(paths)
    for image, logits in enumerate(paths.logits):
        odds = [math.exp(float(logit)) for logit in logits]
        shares = [odd / sum(odds) for odd in odds]
        assert value(table, "confidence/the answer", image) == pytest.approx(max(shares))
        assert value(table, "doubt/the answer", image) == pytest.approx(math.sqrt(1 - max(shares)))
        assert value(table, "entropy/the answer", image) == pytest.approx(-sum(p * math.log(p) for p in shares))


def test_sure_answers_have_no_doubt_however_large_their_margin(paths: ImagePaths) -> None:
    for size in (1e3, 1e6, 1e30):
        sure = ImagePaths((paths.logits * size).astype(np.float32), paths.seeds, paths.layers)
        np.testing.assert_allclose(confidence(sure).values, np.tile([1.0, 0.0, 0.0], (IMAGES, 1)), atol=1e-100)


def test_stability_is_the_lost_margin(extractor: Extractor, pixels: torch.Tensor, paths: ImagePaths) -> None:
    table = stability(extractor.network, pixels, paths, tuple(VIEWS))
    for view, seen in VIEWS.items():
        for image in range(IMAGES):
            answered = int(paths.seeds[image])
            changed = extractor.network.logits(seen.change(pixels[image][None])).detach().numpy()[0]
            expected = lead(paths.logits[image], answered) - lead(changed, answered)
            assert value(table, f"margin_loss_{view}/the answer", image) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("images", [1, 2, 3, 5, 16, 17, 40])
def test_what_a_view_costs_depends_on_no_other_view(extractor: Extractor, images: int) -> None:
    """Small batches are asked about several views in one call of the network, large ones about one view."""
    pixels = torch.rand(images, 1, 8, 8, generator=torch.Generator().manual_seed(images))
    paths = extractor.extract(pixels)
    together = stability(extractor.network, pixels, paths, tuple(VIEWS))
    assert [view_of(feature) for feature in together.features] == list(VIEWS)
    for view, lost in zip(VIEWS, together.values.T, strict=True):
        alone = stability(extractor.network, pixels, paths, (view,))
        np.testing.assert_allclose(alone.values[:, 0], lost, atol=1e-4)


def test_views_that_do_not_exist_are_refused(extractor: Extractor, signatures: ClassSignatures) -> None:
    with pytest.raises(OptionsError, match="there is no view 'sideways'; allowed: mirrored, "):
        FeatureMaker(extractor, signatures, ("mirrored", "sideways"))
    with pytest.raises(OptionsError, match="named twice"):
        FeatureMaker(extractor, signatures, ("mirrored", "mirrored"))


@pytest.mark.parametrize(
    ("stages", "tier"),
    [
        ([()], "fast"),
        ([("down",)], "standard"),
        ([("down", "up")], "thorough"),
        ([(), ("down",)], "thorough"),
        ([("down",), ("up",)], "thorough"),
    ],
)
def test_stages_and_their_views_are_the_tier(stages: list[tuple[str, ...]], tier: str) -> None:
    assert tier_of(stages) == tier


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (3, 40, 24)])
def test_views_keep_shape_and_range_and_change_something(view: str, shape: tuple[int, int, int]) -> None:
    image = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))
    seen = VIEWS[view].change(image)
    assert seen.shape == image.shape
    assert seen.min() >= 0
    assert seen.max() <= 1
    assert not torch.allclose(seen, image, atol=1e-3)


SHAPES = [(1, 8, 8), (3, 40, 24), (3, 9, 33)]


@pytest.mark.parametrize("shape", SHAPES)
def test_turning_is_torchvisions(shape: tuple[int, int, int]) -> None:
    images = torch.rand(3, *shape, generator=torch.Generator().manual_seed(0))
    expected = torchvision.rotate(images, _ANGLE, InterpolationMode.BILINEAR)
    torch.testing.assert_close(_turned(images), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sigma", [0.5, 0.8, 3.0])
def test_blur_is_torchvisions_of_the_framed_image(shape: tuple[int, int, int], sigma: float) -> None:
    images = torch.rand(3, *shape, generator=torch.Generator().manual_seed(0))
    expected = torchvision.gaussian_blur(framed(images, 1, 1), [3, 3], [sigma, sigma])[..., 1:-1, 1:-1]
    torch.testing.assert_close(softened(images, sigma), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("view", [view for view in VIEWS if view != "noisy"])
@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (3, 32, 32), (1, 4, 60), (1, 224, 32), (3, 2, 2), (1, 1, 9), (3, 5, 1), (1, 1, 1)]
)
def test_views_put_nothing_new_at_the_edges(view: str, shape: tuple[int, int, int]) -> None:
    white = torch.ones(1, *shape)
    torch.testing.assert_close(VIEWS[view].change(white), white)


@pytest.mark.parametrize("view", VIEWS)
def test_an_image_is_seen_the_same_in_any_company(view: str) -> None:
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    alone = torch.cat([VIEWS[view].change(image[None]) for image in images])
    torch.testing.assert_close(VIEWS[view].change(images), alone)


def test_views_are_what_they_are_called() -> None:
    ramp = torch.arange(64.0).reshape(1, 1, 1, 64).expand(1, 1, 64, 64) / 64
    torch.testing.assert_close(VIEWS["right"].change(ramp)[..., 2:], ramp[..., :-2])
    torch.testing.assert_close(VIEWS["down"].change(ramp.mT)[:, :, 4:], ramp.mT[:, :, :-4])
    torch.testing.assert_close(VIEWS["up"].change(ramp.mT)[:, :, :-2], ramp.mT[:, :, 2:])
    torch.testing.assert_close(VIEWS["mirrored"].change(ramp), VIEWS["smaller"].change(ramp.flip(3)))
    slope = VIEWS["smaller"].change(ramp)[0, 0, 32, 10:54].diff().mean()
    assert float(slope) == pytest.approx(72 / 64 / 64, rel=0.01)  # a frame of 4 pixels on either side
