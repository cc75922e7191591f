"""The allow-list of operations that a program from a ``.pt2`` file may call."""

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
        "aten.addmm.default",
        "aten.expand_as.default",
        "aten.mm.default",
        "aten.reshape_as.default",
        "aten.swapaxes.default",
        "aten.to.device",
        "aten.to.dtype",
    }
)
"""Operations that become others of the allow-list when capture makes a program functional."""


def _in_place(operation: str) -> str:
    """Return the name of an operation's in-place form: ``aten.relu_.default`` for ``aten.relu.default``."""
    namespace, packet, overload = operation.split(".")
    return f"{namespace}.{packet}_.{overload}"


REPLAYED = _PLAIN | _MORE | {_in_place(name) for name in _PLAIN if name.startswith("aten.")}
"""Every operation that a program may call, in-place forms included."""

IGNORED = ASSERTIONS | {
    "aten.sym_constrain_range_for_size.default",
    *(f"operator.{name}" for name in ("eq", "ge", "gt", "le", "lt", "ne")),
}
"""Assertions and the comparisons that they read. They are skipped, as capture checks the network itself."""


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
