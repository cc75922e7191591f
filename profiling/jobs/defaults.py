"""What `profile` can do and does by default. Nothing heavy is imported here: the command line reads it for its help."""

from __future__ import annotations

from typing import Literal, get_args

Selecting = Literal["cumulative", "absolute", "hybrid"]
SELECTIONS: tuple[Selecting, ...] = get_args(Selecting)
"""How layers choose contributions: by theta, by a threshold of their own, or so in the first half of the layers."""

PROFILE_PER_CLASS = 1000
"""Correctly predicted images of each class that are profiled at most."""
