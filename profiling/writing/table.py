"""A table as a file, written line by line: Parquet, JSON lines or CSV, by the ending of its name.

Nothing heavy is imported here, so that a wrong name of the file is refused at once.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pathprint.profiling.errors import MissingExtraError, OptionsError
from pathprint.profiling.writing.places import check_file
from pathprint.profiling.writing.whole import whole_file

Columns = Mapping[str, type]
"""The columns of a table in their order, each with its type: str, int, float, bool, or list for texts."""
Line = Mapping[str, Any]
"""The cells of a line by column; None where there is nothing."""
Add = Callable[[Sequence[Line]], None]
"""Adds lines to a table."""
BETWEEN = " | "
"""What stands between two texts of a list where a cell holds one text."""
_GROUP = 8192
"""Lines that lie together in a Parquet file, and are held in memory until then."""


def check_table(path: Path) -> None:
    """Check that a table can be written to ``path``.

    Raises:
        OptionsError: its name has none of the endings that say in which format it is to be.
        MissingExtraError: what writes the format is not installed.
        OutputError: a folder is there, or nothing can be written there.
    """
    check_file(path)
    if _ending(path) not in _FORMATS:
        raise OptionsError(f"{path} has to end in {', '.join(_FORMATS)}, which says how it is written.")
    if _ending(path) == ".parquet" and find_spec("pyarrow") is None:
        raise MissingExtraError(
            f"{path} needs pyarrow to be written; install the extra: pip install 'pathprint[parquet]', or choose "
            ".jsonl or .csv."
        )


@contextmanager
def table(path: Path, columns: Columns) -> Iterator[Add]:
    """Yield what adds lines to a table, which appears when the block ends without an error.

    Raises:
        OutputError: it cannot be written, as when the disk is full.
    """
    with whole_file(path) as partial, _FORMATS[_ending(path)](partial, columns) as add:
        yield add


@contextmanager
def _json_lines(path: Path, columns: Columns) -> Iterator[Add]:
    with path.open("w", encoding="ascii") as file:
        yield lambda lines: file.writelines(f"{json.dumps({name: line[name] for name in columns})}\n" for line in lines)


@contextmanager
def _csv(path: Path, columns: Columns) -> Iterator[Add]:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        yield lambda lines: writer.writerows([_cell(line[name]) for name in columns] for line in lines)


def _cell(value: Any) -> Any:
    """Return what stands in a cell of a CSV file; where there is nothing, it is empty."""
    if isinstance(value, bool):
        return str(value).lower()
    return BETWEEN.join(value) if isinstance(value, list) else value


@contextmanager
def _parquet(path: Path, columns: Columns) -> Iterator[Add]:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    types = {str: pa.string(), int: pa.int32(), float: pa.float64(), bool: pa.bool_(), list: pa.list_(pa.string())}
    schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
    held: list[Line] = []

    def flush() -> None:
        if held:
            writer.write_table(pa.Table.from_pylist(held, schema))
            held.clear()

    def add(lines: Sequence[Line]) -> None:
        for line in lines:
            held.append(line)
            if len(held) == _GROUP:
                flush()

    with ParquetWriter(path, schema) as writer:
        yield add
        flush()


def _ending(path: Path) -> str:
    return path.suffix.lower()


_FORMATS: dict[str, Callable[[Path, Columns], AbstractContextManager[Add]]] = {
    ".parquet": _parquet,
    ".jsonl": _json_lines,
    ".csv": _csv,
}
"""What writes a table, by the ending of its name."""
