"""Images that cannot be used: few are left out and named, many end a job."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from pathprint.profiling.errors import DataError

log = logging.getLogger("pathprint.jobs")
_SHOWN = 10


def check_bad(name: str, bad: Mapping[int, str], images: int, max_bad_fraction: float) -> None:
    """Log why images are left out.

    Args:
        bad: why an image cannot be used, by its position.
        images: number of all images.

    Raises:
        DataError: the share of bad ones is above ``max_bad_fraction``; the message lists them.
    """
    if not bad:
        return
    reasons = [reason.rstrip(".") for _, reason in sorted(bad.items())]
    listed = "; ".join(reasons[:_SHOWN]) + (f"; and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else "")
    if len(bad) > max_bad_fraction * images:
        raise DataError(
            f"{name}: {len(bad)} of {images} images cannot be used, more than the share of {max_bad_fraction:.1%} that "
            f"is allowed (--max-bad-fraction): {listed}."
        )
    log.warning("%s: %d of %d images are left out: %s.", name, len(bad), images, listed)
