"""The small classifiers that turn features into a score, one file each.

A classifier called ``some-name`` is the constant ``CLASSIFIER`` of ``some_name.py`` in this folder.
See docs/extending.md.
"""

from __future__ import annotations

NAMES = (
    "logistic",
    "additive",
    "joint-similarity",
    "one-class",
)
"""Names of all classifiers."""

AUTO = "auto"
CHOICES = (AUTO, *NAMES)
"""What a user can choose: a classifier by name, or ``auto`` for the best of the automatic ones."""
