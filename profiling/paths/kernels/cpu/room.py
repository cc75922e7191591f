"""Memory that a thread uses again: the system takes longer to provide it than most steps take to fill it."""

from __future__ import annotations

from threading import local
from typing import Any

import numpy as np
import numpy.typing as npt

_KEPT = 1 << 26
"""Bytes of a buffer, at most, that is kept; larger ones are given back after use."""


class Room(local):
    """Buffers by name, for one thread each. A buffer is overwritten when it is next asked for."""

    def __init__(self) -> None:
        self._buffers: dict[str, npt.NDArray[Any]] = {}

    def __reduce__(self) -> tuple[type[Room], tuple[()]]:
        """Be copied as an empty one: detectors, which hold a kernel, are copied."""
        return Room, ()

    def take(self, name: str, size: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Return a buffer of ``size``: zeros if it is new, else with what its last user left in it."""
        buffer = self._buffers.get(name)
        if buffer is None or len(buffer) < size:
            buffer = np.zeros(size, dtype)
            if buffer.nbytes <= _KEPT:
                self._buffers[name] = buffer
        return buffer[:size]
