"""The report of a scan: a line for each image, in the order of the data, written as a stream.

Nothing heavy is imported here, so that a wrong name of the file is refused at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pathprint.profiling.jobs.scanned_image import COLUMNS, ScannedImage
from pathprint.profiling.writing.table import table

Write = Callable[[Sequence[ScannedImage]], None]
"""Adds lines to a report."""
_TYPES: dict[str, type] = {"predicted": int, "stage": int, "inferences": int, "flagged": bool, "reasons": list}
_TYPES |= dict.fromkeys(("confidence", "score", "threshold", "p_value"), float)


@contextmanager
def report(path: Path) -> Iterator[Write]:
    """Yield what adds lines to a report, which appears when the block ends without an error.

    Raises:
        OutputError: it cannot be written, as when the disk is full.
    """
    with table(path, {name: _TYPES.get(name, str) for name in COLUMNS}) as add:
        yield lambda lines: add([line.to_dict() for line in lines])
