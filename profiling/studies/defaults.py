"""Default values of the studies. Nothing heavy is imported here, because the command line reads it for its help."""

from __future__ import annotations

from typing import Literal, get_args

from pathprint.profiling.writing.places import Form

DENSITY_THETAS = (0.1, 0.3, 0.5, 0.7, 0.9)
SANITY_THETAS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

Varied = Literal["theta", "layers", "images", "attack"]
VARIED: tuple[Varied, ...] = get_args(Varied)
"""What the detection study can vary."""
DETECTION_THETAS = (0.1, 0.3, 0.5, 0.7, 0.9)
DETECTION_LAYERS = (1, 2, 3, 5, 8, 12, 20, 50)
DETECTION_IMAGES = (2, 5, 10, 20, 50, 100, 200, 500)

SANITY = Form(
    "result of `pathprint sanity`", frozenset({"sanity.json", "sanity.svg"}), "sanity.json", frozenset({"points"})
)
"""What the folder that `pathprint sanity` writes is known by."""
