"""Attacks keep their budget and their promise: 8-bit images that the network gets wrong."""

import pytest
import torch
from torch import Tensor

from models.network import Network
from profiling.attacks.registry import Crafted, chosen, craft, suite
from profiling.datasets import Dataset
from profiling.errors import OptionsError
from profiling.splits import Split

NAMES = ["fgsm-0.2", "bim-0.2", "pgd-0.1", "pgd-0.2", "pgd-l2-1.5", "deepfool", "cw-0"]


@pytest.fixture(scope="module")
def clean(digits: Dataset, digits_split: Split, digits_network: Network) -> tuple[Tensor, Tensor]:
    pixels = digits.pixels(digits_split.fit[:40], digits_network.preprocessing)
    labels = torch.from_numpy(digits.labels[digits_split.fit[:40]])
    right = digits_network.predict(pixels) == labels
    return pixels[right], labels[right]


def made(name: str, network: Network, clean: tuple[Tensor, Tensor], seed: int = 0) -> Crafted:
    return craft(suite(network)[name], network, *clean, seed)


def test_suite_is_what_the_documents_say(digits_network: Network) -> None:
    assert list(suite(digits_network)) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_images_are_8_bit_within_budget_and_success_is_true(
    name: str, digits_network: Network, clean: tuple[Tensor, Tensor]
) -> None:
    pixels, labels = clean
    crafted = made(name, digits_network, clean)
    levels = crafted.pixels * 255
    torch.testing.assert_close(levels, levels.round())
    assert 0 <= levels.min() <= levels.max() <= 255
    torch.testing.assert_close(crafted.success, digits_network.predict(crafted.pixels) != labels)
    assert crafted.success.float().mean() > 0.4
    attack, change = suite(digits_network)[name], (crafted.pixels - pixels).flatten(1)
    if attack.budget is not None:
        size = change.abs().amax(1) if attack.norm == "Linf" else change.norm(dim=1)
        slack = 0.5 / 255 * (1 if attack.norm == "Linf" else 8)  # rounding moves each of 64 pixels by half a level
        assert size.max() <= attack.budget + slack + 1e-6


@pytest.mark.parametrize("name", ["pgd-0.2", "cw-0"])
def test_seed_decides_the_image_and_the_global_generator_is_left_alone(
    name: str, digits_network: Network, clean: tuple[Tensor, Tensor]
) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again = made(name, digits_network, clean), made(name, digits_network, clean)
    torch.testing.assert_close(torch.rand(3), expected)
    torch.testing.assert_close(first.pixels, again.pixels, rtol=0, atol=0)


def test_more_budget_succeeds_more_often_and_steps_beat_one_step(
    digits_network: Network, clean: tuple[Tensor, Tensor]
) -> None:
    rates = [made(name, digits_network, clean).success.float().mean() for name in ("pgd-0.1", "fgsm-0.2", "pgd-0.2")]
    assert rates[0] <= rates[2]
    assert rates[1] <= rates[2]


def test_unknown_attack_is_refused(digits_network: Network) -> None:
    with pytest.raises(OptionsError, match=r"no attack magic; known: fgsm-0\.2"):
        chosen(digits_network, ["magic"])
