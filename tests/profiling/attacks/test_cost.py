"""What attacks are said to cost is what they ask the network for."""

from dataclasses import dataclass, fields, replace
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from pathprint.models.network import Network
from pathprint.profiling.attacks.attack import Attack, Cost, Goal
from pathprint.profiling.attacks.crafting import craft
from pathprint.profiling.attacks.draws import Draws
from pathprint.profiling.attacks.methods.apgd import Apgd
from pathprint.profiling.attacks.registry import SUITES

Images = tuple[Tensor, Tensor]
FULL = {attack.name: attack for attack in SUITES["grey"]["full"]}
OF_EACH_KIND = {
    (type(attack.method), str(attack.method)[:30], attack.targeted): attack.name for attack in FULL.values()
}


@dataclass
class Counted:
    """A network that counts the images it answers, those with a gradient apart."""

    network: Network
    answers: int = 0
    gradients: int = 0

    def __call__(self, pixels: Tensor) -> Tensor:
        if torch.is_grad_enabled() and pixels.requires_grad:
            self.gradients += len(pixels)
        else:
            self.answers += len(pixels)
        return self.network.logits(pixels)


def asked(attack: Attack, network: Network, images: Images) -> Counted:
    """Return what the attack's method asks the network for."""
    pixels, labels = images
    draws, counted = Draws(pixels, 0), Counted(network)
    targets = draws.other_class(labels, len(network.labels)) if attack.targeted else None
    attack.method(counted, pixels, Goal(labels, targets), draws)
    return counted


@pytest.mark.parametrize("name", OF_EACH_KIND.values())
def test_a_method_asks_as_often_as_it_says(name: str, digits_network: Network, clean: Images) -> None:
    images = clean[0][:2], clean[1][:2]
    attack, found = FULL[name], asked(FULL[name], digits_network, images)
    said = attack.method.cost
    assert (found.gradients > 0) == (attack.knowledge == "white-box")
    assert (found.answers > 0) or attack.knowledge != "black-box"
    if said.at_most:
        assert found.answers <= 2 * said.answers
        assert found.gradients <= 2 * said.gradients
        assert found.answers + found.gradients > 0
    else:
        assert (found.answers, found.gradients) == (2 * said.answers, 2 * said.gradients)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 10, 20, 100])
def test_apgd_counts_the_gradients_at_its_checkpoints(steps: int, digits_network: Network, clean: Images) -> None:
    attack = replace(FULL["apgd-ce-0.2"], method=Apgd("Linf", 0.2, steps))
    found = asked(attack, digits_network, (clean[0][:1], clean[1][:1]))
    assert (found.answers, found.gradients) == (0, attack.method.cost.gradients)


class CountedNetwork(Network):
    """A network that counts how many images it is asked about, in ``asked_about``."""

    asked_about: ClassVar[Counted]

    def logits(self, pixels: Tensor) -> Tensor:
        return self.asked_about(pixels)


@pytest.mark.parametrize("name", ["fgsm-0.2", "noise-images", "square-0.3"])
def test_an_attack_also_counts_the_looks_at_its_result(name: str, digits_network: Network, clean: Images) -> None:
    counted = CountedNetwork(**{part.name: getattr(digits_network, part.name) for part in fields(Network)})
    CountedNetwork.asked_about = found = Counted(digits_network)
    craft(FULL[name], counted, clean[0][:3], clean[1][:3])
    assert Cost(found.answers, found.gradients).inferences == 3 * FULL[name].inferences


def test_a_gradient_counts_as_three_inferences_and_bounds_stay_bounds() -> None:
    assert Cost(answers=2, gradients=5).inferences == 17
    assert Cost(1, 2) + Cost(3, 4, at_most=True) == Cost(4, 6, at_most=True)


def test_the_cost_is_no_part_of_what_names_attacked_images() -> None:
    for attack in FULL.values():
        assert "cost" not in str(attack.declaration())
