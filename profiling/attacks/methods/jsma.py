"""JSMA: change few values, each to 0 or 1 (Papernot et al. 2016, algorithm 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from pathprint.profiling.attacks.attack import Cost, Goal, Logits, climb
from pathprint.profiling.attacks.ball import wrong_side
from pathprint.profiling.attacks.draws import Draws

_SHORTLIST = 64


class _Effects(NamedTuple):
    """First-order effect of setting one value, on the target's logit and on the sum of the others, ``(n, 2 d)`` each.

    The first ``d`` columns set a value to 0, the last ``d`` set it to 1.
    """

    target: Tensor
    others: Tensor


@dataclass(frozen=True, slots=True)
class Jsma:
    """Set pairs of values to 0 or 1 until the answer changes.

    Each step takes the pair with the largest product of two effects: how much it raises the target's logit, and how
    much it lowers the sum of the other logits (equations 8 to 10 of the paper). This differs from the paper in two
    ways: a value may be set to 0 or to 1, and pairs are searched among the 64 best single changes, because a
    photograph has about 10^10 pairs. Without a target, the runner-up class is the target.

    Attributes:
        share: largest share of an image's values that may change.
        most: largest number of values that may change; every pair costs two gradients.
    """

    share: float
    most: int = 200

    @property
    def cost(self) -> Cost:
        return Cost(answers=1, gradients=2 * (self.most // 2), at_most=True)

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
    """Return the effects of setting each value, and the logits ``n k``."""
    found, _, total = climb(logits, made, lambda z: z.sum(1))
    _, _, own = climb(logits, made, lambda z: z.gather(1, target[:, None])[:, 0])
    down, up = (-made).flatten(1), (1 - made).flatten(1)
    own, others = own.flatten(1), (total - own).flatten(1)
    return _Effects(torch.cat([own * down, own * up], 1), torch.cat([others * down, others * up], 1)), found


def _best_pair(effects: _Effects, untouched: Tensor) -> tuple[Tensor, Tensor]:
    """Return the best two changes of each image as columns of ``effects``, ``(n,)`` each; both values are untouched."""
    single = (effects.target - effects.others).masked_fill(~untouched.repeat(1, 2), -torch.inf)
    listed = single.topk(min(_SHORTLIST, single.shape[1]), 1).indices
    target, others = (effect.gather(1, listed) for effect in effects)
    rise = target[:, :, None] + target[:, None, :]
    fall = -(others[:, :, None] + others[:, None, :])
    # A pair that does not have both effects ranks by its summed effect, below every pair that has both.
    saliency = torch.where((rise > 0) & (fall > 0), rise * fall, (rise + fall).clamp(max=0) - 1)
    value = listed % untouched.shape[1]
    usable = single.gather(1, listed).isfinite()
    excluded = (value[:, :, None] == value[:, None, :]) | ~(usable[:, :, None] & usable[:, None, :])
    best = saliency.masked_fill(excluded, -torch.inf).flatten(1).argmax(1)
    width = listed.shape[1]
    rows = torch.arange(len(listed), device=listed.device)
    return listed[rows, best // width], listed[rows, best % width]


def _set(made: Tensor, untouched: Tensor, chosen: Tensor, open_: Tensor) -> None:
    """Carry out the ``chosen`` change of each image that has not reached its goal (``open_``), in place."""
    values = made.view(len(made), -1)
    rows = torch.arange(len(made), device=made.device)[open_]
    where = chosen[open_] % values.shape[1]
    values[rows, where] = (chosen[open_] >= values.shape[1]).to(values.dtype)
    untouched[rows, where] = False
