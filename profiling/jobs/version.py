"""Which version of our code runs: what one version has begun, another one does not go on with."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed


def version() -> str:
    """Return the version of this package, or ``unknown`` if it is not installed."""
    try:
        return installed("pathprint")
    except PackageNotFoundError:
        return "unknown"
