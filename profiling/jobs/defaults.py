"""Choices and defaults of `profile`. Nothing heavy is imported here, because the command line reads it for its help."""

from __future__ import annotations

from typing import Literal, get_args

Selecting = Literal["cumulative", "absolute", "hybrid"]
SELECTIONS: tuple[Selecting, ...] = get_args(Selecting)
"""How layers choose contributions.

``cumulative``: the largest ones, up to the share theta of the sum. ``absolute``: those above a threshold of the layer.
``hybrid``: absolute in the first half of the layers, cumulative in the others.
"""

PROFILE_PER_CLASS = 1000
"""Most correctly predicted images that are profiled per class."""
