"""Operations that capture rewrites in terms of others, so that one rule covers all their forms.

Each returns its value, or ``NotImplemented`` for a form that stays as it is and is then refused.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


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
    """Scaled dot-product attention as products and a softmax; dropout is off in evaluation mode."""
    if enable_gqa or is_causal:
        return NotImplemented
    scores = torch.matmul(query * (query.shape[-1] ** -0.5 if scale is None else scale), key.transpose(-2, -1))
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        scores = torch.ops.aten.where.ScalarOther(attn_mask, scores, torch.finfo(scores.dtype).min)
    elif attn_mask is not None:
        scores = scores + attn_mask
    return torch.matmul(torch.softmax(scores, -1), value)


def einsum(equation: str, operands: list[Tensor], *, path: Any = None) -> Any:
    """``…ij,…jk->…ik`` and ``…ij,…kj->…ik`` as matrix products; anything else stays as it is."""
    terms, _, output = equation.replace(" ", "").partition("->")
    if terms.count(",") != 1 or "." in terms:
        return NotImplemented
    left, right = terms.split(",")
    batch, row, column = output[:-2], output[-2:-1], output[-1:]
    inner = left[-1:]
    if len({*batch, row, column, inner}) != len(left) + 1 or left != batch + row + inner:
        return NotImplemented
    if right == batch + inner + column:
        return torch.matmul(operands[0], operands[1])
    if right == batch + column + inner:
        return torch.matmul(operands[0], operands[1].transpose(-2, -1))
    return NotImplemented


def addcmul(base: Tensor, first: Tensor, second: Tensor, *, value: float = 1) -> Tensor:
    """Add a product, as the affine layers of ResMLP do."""
    return base + first * second * value


def mean(x: Tensor, dim: list[int] | None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Any:
    """Average over axes as over the last ones, to which they are moved."""
    axes = sorted(axis % x.dim() for axis in dim or ())
    rest = [axis for axis in range(x.dim()) if axis not in axes]
    if dtype is not None or not axes or axes[0] == len(rest):
        return NotImplemented
    averaged = x.permute(rest + axes).mean(list(range(len(rest), x.dim())))
    for axis in axes if keepdim else ():
        averaged = averaged.unsqueeze(axis)
    return averaged


def total(x: Tensor, dim: list[int] | None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Any:
    """Sum over axes as their mean times the number of elements, which chooses the same."""
    if not dim or dtype is not None or any(not isinstance(x.shape[axis], int) for axis in dim):
        return NotImplemented
    return x.mean(dim, keepdim) * math.prod(x.shape[axis] for axis in dim)


def type_as(x: Tensor, other: Tensor) -> Any:
    """Convert to the type that ``x`` has already."""
    return x.clone() if x.dtype == other.dtype else NotImplemented


DECOMPOSITIONS = {
    torch.ops.aten.addcmul.default: addcmul,
    torch.ops.aten.einsum.default: einsum,
    torch.ops.aten.mean.dim: mean,
    torch.ops.aten.scaled_dot_product_attention.default: attention,
    torch.ops.aten.sum.dim_IntList: total,
    torch.ops.aten.type_as.default: type_as,
}
