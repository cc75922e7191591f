"""Memory that runs out while an image is decoded or examined: the client is told to come again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import torch

from pathprint.app.problems.kinds import ProblemError

_OF_THE_CPU = "DefaultCPUAllocator"
"""What torch's allocator calls itself in its errors, which are of no type of their own."""
log = structlog.get_logger("app")


def ran_out(error: Exception) -> bool:
    """Say whether an error of Python, Pillow, NumPy or torch means that no memory was left."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or _OF_THE_CPU in str(error)


@contextmanager
def told_to_come_again() -> Iterator[None]:
    """Turn an error that means that no memory was left during the block into a problem for the client.

    Raises:
        ProblemError: no memory was left.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not ran_out(error):
            raise
        log.error("no memory left for an image", error=type(error).__name__)
        detail = "There is no memory left for the image at the moment; send it again later."
        raise ProblemError("overloaded", detail, {"Retry-After": "1"}) from error
