"""The operations that a program from a file may call: an allow-list, like that of a stored graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from pathprint.models import operations
from pathprint.models.capture.decompositions import DECOMPOSITIONS
from pathprint.models.operations import ALLOWED, ASSERTIONS, CONSTANT, IDENTITIES, VIEWS

_PLAIN = ALLOWED | IDENTITIES | VIEWS | CONSTANT | {str(operation) for operation in DECOMPOSITIONS}

_MORE = frozenset(
    {
        "aten.expand_as.default",
        "aten.reshape_as.default",
        "aten.swapaxes.default",
        "aten.to.device",
        "aten.to.dtype",
    }
)
"""What becomes one of the others when a program is made functional."""


def _in_place(operation: str) -> str:
    """Return the name of the form of ``operation`` that changes its first argument: ``aten.relu_.default``."""
    namespace, packet, overload = operation.split(".")
    return f"{namespace}.{packet}_.{overload}"


REPLAYED = _PLAIN | _MORE | {_in_place(name) for name in _PLAIN if name.startswith("aten.")}

IGNORED = ASSERTIONS | {
    "aten.sym_constrain_range_for_size.default",
    *(f"operator.{name}" for name in ("eq", "ge", "gt", "le", "lt", "ne")),
}
"""Assertions about sizes, and what they assert; capture checks the network itself."""


def our_name(target: str) -> str:
    """Return our name of a serialised target: ``torch.ops.aten.conv2d.default`` is ``aten.conv2d.default``."""
    return target.removeprefix("torch.ops.").removeprefix("_")


def resolve(operation: str) -> Callable[..., Any]:
    """Return the function of an operation in ``REPLAYED``.

    Raises:
        AttributeError: this version of torch has no such operation.
    """
    if operation in ALLOWED:
        return operations.resolve(operation)
    _, packet, overload = operation.split(".")
    function: Callable[..., Any] = getattr(getattr(torch.ops.aten, packet), overload)
    return function
