"""Attacks that are crafted on another network: the attacked one is never asked, and networks have to fit."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing
from pathprint.profiling.attacks.attack import Goal
from pathprint.profiling.attacks.crafting import craft
from pathprint.profiling.attacks.draws import Draws
from pathprint.profiling.attacks.methods.momentum import Momentum
from pathprint.profiling.attacks.registry import transfers
from pathprint.profiling.errors import OptionsError

Images = tuple[Tensor, Tensor]


@pytest.fixture(scope="module")
def other(digits_network: Network) -> Network:
    """A network for digits whose answers differ from the shipped one's."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 10))
    return Network.capture(module, digits_network.preprocessing, name="other")


def captured(shape: tuple[int, int, int], classes: int, labels: tuple[str, ...] = ()) -> Network:
    module = nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], classes))
    channels = (0.5,) * shape[0]
    return Network.capture(module, Preprocessing(shape[0], shape[1:], max(shape[1:]), channels, channels), labels)


def test_only_the_other_network_is_asked(digits_network: Network, other: Network, clean: Images) -> None:
    pixels, labels = clean[0][:5], clean[1][:5]

    def nobody(pixels: Tensor) -> Tensor:
        raise AssertionError("the attacked network was asked")

    for attack in transfers(digits_network, other):
        assert attack.budget is not None
        found = attack.method(nobody, pixels, Goal(labels), Draws(pixels, 0))
        expected = Momentum(attack.budget)(other.logits, pixels, Goal(labels), Draws(pixels, 0))
        torch.testing.assert_close(found, expected)
        assert (found - pixels).abs().max() <= attack.budget + 1e-6


def test_success_is_that_of_the_attacked_network(digits_network: Network, other: Network, clean: Images) -> None:
    pixels, labels = clean
    weak, strong = (craft(attack, digits_network, pixels, labels) for attack in transfers(digits_network, other))
    for crafted in (weak, strong):
        assert torch.equal(crafted.success, digits_network.predict(crafted.pixels) != labels)
    assert weak.success.float().mean() <= strong.success.float().mean()


def test_the_other_network_decides_the_declaration(digits_network: Network, other: Network) -> None:
    (own, _), (others, _) = (transfers(digits_network, network) for network in (digits_network, other))
    assert own.declaration() != others.declaration()
    assert other.fingerprint in str(others.declaration())
    assert len(str(others.declaration())) < 500
    assert (own.name, own.family, own.technique.uid) == ("transfer-0.2", "transfer", "AML.T0043.002")
    assert [attack.name for attack in transfers(captured((3, 8, 8), 2), captured((3, 8, 8), 2))] == [
        "transfer-8of255",
        "transfer-12of255",
    ]


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (captured((1, 9, 8), 10), "it takes images 1x9x8, and digits-cnn takes 1x8x8"),
        (captured((3, 8, 8), 10), "it takes images 3x8x8"),
        (captured((1, 8, 8), 9), "its classes are not the 10 classes of digits-cnn"),
        (captured((1, 8, 8), 10, tuple("1234567890")), "its classes are not the 10 classes"),
    ],
)
def test_networks_that_do_not_fit_are_refused(of: Network, why: str, digits_network: Network) -> None:
    with pytest.raises(OptionsError, match=why):
        transfers(digits_network, of)


def test_classes_that_are_only_numbered_fit(digits_network: Network) -> None:
    letters = replace(digits_network, labels=tuple("abcdefghij"))
    assert len(transfers(letters, captured((1, 8, 8), 10))) == 2
    assert len(transfers(letters, letters)) == 2
