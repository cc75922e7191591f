"""Keep activations on a GPU as exact as on a CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import torch

_SWITCH = Lock()
"""The switch belongs to the process: two threads must not put it back under each other."""


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Have convolutions on a GPU take float32 inputs as they are.

    By default they are rounded to ten bits of mantissa (TF32), and paths would differ from those on
    a CPU, and from the signatures, far beyond the borderline (docs/method.md, agreement).
    """
    if device.type != "cuda":
        yield
        return
    with _SWITCH:
        before = torch.backends.cudnn.allow_tf32
        torch.backends.cudnn.allow_tf32 = False
        try:
            yield
        finally:
            torch.backends.cudnn.allow_tf32 = before
