"""Benign changes: the detector should flag changed images as rarely as clean ones.

A detector that flags noise of an attack's size detects noise, not attacks.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pathprint.models.preprocessing import to_image
from pathprint.profiling.attacks.attack import Attack, budget_text
from pathprint.profiling.attacks.ball import steepest
from pathprint.profiling.attacks.draws import Draws
from pathprint.profiling.data.pixels import softened

Change = Callable[[Tensor, Draws], Tensor]


@dataclass(frozen=True, slots=True)
class Control:
    """One benign change of pixels ``n c h w``; whoever applies it rounds the result to 8 bit, as for attacks."""

    name: str
    summary: str
    change: Change


def noise_like(attack: Attack) -> Control:
    """Return noise with exactly the attack's budget in the attack's norm, before clipping to [0, 1].

    Linf: every value moves up or down by the whole budget. L2: a random direction, as long as the budget.

    Raises:
        ValueError: the attack has no budget, or its budget is neither in Linf nor in L2.
    """
    if attack.budget is None or attack.norm not in ("Linf", "L2"):
        raise ValueError(f"{attack.name} has no Linf or L2 budget, so there is no noise of equal size.")
    budget, norm = attack.budget, attack.norm

    def change(pixels: Tensor, draws: Draws) -> Tensor:
        return pixels + budget * steepest(draws.normal(*pixels.shape[1:]), norm)

    return Control(f"noise-{norm.lower()}-{budget_text(budget)}", f"noise with {norm} norm {budget:.3g}", change)


def _jpeg(quality: int) -> Control:
    def change(pixels: Tensor, draws: Draws) -> Tensor:
        return torch.stack([_through_jpeg(image, quality) for image in pixels.cpu()]).to(pixels.device)

    return Control(f"jpeg-{quality}", f"written as JPEG of quality {quality} and read", change)


def _through_jpeg(image: Tensor, quality: int) -> Tensor:
    buffer = io.BytesIO()
    to_image(image).save(buffer, "JPEG", quality=quality)
    channels, height, width = image.shape
    read = np.array(Image.open(buffer)).reshape(height, width, channels)
    return torch.from_numpy(read).permute(2, 0, 1).float() / 255


def _blur(sigma: float) -> Control:
    summary = f"Gaussian blur, standard deviation {sigma:g} pixels"
    return Control(f"blur-{sigma:g}", summary, lambda pixels, draws: softened(pixels, sigma))


def _brightness(factor: float) -> Control:
    return Control(f"brightness-{factor:g}", f"every value times {factor:g}", lambda pixels, draws: pixels * factor)


FIXED = (_jpeg(75), _jpeg(90), _blur(0.5), _brightness(0.9), _brightness(1.1))


def halved(control: Control) -> Control:
    """Return a control that goes half the way from an image to what ``control`` makes of it."""

    def change(pixels: Tensor, draws: Draws) -> Tensor:
        return pixels.lerp(control.change(pixels, draws), 0.5)

    return Control(f"{control.name}-half", f"half of: {control.summary}", change)


def controls_and_halves(attacks: list[Attack]) -> list[Control]:
    """Return what an evaluation tries: every control as ``fit`` shows it to classifiers, and half of it."""
    return [step for control in controls(attacks) for step in (control, halved(control))]


def controls(attacks: list[Attack]) -> list[Control]:
    """Return noise of every Linf and L2 budget among ``attacks``, each budget once, and the fixed controls."""
    sized: dict[tuple[str, float], Attack] = {}
    for attack in attacks:
        if attack.budget is not None and attack.norm in ("Linf", "L2"):
            sized.setdefault((attack.norm, attack.budget), attack)
    return [*map(noise_like, sized.values()), *FIXED]
