"""Choose the operands of sums of two activations. Triton."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def choose_operands(
    wanted, first, second, takes_first, takes_second, theta, count, first_scale, second_scale,
    positive: tl.constexpr, argmax: tl.constexpr, tile: tl.constexpr,
):  # fmt: skip
    """Mark which operands of each wanted sum are chosen, for ``count`` units of all images, one after the other.

    Two contributions need no sorting: the larger one (the first on a tie) is chosen if it suffices or stands alone,
    else both are.

    Args:
        wanted: bool ``(count,)``. ``first``, ``second``: float32 ``(count,)``.
        takes_first, takes_second: bool ``(count,)``, set for each unit.
        theta, first_scale, second_scale: float64 ``(1,)``; what each operand is multiplied by.
        positive: whether the total is that of positive contributions alone.
        argmax: whether the largest contribution is kept where the total is not positive.
    """
    unit = tl.program_id(0).to(tl.int64) * tile + tl.arange(0, tile)
    inside = unit < count
    wants = tl.load(wanted + unit, mask=inside, other=0) != 0
    a = tl.load(first + unit, mask=wants, other=0.0).to(tl.float64) * tl.load(first_scale)
    b = tl.load(second + unit, mask=wants, other=0.0).to(tl.float64) * tl.load(second_scale)
    negative = a + b < 0
    a = tl.where(negative, -a, a)
    b = tl.where(negative, -b, b)
    total = a + b
    if positive:
        total = tl.maximum(a, 0.0) + tl.maximum(b, 0.0)
    largest = tl.maximum(a, b)
    explained = (total > 0) & (largest > 0)
    both = explained & (largest < tl.load(theta) * total)
    leads = explained
    if argmax:
        leads = largest > 0
    tl.store(takes_first + unit, wants & ((leads & (a >= b)) | (both & (a > 0))), mask=inside)
    tl.store(takes_second + unit, wants & ((leads & (a < b)) | (both & (b > 0))), mask=inside)
