"""Rewrite operations that take one of two elements at each place as ``where`` with activations of one shape.

Constants need not have that shape. Each function takes the arguments of its operation and returns the operation's
value, or ``NotImplemented`` if the operation has the wanted form already.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def larger(x: Tensor, other: Tensor) -> Any:
    """Return the larger of two activations; with a constant it is a function of one element and stays."""
    return _better(x, other, torch.ge)


def smaller(x: Tensor, other: Tensor) -> Any:
    """Return the smaller of two activations; with a constant it is a function of one element and stays."""
    return _better(x, other, torch.le)


def _better(x: Tensor, other: Tensor, compare: Callable[[Tensor, Tensor], Tensor]) -> Any:
    """Return the better of two activations by a mask, the first of equal ones."""
    if not (_has_images(x) and _has_images(other)):
        return NotImplemented
    shape = _common_shape(x, other)
    x, other = _spread(x, shape), _spread(other, shape)
    return torch.where(compare(x, other), x, other)


def where(mask: Tensor, x: Tensor, other: Tensor) -> Any:
    """Return ``where`` of a mask and activations of one shape."""
    parts = _of_one_shape(mask, x, other)
    return torch.where(*parts) if parts else NotImplemented


def where_number(mask: Tensor, x: Tensor, other: float) -> Any:
    """Return ``where`` of a mask and an activation of one shape, and a number."""
    parts = _of_one_shape(mask, x)
    return torch.ops.aten.where.ScalarOther(*parts, other) if parts else NotImplemented


def number_where(mask: Tensor, number: float, x: Tensor) -> Any:
    """Return ``where`` of a mask, a number, and an activation of the mask's shape."""
    parts = _of_one_shape(mask, x)
    return torch.ops.aten.where.ScalarSelf(parts[0], number, parts[1]) if parts else NotImplemented


def filled(x: Tensor, mask: Tensor, value: float) -> Any:
    """Return ``x`` with a number where the mask is true, as ``where`` writes it."""
    return torch.ops.aten.where.ScalarSelf(mask, value, x) if x.is_floating_point() else NotImplemented


def filled_by_tensor(x: Tensor, mask: Tensor, value: Tensor) -> Any:
    """Return ``x`` with a tensor's only value where the mask is true, as ``where`` writes it."""
    return torch.where(mask, value, x) if x.dtype == value.dtype else NotImplemented


def created(number: float) -> Callable[..., Any]:
    """Return a function that makes a tensor of one ``number`` in the shape of another: a constant that is spread."""

    def like(x: Tensor, *, dtype: torch.dtype | None = None, **_: Any) -> Any:
        if not _has_images(x):
            return NotImplemented
        return torch.full((), number, dtype=dtype or x.dtype).expand(x.shape)

    return like


def _of_one_shape(*parts: Tensor) -> tuple[Tensor, ...]:
    """Return ``parts`` with every activation among them spread to their common shape; nothing if they have it."""
    shape = _common_shape(*parts)
    if all(part.shape == shape for part in parts if _has_images(part)):
        return ()
    return tuple(_spread(part, shape) if _has_images(part) else part for part in parts)


def _common_shape(*parts: Tensor) -> torch.Size:
    shape: torch.Size = torch.broadcast_shapes(*(part.shape for part in parts))  # type: ignore[no-untyped-call]
    return shape


def _spread(x: Tensor, shape: torch.Size) -> Tensor:
    return x if x.shape == shape else x.expand(shape)


def _has_images(x: Tensor) -> bool:
    """Say whether ``x`` grows with the number of images, as activations do and constants do not."""
    return not all(isinstance(size, int) for size in x.shape)
