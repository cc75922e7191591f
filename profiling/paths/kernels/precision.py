"""Keep activations on a GPU as exact as on a CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import torch

_SWITCH = Lock()
"""Torch's switch for TF32 belongs to the process, so only one thread at a time may turn it off and on again."""


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Have convolutions on a GPU take float32 inputs as they are.

    By default inputs are rounded to ten bits of mantissa (TF32). Paths would then differ from those
    on a CPU, and from the signatures, in many units that are not borderline (docs/method.md, agreement).
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
