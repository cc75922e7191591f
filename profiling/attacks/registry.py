"""The attacks we fit and evaluate with: one declaration each, over foolbox.

Images are pixels in [0, 1]; normalisation is inside the attacked network. Budgets are in pixel
units of that range.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from models.network import Network
from models.preprocessing import to_8_bit
from profiling.errors import MissingExtraError, OptionsError

Norm = Literal["Linf", "L2"]


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack at one strength.

    Attributes:
        budget: largest perturbation in ``norm``; None for attacks that look for the smallest.
        make: builds the foolbox attack from the foolbox module.
    """

    name: str
    norm: Norm
    budget: float | None
    make: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Crafted:
    """What an attack made of some images.

    Attributes:
        pixels: ``n c h w``, rounded to 8 bit, as a file would hold them.
        success: the network's answer on these rounded pixels is not the label, ``(n,)``.
        success_unrounded: the same before rounding.
    """

    pixels: Tensor
    success: Tensor
    success_unrounded: Tensor


class _Pixels(nn.Module):
    """The network as a torch module on pixels, for the attack library."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self._network = network

    def forward(self, pixels: Tensor) -> Tensor:
        return self._network.logits(pixels)


def _fgsm(budget: float) -> Attack:
    return Attack(f"fgsm-{_text(budget)}", "Linf", budget, lambda fb: fb.attacks.LinfFastGradientAttack())


def _bim(budget: float) -> Attack:
    return Attack(
        f"bim-{_text(budget)}",
        "Linf",
        budget,
        lambda fb: fb.attacks.LinfBasicIterativeAttack(rel_stepsize=0.1, steps=20),
    )


def _pgd(budget: float) -> Attack:
    return Attack(f"pgd-{_text(budget)}", "Linf", budget, lambda fb: fb.attacks.LinfPGD(rel_stepsize=1 / 15, steps=40))


def _pgd_l2(budget: float) -> Attack:
    return Attack(f"pgd-l2-{_text(budget)}", "L2", budget, lambda fb: fb.attacks.L2PGD(rel_stepsize=0.1, steps=40))


def _deepfool(overshoot: float) -> Attack:
    return Attack("deepfool", "L2", None, lambda fb: fb.attacks.L2DeepFoolAttack(overshoot=overshoot))


def _cw(confidence: float) -> Attack:
    def make(fb: Any) -> Any:
        return fb.attacks.L2CarliniWagnerAttack(
            binary_search_steps=5, steps=150, stepsize=0.02, confidence=confidence, initial_const=0.1
        )

    return Attack(f"cw-{confidence:g}", "L2", None, make)


def _text(budget: float) -> str:
    """Write a budget as users do: small ones in steps of 8-bit images, others as decimals."""
    return f"{round(budget * 255)}of255" if budget < 0.05 else f"{budget:g}"


# The less an attack overshoots the boundary, the fewer of its successes survive rounding to 8 bit.
GREY = (_fgsm(0.2), _bim(0.2), _pgd(0.1), _pgd(0.2), _pgd_l2(1.5), _deepfool(0.1), _cw(0))
RGB = (_fgsm(4 / 255), _bim(4 / 255), _pgd(2 / 255), _pgd(8 / 255), _pgd_l2(0.5), _deepfool(0.3), _cw(0))


def suite(network: Network) -> dict[str, Attack]:
    """Return the default attacks by name, with budgets for grey or for RGB inputs."""
    attacks = GREY if network.preprocessing.channels == 1 else RGB
    return {attack.name: attack for attack in attacks}


def chosen(network: Network, names: list[str] | None) -> list[Attack]:
    """Return the attacks called ``names``, or the default suite.

    Raises:
        OptionsError: an unknown name; lists the known ones.
    """
    known = suite(network)
    unknown = [name for name in names or [] if name not in known]
    if unknown:
        raise OptionsError(f"there is no attack {', '.join(unknown)}; known: {', '.join(known)}.")
    return [known[name] for name in names or known]


def craft(attack: Attack, network: Network, pixels: Tensor, labels: Tensor, seed: int = 0) -> Crafted:
    """Attack ``pixels`` away from ``labels``; the same seed gives the same images.

    Raises:
        MissingExtraError: foolbox is not installed.
    """
    foolbox = _foolbox()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = foolbox.PyTorchModel(_Pixels(network).eval(), bounds=(0, 1), device=pixels.device)
        _, made, _ = attack.make(foolbox)(model, pixels, labels, epsilons=attack.budget)
    made = made.detach()
    rounded = to_8_bit(made)
    return Crafted(rounded, network.predict(rounded) != labels, network.predict(made) != labels)


def _foolbox() -> Any:
    # foolbox imports GitPython, which refuses to be imported where git is not installed.
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    try:
        import foolbox
    except ImportError as error:
        raise MissingExtraError("attacks need foolbox; install the extra: pip install 'pathprint[attacks]'.") from error
    return foolbox
