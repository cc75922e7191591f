"""The suite for RGB inputs keeps its budgets, too; the network is small and untrained."""

import pytest
import torch
from torch import nn

from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing
from pathprint.profiling.attacks.attack import Attack
from pathprint.profiling.attacks.crafting import craft
from pathprint.profiling.attacks.registry import SUITES

_SIDE = 16


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    layers: list[nn.Module] = [nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(4), nn.Flatten()]
    last = nn.Linear(8 * 16, 5)
    last.weight.data *= 30  # so that a lead of 20 logits can be had
    preprocessing = Preprocessing(3, (_SIDE, _SIDE), _SIDE, (0.5, 0.4, 0.3), (0.2, 0.3, 0.2))
    return Network.capture(nn.Sequential(*layers, last), preprocessing)


@pytest.mark.parametrize("attack", SUITES["rgb"]["full"], ids=lambda attack: attack.name)
def test_images_are_8_bit_within_budget(attack: Attack, network: Network) -> None:
    pixels = (torch.rand(3, 3, _SIDE, _SIDE, generator=torch.Generator().manual_seed(0)) * 255).round() / 255
    labels = network.predict(pixels)
    crafted = craft(attack, network, pixels, labels)
    torch.testing.assert_close(crafted.pixels * 255, (crafted.pixels * 255).round())
    change = (crafted.pixels - pixels).flatten(1)
    if attack.budget is None:
        # All these images are noise to the network and of one class: nowhere to start from.
        assert crafted.success.any() or attack.family == "decision"
        return
    half, values = 0.5 / 255, change.shape[1]
    size, slack = {
        "Linf": (change.abs().amax(1), half),
        "L2": (change.norm(dim=1), half * values**0.5),
        "L0": ((change != 0).float().mean(1), 0),
        "area": ((change.reshape(3, 3, -1) != 0).any(1).float().mean(1), 0),
        "degrees": (change.sum() * 0, 0),
    }[attack.norm]
    assert (size <= attack.budget + slack + 1e-6).all()
    assert (change != 0).any()
