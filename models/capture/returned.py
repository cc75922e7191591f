"""Find the logits in what a classifier returns: a tensor, or an object that holds one, as in Hugging Face models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def logits_of(returned: Any) -> Any:
    """Return ``returned.logits``, ``returned["logits"]``, the only item of a tuple, or ``returned`` itself."""
    if isinstance(returned, Mapping):
        return returned.get("logits", returned)
    if isinstance(returned, list | tuple) and len(returned) == 1:
        return returned[0]
    return getattr(returned, "logits", returned)
