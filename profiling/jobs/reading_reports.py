"""Read the report of a scan again, line by line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pathprint.profiling.errors import DataError, MissingExtraError
from pathprint.profiling.jobs.scanned_image import COLUMNS, ScannedImage
from pathprint.profiling.writing.table import BETWEEN

_NUMBERS = ("confidence", "score", "threshold", "p_value")
_COUNTS = ("predicted", "stage", "inferences")
_TRUE = {"true": True, "false": False, "": None}


def read_report(path: Path) -> Iterator[ScannedImage]:
    """Yield the lines of a report that `pathprint scan` wrote.

    Raises:
        DataError: it cannot be read, or is no report.
        MissingExtraError: it is a Parquet file, and pyarrow is not installed.
    """
    read = _FORMATS.get(path.suffix.lower())
    if read is None:
        raise DataError(f"{path} is no report of a scan; its name has to end in {', '.join(_FORMATS)}.")
    try:
        for line in read(path):
            yield ScannedImage.from_dict({name: line[name] for name in COLUMNS})
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, LookupError, TypeError, AttributeError, csv.Error) as error:
        raise DataError(f"{path} is no report that `pathprint scan` wrote, or is damaged ({error!r}).") from error


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _csv(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            line: dict[str, Any] = {name: text or None for name, text in row.items()}
            numbers = {name: float(row[name]) if row[name] else None for name in _NUMBERS}
            counts = {name: int(row[name]) if row[name] else None for name in _COUNTS}
            reasons = row["reasons"].split(BETWEEN) if row["reasons"] else []
            note = row["note"] if row["verdict"] else None
            yield {**line, **numbers, **counts, "reasons": reasons, "note": note} | {"flagged": _TRUE[row["flagged"]]}


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise MissingExtraError(
            f"{path} needs pyarrow to be read; install the extra: pip install 'pathprint[parquet]'."
        ) from error
    with ParquetFile(path) as file:
        for batch in file.iter_batches():
            yield from batch.to_pylist()


_FORMATS: dict[str, Callable[[Path], Iterator[dict[str, Any]]]] = {
    ".parquet": _parquet,
    ".jsonl": _json_lines,
    ".csv": _csv,
}
"""What reads a report, by the ending of its name."""
