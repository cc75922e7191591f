"""Compute in float64 what is written for float32."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map


class Float64(TorchFunctionMode):
    """While it is active, every call takes its float32 arguments as float64.

    A module need not be converted, so that tensors which it keeps outside of its parameters, and
    data types that its code names, are no hindrance.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        args, kwargs = tree_map(doubled, (args, dict(kwargs or {})))
        return func(*args, **kwargs)


def doubled(value: Any) -> Any:
    """Return a float32 tensor or data type as float64, and anything else as it is."""
    if isinstance(value, Tensor):
        return value.double() if value.dtype == torch.float32 else value
    return torch.float64 if value is torch.float32 else value
