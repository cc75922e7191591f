"""``pathprint study NAME``: the papers' own studies of paths, one file each."""

from __future__ import annotations

from pathprint.profiling.cli.lazy import Commands

study = Commands(
    "study",
    __name__,
    {
        "Studies": {
            "density": "How much of the network is in the path of an image, of a class, of all classes.",
            "similarity": "How alike the paths of two classes are.",
            "growth": "How the path of a class grows as images are added.",
            "detection": "How well attacks are found, by theta, layers, images or attack.",
            "blocks": "Which way paths take through residual blocks.",
        }
    },
    """Repeat one of the papers' studies of paths.

    Example:
        pathprint study density --network digits-cnn
    """,
)
