"""JSMA: few values, changed as far as they go (Papernot et al. 2016, algorithm 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from pathprint.profiling.attacks.attack import Goal, Logits, climb
from pathprint.profiling.attacks.ball import wrong_side
from pathprint.profiling.attacks.draws import Draws

_SHORTLIST = 64


class _Effects(NamedTuple):
    """What setting each value to 0 or to 1 does to first order, ``(n, 2 d)``: first all to 0, then all to 1."""

    target: Tensor
    others: Tensor


@dataclass(frozen=True, slots=True)
class Jsma:
    """Set pairs of values to 0 or 1 until the answer changes.

    Each step takes the pair that raises the target's logit and lowers the sum of the others most,
    by the product of both (equations 8 to 10 there). We deviate twice: a value may go to either
    bound, and pairs are sought among the 64 best single values, since all pairs of a photograph
    are 10^10. Without a target the runner-up class is one.

    Attributes:
        share: largest share of the values of an image that may change.
        most: largest number of them; every two cost two gradients.
    """

    share: float
    most: int = 200

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        made = pixels.clone()
        target = _target(logits, pixels, goal)
        aim = Goal(goal.labels, target)
        allowed = min(int(self.share * pixels[0].numel()), self.most)
        untouched = torch.ones_like(pixels, dtype=torch.bool).flatten(1)
        for _ in range(allowed // 2):
            effects, found = _effects(logits, made, target)
            open_ = ~wrong_side(aim.margin(found))
            if not open_.any():
                break
            first, second = _best_pair(effects, untouched)
            for chosen in (first, second):
                _set(made, untouched, chosen, open_)
        return made


def _target(logits: Logits, pixels: Tensor, goal: Goal) -> Tensor:
    if goal.targets is not None:
        return goal.targets
    with torch.no_grad():
        return logits(pixels).scatter(1, goal.labels[:, None], -torch.inf).argmax(1)


def _effects(logits: Logits, made: Tensor, target: Tensor) -> tuple[_Effects, Tensor]:
    """Return the effects of every change, and the logits."""
    found, _, total = climb(logits, made, lambda z: z.sum(1))
    _, _, own = climb(logits, made, lambda z: z.gather(1, target[:, None])[:, 0])
    down, up = (-made).flatten(1), (1 - made).flatten(1)
    own, others = own.flatten(1), (total - own).flatten(1)
    return _Effects(torch.cat([own * down, own * up], 1), torch.cat([others * down, others * up], 1)), found


def _best_pair(effects: _Effects, untouched: Tensor) -> tuple[Tensor, Tensor]:
    """Return two changes per image ``(n,)``: of different values, both untouched."""
    single = (effects.target - effects.others).masked_fill(~untouched.repeat(1, 2), -torch.inf)
    listed = single.topk(min(_SHORTLIST, single.shape[1]), 1).indices
    target, others = (effect.gather(1, listed) for effect in effects)
    rise = target[:, :, None] + target[:, None, :]
    fall = -(others[:, :, None] + others[:, None, :])
    # Where no pair does both, the larger difference decides; below every pair that does.
    saliency = torch.where((rise > 0) & (fall > 0), rise * fall, (rise + fall).clamp(max=0) - 1)
    value = listed % untouched.shape[1]
    usable = single.gather(1, listed).isfinite()
    excluded = (value[:, :, None] == value[:, None, :]) | ~(usable[:, :, None] & usable[:, None, :])
    best = saliency.masked_fill(excluded, -torch.inf).flatten(1).argmax(1)
    width = listed.shape[1]
    rows = torch.arange(len(listed), device=listed.device)
    return listed[rows, best // width], listed[rows, best % width]


def _set(made: Tensor, untouched: Tensor, chosen: Tensor, open_: Tensor) -> None:
    """Carry out one change per image where the goal is still open."""
    values = made.view(len(made), -1)
    rows = torch.arange(len(made), device=made.device)[open_]
    where = chosen[open_] % values.shape[1]
    values[rows, where] = (chosen[open_] >= values.shape[1]).to(values.dtype)
    untouched[rows, where] = False
