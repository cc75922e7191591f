"""Attacks keep their budget and their promise: 8-bit images that the network gets wrong."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor

from pathprint.models.network import Network
from pathprint.profiling.attacks.attack import Crafted
from pathprint.profiling.attacks.crafting import craft
from pathprint.profiling.attacks.draws import Draws
from pathprint.profiling.attacks.names import KNOWN
from pathprint.profiling.attacks.registry import SUITES, chosen, suite, teaching
from pathprint.profiling.attacks.suites import GROUPS
from pathprint.profiling.errors import MissingExtraError, OptionsError

DEFAULT = [
    *("fgsm-0.2", "fgsm-0.3", "bim-0.2", "pgd-0.1", "pgd-0.2", "pgd-l2-1.5"),
    *("deepfool", "cw-0", "noise-images", "ti-fgsm-0.2", "ddn"),
]
FULL = [attack.name for attack in SUITES["grey"]["full"]]
# HopSkipJump draws its directions for a whole chunk; the others left out differ in one number only.
ALONE = [
    name for name in FULL if name not in ("hopskipjump", "cw-10", "cw-20", "pgd-0.1", "pgd-0.3", "bim-0.1", "bim-0.3")
]
Images = tuple[Tensor, Tensor]
Once = Callable[[str], Crafted]


def made(name: str, network: Network, clean: Images, seed: int = 0) -> Crafted:
    return craft(suite(network, "full")[name], network, *clean, seed)


def some(clean: Images, rows: slice | list[int]) -> Images:
    return clean[0][rows], clean[1][rows]


@pytest.fixture(scope="module")
def once(digits_network: Network, clean: Images) -> Once:
    """Craft sixteen images by an attack, once for all tests: a minimal attack takes seconds for any number of them."""
    return cache(lambda name: made(name, digits_network, some(clean, slice(16))))


def test_default_suite_is_what_the_documents_say(digits_network: Network) -> None:
    assert list(suite(digits_network)) == DEFAULT
    assert FULL[: len(DEFAULT)] == DEFAULT


@pytest.mark.parametrize("colours", ["grey", "rgb"])
def test_names_are_unique_and_declarations_are_data(colours: str) -> None:
    attacks = SUITES[colours]["full"]
    declared = [json.dumps(attack.declaration()) for attack in attacks]
    assert len({attack.name for attack in attacks}) == len(set(declared)) == len(attacks)
    assert all(attack.summary for attack in attacks)


@pytest.mark.parametrize("colours", GROUPS)
def test_nothing_of_an_untaught_family_is_taught(colours: str) -> None:
    groups = GROUPS[colours]
    families = {group: {attack.family for attack in attacks} for group, attacks in groups.items()}
    assert not families["untaught"] & families["taught"]
    assert families["related"] <= families["taught"]
    for group, attacks in groups.items():
        assert {teaching(attack, groups["taught"]) for attack in attacks} == {group}
    assert len(groups["untaught"]) >= 8


@pytest.mark.parametrize("name", FULL)
def test_images_are_8_bit_within_budget_and_success_is_true(
    name: str, digits_network: Network, clean: Images, once: Once
) -> None:
    pixels, labels = some(clean, slice(16))
    crafted = once(name)
    levels = crafted.pixels * 255
    torch.testing.assert_close(levels, levels.round())
    assert 0 <= levels.min() <= levels.max() <= 255
    attack, change = suite(digits_network, "full")[name], (crafted.pixels - pixels).flatten(1)
    if attack.on_image:
        torch.testing.assert_close(crafted.success, digits_network.predict(crafted.pixels) != labels)
    assert crafted.success.float().mean() > (0.1 if name == "fgsm-0.1" else 0.4)  # one small step is weak
    if attack.budget is not None:
        # Rounding moves each of 64 values by half a level at most, and none that was not changed.
        half = 0.5 / 255
        size, slack = {
            "Linf": (change.abs().amax(1), half),
            "L2": (change.norm(dim=1), half * 8),
            "L0": ((change != 0).float().mean(1), 0),
            "area": ((change != 0).float().mean(1), 0),
            "degrees": (change.sum() * 0, 0),  # tested by what is turned
        }[attack.norm]
        assert size.max() <= attack.budget + slack + 1e-6


@pytest.mark.parametrize("name", ALONE)
def test_an_image_fares_the_same_in_any_company(name: str, digits_network: Network, clean: Images, once: Once) -> None:
    whole = once(name)
    turned = made(name, digits_network, some(clean, [5, 2, 7]))
    # Networks round differently for other batch sizes, so that a value may fall on another level.
    changed = (whole.pixels[[5, 2, 7]] - turned.pixels).abs() * 255
    assert (changed > 3).float().mean() < 0.02
    assert torch.equal(whole.success[[5, 2, 7]], turned.success)


@pytest.mark.parametrize("name", ["pgd-0.2", "cw-0", "square-0.3", "patch-0.15"])
def test_seed_decides_the_image_and_the_global_generator_is_left_alone(
    name: str, digits_network: Network, clean: Images, once: Once
) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    again = made(name, digits_network, some(clean, slice(16)))
    torch.testing.assert_close(torch.rand(3), expected)
    torch.testing.assert_close(once(name).pixels, again.pixels, rtol=0, atol=0)
    if name != "cw-0":  # which draws nothing
        assert not torch.equal(again.pixels, made(name, digits_network, some(clean, slice(16)), seed=1).pixels)


def test_more_budget_succeeds_more_often_and_steps_beat_one_step(digits_network: Network, clean: Images) -> None:
    rates = [made(name, digits_network, clean).success.float().mean() for name in ("pgd-0.1", "fgsm-0.2", "pgd-0.2")]
    assert rates[0] <= rates[2]
    assert rates[1] <= rates[2]


def test_minimal_attacks_survive_rounding(once: Once) -> None:
    for name in ("deepfool", "cw-0"):
        crafted = once(name)
        assert (crafted.success >= crafted.success_unrounded).all()


def test_targets_are_wrong_classes_of_the_image_and_are_reached(digits_network: Network, clean: Images) -> None:
    pixels, labels = clean
    targets = Draws(pixels, 0).other_class(labels, 10)
    assert (targets != labels).all()
    assert len(set(targets.tolist())) > 3
    attack = suite(digits_network, "full")["pgd-target-0.2"]
    crafted = craft(attack, digits_network, pixels, labels, 0)
    reached = digits_network.predict(crafted.pixels) == targets
    untargeted = craft(replace(attack, targeted=False), digits_network, pixels, labels, 0)
    assert reached.float().mean() > 0.5 > (digits_network.predict(untargeted.pixels) == targets).float().mean()


def test_unknown_attack_is_refused(digits_network: Network) -> None:
    with pytest.raises(OptionsError, match=r"no attack magic; known: fgsm-0\.2"):
        chosen(digits_network, ["magic"])


def test_a_suite_without_foolbox_is_what_is_left_and_that_is_said(
    digits_network: Network, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole = chosen(digits_network, None)
    monkeypatch.setitem(sys.modules, "foolbox", None)
    left = chosen(digits_network, None)
    assert [attack.name for attack in whole if attack not in left] == ["deepfool", "cw-0", "ddn"]
    assert "left out: the attacks deepfool, cw-0, ddn need foolbox" in caplog.text


def test_an_attack_of_a_missing_library_is_refused_before_any_work(
    digits_network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "foolbox", None)
    with pytest.raises(MissingExtraError, match=r"cw-0 need foolbox.*pip install 'pathprint\[attacks\]'"):
        chosen(digits_network, ["pgd-0.2", "cw-0"])


def test_the_command_line_knows_the_names_of_all_attacks() -> None:
    assert {colours: {attack.name for attack in suites["full"]} for colours, suites in SUITES.items()} == KNOWN
