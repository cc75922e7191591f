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


def assert_same_function(
    one: Callable[[Tensor], Tensor],
    other: Callable[[Tensor], Tensor],
    x: Tensor,
    tolerance: float = 1e-6,
) -> None:
    """Assert that two functions agree on ``x`` in float64, up to a share of their largest value.

    In float32 a deep network's logits differ by what its depth makes of a processor's order of
    summation, and no tolerance is right for all. In float64 that is below 1e-9. The tolerance is
    for parameters that one side has rounded to float32, which is done alike on all processors.
    """
    with torch.no_grad(), Float64():
        found, expected = one(x.double()), other(x.double())
    assert found.dtype == expected.dtype == torch.float64
    scale = float(expected.abs().max())
    torch.testing.assert_close(found, expected, rtol=0.0, atol=tolerance * scale)


def doubled(value: Any) -> Any:
    """Return a float32 tensor or data type as float64, and anything else as it is."""
    if isinstance(value, Tensor):
        return value.double() if value.dtype == torch.float32 else value
    return torch.float64 if value is torch.float32 else value
