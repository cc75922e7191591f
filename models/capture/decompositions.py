"""Operations that capture rewrites in terms of others, so that one rule covers all their forms.

Each function takes the arguments of its operation and returns the operation's value. It returns ``NotImplemented``
for a form that stays in the graph as it is: that form has a rule of its own, or capture refuses it.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from pathprint.models.capture import choices


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """Return scaled dot-product attention (Vaswani et al. 2017, eq. 1) as two products and a softmax.

    Dropout is ignored, as it is off in evaluation mode. Causal and grouped-query attention stay as they are.
    """
    if enable_gqa or is_causal:
        return NotImplemented
    scores = torch.matmul(query * (query.shape[-1] ** -0.5 if scale is None else scale), key.transpose(-2, -1))
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        scores = torch.ops.aten.where.ScalarOther(attn_mask, scores, torch.finfo(scores.dtype).min)
    elif attn_mask is not None:
        scores = scores + attn_mask
    return torch.matmul(torch.softmax(scores, -1), value)


def einsum(equation: str, operands: list[Tensor], *, path: Any = None) -> Any:
    """Return ``bij,bjk->bik`` and ``bij,bkj->bik`` as matrix products; other equations stay as they are.

    The letters may differ, and there may be any number of batch axes ``b``, which the second operand may lack.
    """
    terms, _, output = equation.replace(" ", "").partition("->")
    if terms.count(",") != 1 or "." in terms:
        return NotImplemented
    left, right = terms.split(",")
    batch, row, column = output[:-2], output[-2:-1], output[-1:]
    inner = left[-1:]
    if len({*batch, row, column, inner}) != len(left) + 1 or left != batch + row + inner:
        return NotImplemented
    if right in {batch + inner + column, inner + column}:
        return torch.matmul(operands[0], operands[1])
    if right in {batch + column + inner, column + inner}:
        return torch.matmul(operands[0], operands[1].transpose(-2, -1))
    return NotImplemented


def addcmul(base: Tensor, first: Tensor, second: Tensor, *, value: float = 1) -> Tensor:
    """Return ``base + value * first * second``, which the affine layers of ResMLP compute."""
    return base + first * second * value


def between(x: Tensor, other: Tensor, weight: float) -> Tensor:
    """Return ``x + weight * (other - x)`` as the sum that it is of two scaled activations."""
    return x * (1 - weight) + other * weight


def mean(x: Tensor, dim: list[int] | None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Any:
    """Return a mean over any axes as a mean over the last axes, the one form with a rule: move them there first."""
    axes = sorted(axis % x.dim() for axis in dim or ())
    rest = [axis for axis in range(x.dim()) if axis not in axes]
    if dtype is not None or not axes or axes[0] == len(rest):
        return NotImplemented
    averaged = x.permute(rest + axes).mean(list(range(len(rest), x.dim())))
    for axis in axes if keepdim else ():
        averaged = averaged.unsqueeze(axis)
    return averaged


def total(x: Tensor, dim: list[int] | None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Any:
    """Return a sum over axes as their mean times the number of elements: a path passes both in the same way."""
    if not dim or dtype is not None or any(not isinstance(x.shape[axis], int) for axis in dim):
        return NotImplemented
    return x.mean(dim, keepdim) * math.prod(x.shape[axis] for axis in dim)


def largest(x: Tensor, dim: list[int], keepdim: bool = False) -> Any:
    """Return the maxima over axes as a max-pool with one window: move the axes last and make one of them."""
    axes = sorted(axis % x.dim() for axis in dim)
    rest = [axis for axis in range(x.dim()) if axis not in axes]
    if not axes or 0 in axes or any(not isinstance(x.shape[axis], int) for axis in axes + rest[1:]):
        return NotImplemented
    length = math.prod(x.shape[axis] for axis in axes)
    rows = x.permute(rest + axes).reshape(x.shape[0], -1, length)
    kept = [x.shape[axis] for axis in rest]
    maxima = torch.ops.aten.max_pool1d.default(rows, [length]).reshape(kept)
    for axis in axes if keepdim else ():
        maxima = maxima.unsqueeze(axis)
    return maxima


def largest_and_place(x: Tensor, dim: int, keepdim: bool = False) -> Any:
    """Return the maxima over an axis as ``largest`` does, and their places, which a path does not follow."""
    maxima = largest(x, [dim], keepdim)
    return NotImplemented if maxima is NotImplemented else (maxima, x.argmax(dim, keepdim))


def smallest(x: Tensor, dim: list[int], keepdim: bool = False) -> Any:
    """Return the minima over axes as minus the maxima of ``-x``."""
    maxima = largest(-x, dim, keepdim)
    return NotImplemented if maxima is NotImplemented else -maxima


def smallest_and_place(x: Tensor, dim: int, keepdim: bool = False) -> Any:
    """Return the minima over an axis as ``smallest`` does, and their places, which a path does not follow."""
    minima = smallest(x, [dim], keepdim)
    return NotImplemented if minima is NotImplemented else (minima, x.argmin(dim, keepdim))


def gated(x: Tensor, dim: int = -1) -> Tensor:
    """Return a gated linear unit (Dauphin et al. 2017) as one half times the sigmoid of the other."""
    value, gate = x.chunk(2, dim)
    return value * gate.sigmoid()


def type_as(x: Tensor, other: Tensor) -> Any:
    """Return a copy of ``x`` if it has the type of ``other`` already; real conversions stay as they are."""
    return x.clone() if x.dtype == other.dtype else NotImplemented


def to_copy(x: Tensor, *, dtype: torch.dtype | None = None, **_: Any) -> Any:
    """Return a copy of ``x`` if only its layout or device is to change, and a mask as numbers; other types stay."""
    if x.dtype == torch.bool and dtype == torch.float32:
        return torch.ops.aten.where.Scalar(x, 1.0, 0.0)
    return x.clone() if dtype in (None, x.dtype) else NotImplemented


DECOMPOSITIONS = {
    torch.ops.aten.__and__.Tensor: torch.bitwise_and,
    torch.ops.aten.__or__.Tensor: torch.bitwise_or,
    torch.ops.aten._to_copy.default: to_copy,
    torch.ops.aten.addcmul.default: addcmul,
    torch.ops.aten.amax.default: largest,
    torch.ops.aten.amin.default: smallest,
    torch.ops.aten.einsum.default: einsum,
    torch.ops.aten.glu.default: gated,
    torch.ops.aten.lerp.Scalar: between,
    torch.ops.aten.masked_fill.Scalar: choices.filled,
    torch.ops.aten.masked_fill.Tensor: choices.filled_by_tensor,
    torch.ops.aten.max.dim: largest_and_place,
    torch.ops.aten.max.other: choices.larger,
    torch.ops.aten.maximum.default: choices.larger,
    torch.ops.aten.mean.dim: mean,
    torch.ops.aten.min.dim: smallest_and_place,
    torch.ops.aten.min.other: choices.smaller,
    torch.ops.aten.minimum.default: choices.smaller,
    torch.ops.aten.ones_like.default: choices.created(1),
    torch.ops.aten.scaled_dot_product_attention.default: attention,
    torch.ops.aten.sum.dim_IntList: total,
    torch.ops.aten.type_as.default: type_as,
    torch.ops.aten.where.ScalarOther: choices.where_number,
    torch.ops.aten.where.ScalarSelf: choices.number_where,
    torch.ops.aten.where.self: choices.where,
    torch.ops.aten.zeros_like.default: choices.created(0),
}
