"""Replaced pixels: a given share of the pixels gets other values, drawn again until the answer is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pathprint.models.preprocessing import to_8_bit
from pathprint.profiling.attacks.attack import Cost, Goal, Logits
from pathprint.profiling.attacks.draws import Draws
from pathprint.profiling.attacks.methods.search import first_wrong

Values = Literal["any", "extremes", "own"]


@dataclass(frozen=True, slots=True)
class Replaced:
    """Replace randomly chosen pixels, in all channels.

    Attributes:
        share: share of the pixels that are chosen, rounded down, but at least one pixel.
        values: what the pixels become. ``any``: a colour, all colours equally likely. ``extremes``: black or white
            (salt and pepper). ``own``: the colour of another pixel of the image, drawn for each (as Pixle does, Pomponi
            et al. 2022, which moves patches).
        tries: how often pixels and values are drawn at most.
    """

    share: float
    values: Values = "any"
    tries: int = 200

    @property
    def cost(self) -> Cost:
        return Cost(answers=self.tries, at_most=True)

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        return first_wrong(logits, pixels, goal, self.tries, lambda _: self.once(pixels, draws))

    def once(self, pixels: Tensor, draws: Draws) -> Tensor:
        """Return the images with pixels replaced once, ``n c h w``."""
        places = pixels.shape[2] * pixels.shape[3]
        order = draws.uniform(places)
        chosen = order.topk(max(1, int(self.share * places)), dim=1).indices
        inside = torch.zeros_like(order, dtype=torch.bool).scatter(1, chosen, True)
        return torch.where(inside.reshape(-1, 1, *pixels.shape[2:]), self._others(pixels, draws), pixels)

    def _others(self, pixels: Tensor, draws: Draws) -> Tensor:
        """Return what each pixel becomes if it is chosen, ``n c h w``."""
        channels, height, width = pixels.shape[1:]
        if self.values == "any":
            return to_8_bit(draws.uniform(channels, height, width))
        if self.values == "extremes":
            return draws.uniform(1, height, width).round().expand_as(pixels)
        source = (draws.uniform(height * width) * height * width).long().clamp(max=height * width - 1)
        return pixels.flatten(2).gather(2, source[:, None].expand(-1, channels, -1)).reshape(pixels.shape)
