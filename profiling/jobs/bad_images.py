"""Images that cannot be used: few are named, many end a job."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from pathprint.profiling.errors import DataError

log = logging.getLogger("pathprint.jobs")
_SHOWN = 10


@dataclass
class BadImages:
    """The bad images of a job as they are found. They are counted, and only the first ones are kept.

    Attributes:
        name: of the data.
        images: number of all images.
        max_fraction: largest share of them that may be bad.
        first: why an image cannot be used, by its position; the lowest positions that were found.
    """

    name: str
    images: int
    max_fraction: float
    count: int = 0
    first: dict[int, str] = field(default_factory=dict)

    def add(self, bad: Mapping[int, str]) -> None:
        """Count images that cannot be used; ``bad`` says why, by their position.

        Raises:
            DataError: there are too many by now; the message lists them.
        """
        self.count += len(bad)
        self.first = dict(sorted({**self.first, **bad}.items())[:_SHOWN])
        if self.count > self.max_fraction * self.images:
            raise DataError(
                f"{self.name}: {self.count} of {self.images} images cannot be used, more than the share of "
                f"{self.max_fraction:.1%} that `max_bad_fraction` allows: {self._listed}."
            )

    def log(self, become: str) -> None:
        """Log which images are bad, if there are some, and what they ``become``, such as "are left out"."""
        if self.count:
            log.warning("%s: %d of %d images %s: %s.", self.name, self.count, self.images, become, self._listed)

    @property
    def _listed(self) -> str:
        more = f"; and {self.count - _SHOWN} more" if self.count > _SHOWN else ""
        return "; ".join(reason.rstrip(".") for reason in self.first.values()) + more


def check_bad(name: str, bad: Mapping[int, str], images: int, max_bad_fraction: float) -> None:
    """Log why images are left out.

    Args:
        bad: why an image cannot be used, by its position.
        images: number of all images.

    Raises:
        DataError: the share of bad ones is above ``max_bad_fraction``; the message lists them.
    """
    found = BadImages(name, images, max_bad_fraction)
    found.add(bad)
    found.log("are left out")
