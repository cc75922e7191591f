"""What lies beside a bundle for people who look at it: examples to try, and the report on it. No verdict needs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from pathprint.profiling.detection.bundle_files import report_beside
from pathprint.profiling.detection.examples import Examples, load_examples
from pathprint.profiling.errors import BundleError

log = structlog.get_logger("app")
_LARGEST_REPORT = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """What was found beside a bundle when it was loaded.

    Attributes:
        examples: None if there are none.
        report: the page that `pathprint evaluate` wrote about this very bundle; None if there is none.
    """

    examples: Examples | None = None
    report: bytes | None = None


NOTHING = Beside()


def found_beside(folder: Path, sha256: str, shape: Sequence[int]) -> Beside:
    """Return what lies beside the folder of a bundle. What cannot be read is left out, and the log says why."""
    try:
        examples = load_examples(folder, sha256, shape)
    except BundleError as error:
        log.warning("examples left out", reason=str(error))
        examples = None
    return Beside(examples, _report(report_beside(folder), sha256))


def _report(path: Path, sha256: str) -> bytes | None:
    """Return a report if it names the bundle: one on an older bundle would be taken for a report on this one."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_REPORT:
            return None
        page = path.read_bytes()
    except OSError as error:
        log.warning("report left out", reason=f"{path}: {error.strerror}")
        return None
    return page if sha256.encode() in page else None
