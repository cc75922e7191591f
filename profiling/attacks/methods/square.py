"""Square: random search that uses the logits but no gradient (Andriushchenko et al. 2020, Linf)."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

from pathprint.profiling.attacks.attack import Cost, Goal, Logits
from pathprint.profiling.attacks.draws import Draws

_SIZE = 0.8  # share of the image that the first squares change
_HALVINGS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
"""Shares of the queries after which the squares' area is halved."""


@dataclass(frozen=True, slots=True)
class Square:
    """Try squares of plus or minus the budget, and keep those that lower the margin.

    Attributes:
        queries: how often the network may be asked, per image.
    """

    budget: float
    queries: int

    @property
    def cost(self) -> Cost:
        return Cost(answers=self.queries)

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        squares = Squares.drawn(pixels, self.budget, self.queries, draws)
        made = squares.start
        margin = _margin(logits, made, goal)
        for query in range(1, self.queries):
            tried = squares.tried(made, query)
            found = _margin(logits, tried, goal)
            better = (found < margin) & (margin >= 0)  # images that have reached the goal stay as they are
            made = torch.where(better.reshape(-1, 1, 1, 1), tried, made)
            margin = torch.where(better, found, margin)
        return made


@dataclass(frozen=True)
class Squares:
    """The changes that a search tries, one for each query, drawn before the first.

    Attributes:
        pixels: the images that are attacked, ``n c h w``.
        start: the images with vertical stripes of plus or minus the budget, ``n c h w``.
        places: where each square lies, as shares of the room that there is, ``(n, queries, 2)``.
        colours: plus or minus one for each square and channel, ``(n, queries, c)``.
    """

    pixels: Tensor
    budget: float
    start: Tensor
    places: Tensor
    colours: Tensor

    @staticmethod
    def drawn(pixels: Tensor, budget: float, queries: int, draws: Draws) -> Squares:
        """Draw the changes for ``queries`` queries."""
        channels, _, width = pixels.shape[1:]
        start = (pixels + budget * _signs(draws.uniform(channels, 1, width))).clamp(0, 1)
        places, colours = draws.uniform(queries, 2), _signs(draws.uniform(queries, channels))
        return Squares(pixels, budget, start, places, colours)

    def tried(self, made: Tensor, query: int) -> Tensor:
        """Return ``made`` with the square of a query in each image, ``n c h w``; there are fewer pixels later on."""
        height, width = made.shape[2:]
        side = _side(query / self.places.shape[1], min(height, width))
        room = torch.tensor([height - side + 1, width - side + 1], device=made.device)
        top, left = (self.places[:, query] * room).long().unbind(1)
        inside = _window(top, height, side)[:, None, :, None] & _window(left, width, side)[:, None, None, :]
        changed = (self.pixels + self.budget * self.colours[:, query, :, None, None]).clamp(0, 1)
        return torch.where(inside, changed, made)


def _margin(logits: Logits, pixels: Tensor, goal: Goal) -> Tensor:
    with torch.no_grad():
        return goal.margin(logits(pixels))


def _signs(uniform: Tensor) -> Tensor:
    return torch.where(uniform < 0.5, -1.0, 1.0)


def _side(spent: float, most: int) -> int:
    """Return the squares' side in pixels after the share ``spent`` of the queries; it shrinks as in the paper."""
    share = _SIZE * 0.5 ** sum(spent > mark for mark in _HALVINGS)
    return max(1, min(most - 1, round(most * sqrt(share))))


def _window(start: Tensor, length: int, side: int) -> Tensor:
    """Return which of ``length`` positions lie in each image's window, bool ``(n, length)``."""
    at = torch.arange(length, device=start.device)
    return (at >= start[:, None]) & (at < start[:, None] + side)
