"""Choices and defaults of `profile`, and the names of its files.

Nothing heavy is imported here, because the command line reads it for its help.
"""

from __future__ import annotations

from typing import Literal, get_args

from pathprint.profiling.writing.places import Form

Selecting = Literal["cumulative", "absolute", "hybrid"]
SELECTIONS: tuple[Selecting, ...] = get_args(Selecting)
"""How layers choose contributions.

``cumulative``: the largest ones, up to the share theta of the sum. ``absolute``: those above a threshold of the layer.
``hybrid``: absolute in the first half of the layers, cumulative in the others.
"""

PROFILE_PER_CLASS = 1000
"""Most correctly predicted images that are profiled per class."""

FACTS, SIGNATURES, IMAGES = "profile.json", "signatures.safetensors", "images.safetensors"
SYNAPSES = "synapses.safetensors"
"""Name of the file that only a profile with synapses has."""

PROFILE = Form(
    "profile",
    frozenset({FACTS, SIGNATURES, IMAGES, SYNAPSES, "network.json", "network.safetensors"}),
    FACTS,
    frozenset({"policy", "data", "seed"}),
)
"""What a profile is known by."""
