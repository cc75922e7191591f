"""The classifiers by name. Nothing heavy is imported here, so that the command line can list them at once."""

from __future__ import annotations

from typing import Final, Literal, get_args

Kind = Literal["auto", "logistic", "additive", "joint-similarity", "one-class"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What a user can choose; ``auto`` is the better of logistic and additive."""
ONE_CLASS: Final = "one-class"
"""The kind that learns from clean images alone."""
