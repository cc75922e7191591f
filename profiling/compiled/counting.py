"""Count bits in compiled code: one instruction, which numba has no function for."""

from __future__ import annotations

from typing import Any

from numba import types

from pathprint.profiling.compiled.vectors import intrinsic


@intrinsic
def ones(typing: Any, word: Any) -> Any:
    """Return how many bits of a uint64 are set."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.uint64), generate
