"""The report of a scan: a line for each image, in the order of the data, written as a stream.

Nothing heavy is imported here, so that a wrong name of the file is refused at once.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pathprint.profiling.errors import MissingExtraError, OptionsError
from pathprint.profiling.jobs.scanned_image import COLUMNS, ScannedImage
from pathprint.profiling.writing.places import check_file
from pathprint.profiling.writing.whole import whole_file

Write = Callable[[Sequence[ScannedImage]], None]
"""Adds lines to a report."""
BETWEEN = " | "
"""What stands between two reasons where a cell holds one text."""
_GROUP = 8192
"""Lines that lie together in a Parquet file, and are held in memory until then."""


def check_report(path: Path) -> None:
    """Check that a report can be written to ``path``.

    Raises:
        OptionsError: its name has none of the endings that say in which format it is to be.
        MissingExtraError: what writes the format is not installed.
        OutputError: a folder is there, or nothing can be written there.
    """
    check_file(path)
    if _ending(path) not in _FORMATS:
        raise OptionsError(f"{path} has to end in {', '.join(_FORMATS)}, which says how the report is written.")
    if _ending(path) == ".parquet" and find_spec("pyarrow") is None:
        raise MissingExtraError(
            f"{path} needs pyarrow to be written; install the extra: pip install 'pathprint[parquet]', or choose "
            ".jsonl or .csv."
        )


@contextmanager
def report(path: Path) -> Iterator[Write]:
    """Yield what adds lines to a report, which appears when the block ends without an error.

    Raises:
        OutputError: it cannot be written, as when the disk is full.
    """
    with whole_file(path) as partial, _FORMATS[_ending(path)](partial) as write:
        yield write


@contextmanager
def _json_lines(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="ascii") as file:
        yield lambda lines: file.writelines(f"{json.dumps(line.to_dict())}\n" for line in lines)


@contextmanager
def _csv(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        yield lambda lines: writer.writerows(map(_cells, lines))


def _cells(line: ScannedImage) -> list[Any]:
    """Return the cells of a line; where there is nothing, a cell is empty."""
    values = {**line.to_dict(), "reasons": BETWEEN.join(line.reasons)}
    if line.flagged is not None:
        values["flagged"] = str(line.flagged).lower()
    return list(values.values())


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    integer, number, text = pa.int32(), pa.float64(), pa.string()
    types = {"predicted": integer, "flagged": pa.bool_(), "reasons": pa.list_(text)}
    types |= dict.fromkeys(("confidence", "score", "threshold", "p_value"), number)
    schema = pa.schema([(name, types.get(name, text)) for name in COLUMNS])
    held: list[dict[str, Any]] = []

    def flush() -> None:
        if held:
            writer.write_table(pa.Table.from_pylist(held, schema))
            held.clear()

    def write(lines: Sequence[ScannedImage]) -> None:
        for line in lines:
            held.append(line.to_dict())
            if len(held) == _GROUP:
                flush()

    with ParquetWriter(path, schema) as writer:
        yield write
        flush()


def _ending(path: Path) -> str:
    return path.suffix.lower()


_FORMATS: dict[str, Callable[[Path], AbstractContextManager[Write]]] = {
    ".parquet": _parquet,
    ".jsonl": _json_lines,
    ".csv": _csv,
}
"""What writes a report, by the ending of its name."""
