"""What changed when other models took the place of those that answered, and what became free."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass

from pathprint.app.runtime.models import Loaded, Models


@dataclass(frozen=True, slots=True)
class Swap:
    """What a loading changed.

    Attributes:
        loaded: bundles that answer now and did not before.
        kept: bundles that answered before and still do.
        removed: bundles that answered before and no longer do.
    """

    loaded: tuple[Loaded, ...]
    kept: tuple[Loaded, ...]
    removed: tuple[Loaded, ...]

    @staticmethod
    def between(old: Models | None, new: Models) -> Swap:
        """Return what changes when ``new`` takes the place of ``old``."""
        before, after = set(old or ()), set(new)
        return Swap(
            tuple(one for one in new if one not in before),
            tuple(one for one in new if one in before),
            tuple(one for one in old or () if one not in after),
        )

    @property
    def changed(self) -> bool:
        """Whether other bundles answer now, or the ones that did have other names."""
        return bool(self.loaded or self.removed)

    @property
    def facts(self) -> dict[str, list[dict[str, str]]]:
        """What changed, for the log."""
        lists = {"loaded": self.loaded, "kept": self.kept, "removed": self.removed}
        return {title: [one.identity for one in found] for title, found in lists.items()}


def when_released(loaded: Loaded, then: Callable[[], None]) -> None:
    """Call ``then`` once nobody holds a bundle any more: the last request that was given it has been answered."""
    weakref.finalize(loaded.bundle, then).atexit = False
