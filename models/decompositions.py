"""Operations that capture rewrites in terms of others, so that one rule covers all their forms.

Each returns its value, or ``NotImplemented`` for a form that stays as it is and is then refused.
"""

from __future__ import annotations

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
    if attn_mask is not None:
        if attn_mask.dtype == torch.bool:
            return NotImplemented
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


DECOMPOSITIONS = {
    torch.ops.aten.scaled_dot_product_attention.default: attention,
    torch.ops.aten.einsum.default: einsum,
}
