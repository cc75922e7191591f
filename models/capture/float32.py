"""While a module runs, keep it in float32 and let ``squeeze`` keep the axis of the images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_OTHERS = {torch.float16, torch.bfloat16, torch.float64}
_CASTS = {Tensor.half, Tensor.bfloat16, Tensor.double}


class Float32(TorchFunctionMode):
    """Inside the block, casts to other floating types are casts to float32, autocast does nothing, and so on.

    A canonical network computes in float32, while many networks are written to cast to float16 or bfloat16 on the
    way. And ``x.squeeze()`` of any number of images removes the axes of length one but for the first: with a single
    image it would remove the axis of the images too.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _CASTS:
            return args[0].float()
        if func in {Tensor.to, Tensor.type}:
            args, kwargs = tuple(map(_float32, args)), {name: _float32(value) for name, value in kwargs.items()}
        if func in {torch.squeeze, Tensor.squeeze} and len(args) + len(kwargs) == 1:
            return _squeezed(args[0] if args else kwargs["input"])
        with torch._C._DisableAutocast():
            return func(*args, **kwargs)


def _float32(value: Any) -> Any:
    return torch.float32 if isinstance(value, torch.dtype) and value in _OTHERS else value


def _squeezed(x: Tensor) -> Tensor:
    return x.squeeze([axis for axis in range(1, x.dim()) if isinstance(x.shape[axis], int) and x.shape[axis] == 1])
