"""Random search: change an image anew until it is answered wrongly, without gradients."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pathprint.models.preprocessing import to_8_bit
from pathprint.profiling.attacks.attack import Goal, Logits
from pathprint.profiling.attacks.ball import wrong_side

Try = Callable[[int], Tensor]
"""Takes the number of the try, from 0 on; returns changed images ``n c h w``."""


def first_wrong(logits: Logits, pixels: Tensor, goal: Goal, tries: int, change: Try) -> Tensor:
    """Return for each image its first change that reaches the goal, as 8-bit pixels ``n c h w``.

    Where none of ``tries`` changes does, it is the change that comes nearest to the goal. An image that has reached the
    goal is not asked about again.
    """
    made, nearest = pixels.clone(), torch.full((len(pixels),), torch.inf, device=pixels.device)
    for number in range(tries):
        open_ = torch.nonzero(~wrong_side(nearest))[:, 0]
        if not len(open_):
            break
        tried = to_8_bit(change(number))[open_]
        with torch.no_grad():
            margin = goal.some(open_).margin(logits(tried))
        nearer = margin < nearest[open_]
        made[open_[nearer]], nearest[open_[nearer]] = tried[nearer], margin[nearer]
    return made
