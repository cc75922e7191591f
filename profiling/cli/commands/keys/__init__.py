"""``pathprint keys``: API keys of the service."""

from __future__ import annotations

from pathprint.profiling.cli.lazy import Commands

SECTIONS = {"Commands": {"new": "Make an API key, and the lines of the key file that accept it."}}
"""The function of each command is in NAME.py of this folder."""

keys = Commands(
    "keys",
    __name__,
    SECTIONS,
    """Make API keys for the service.

    Example:
        pathprint keys new shop --scope detect
    """,
)
