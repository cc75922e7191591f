"""Python frees what is held by nothing but itself when it gets to it; tests here see what is free without that."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """Free only what nothing holds any more, inside the block."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
