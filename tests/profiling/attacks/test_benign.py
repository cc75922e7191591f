"""Controls are what they say, and gentle enough that the network keeps its answers."""

import pytest
import torch
from torch import Tensor

from pathprint.models.network import Network
from pathprint.profiling.attacks.attack import Attack
from pathprint.profiling.attacks.benign import FIXED, Control, controls, controls_and_halves, halved, noise_like
from pathprint.profiling.attacks.crafting import apply
from pathprint.profiling.attacks.draws import Draws
from pathprint.profiling.attacks.registry import SUITES, suite

Images = tuple[Tensor, Tensor]


def named(name: str) -> Attack:
    return next(attack for attack in SUITES["grey"]["full"] if attack.name == name)


def test_noise_has_the_norm_of_its_attack() -> None:
    pixels = torch.full((5, 1, 8, 8), 0.5)
    for name, size in {"pgd-0.2": 0.2, "pgd-l2-1.5": 1.5}.items():
        change = noise_like(named(name)).change(pixels, Draws(pixels, 0)) - pixels
        flat = change.flatten(1)
        found = flat.abs() if name == "pgd-0.2" else flat.norm(dim=1)
        torch.testing.assert_close(found, torch.full_like(found, size))


@pytest.mark.parametrize("name", ["cw-0", "patch-0.15", "noise-images"])
def test_attack_without_a_norm_has_no_noise(name: str) -> None:
    with pytest.raises(ValueError, match="there is no noise of equal size"):
        noise_like(named(name))


@pytest.mark.parametrize("control", controls([named("pgd-0.1"), named("pgd-l2-1.5")]), ids=lambda c: c.name)
def test_half_of_a_control_goes_half_the_way(control: Control, clean: Images) -> None:
    pixels = clean[0][:5]
    whole, half = (one.change(pixels, Draws(pixels, 0)) - pixels for one in (control, halved(control)))
    torch.testing.assert_close(half, whole / 2)
    assert half.abs().max() > 0


def test_evaluations_try_every_control_whole_and_half() -> None:
    attacks = [named("pgd-0.1")]
    names = [control.name for control in controls_and_halves(attacks)]
    assert names[::2] == [control.name for control in controls(attacks)]
    assert names[1::2] == [f"{name}-half" for name in names[::2]]


def test_every_budget_gives_one_noise(digits_network: Network) -> None:
    names = [control.name for control in controls(list(suite(digits_network, "full").values()))]
    assert names == [
        *("noise-linf-0.2", "noise-linf-0.3", "noise-linf-0.1", "noise-l2-1.5"),
        *(control.name for control in FIXED),
    ]


@pytest.mark.parametrize("control", controls([named("pgd-0.1"), named("pgd-l2-1.5")]), ids=lambda c: c.name)
@pytest.mark.parametrize("channels", [1, 3])
def test_control_is_reproducible_8_bit_and_says_what_is_kept(
    control: Control, channels: int, digits_network: Network, clean: Images
) -> None:
    pixels, labels = clean
    if channels == 3:
        changed = control.change(pixels.repeat(1, 3, 1, 1), Draws(pixels, 0))
        assert changed.shape == (len(pixels), 3, 8, 8)
        return
    whole, part = (apply(control, digits_network, p, y) for p, y in ((pixels, labels), (pixels[3:5], labels[3:5])))
    torch.testing.assert_close(whole.pixels[3:5], part.pixels)
    torch.testing.assert_close(whole.pixels * 255, (whole.pixels * 255).round())
    torch.testing.assert_close(whole.kept, digits_network.predict(whole.pixels) == labels)


def test_fixed_controls_keep_most_answers(digits_network: Network, clean: Images) -> None:
    for control in FIXED:
        assert apply(control, digits_network, *clean).kept.float().mean() > 0.8, control.name
