"""Images in Parquet files as Hugging Face writes them: one row an image, read one row group at a time."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from itertools import accumulate
from threading import Lock
from typing import Any

import numpy as np

from pathprint.profiling.data.files import Files
from pathprint.profiling.data.labels import held_out_by_name
from pathprint.profiling.data.left_out import LeftOut
from pathprint.profiling.data.parquet_schema import Columns, columns_of, labels_in
from pathprint.profiling.data.rows import RowNames
from pathprint.profiling.data.stored import LocalFile, StoredFile, check_size, reason
from pathprint.profiling.data.tar_files import shard_names
from pathprint.profiling.errors import DataError, MissingExtraError

_KEPT_BYTES = 1 << 26
"""Row groups that are kept in memory, but at least the last one."""
_KEPT_FILES = 8


def parquet_files(files: Sequence[StoredFile], labelled: bool) -> Files:
    """Return the images in Parquet files, and their labels. Files called after parts, as ``test-…``, are held out.

    Raises:
        DataError: a file cannot be read, has no column of images, or none of labels.
        MissingExtraError: pyarrow is not installed.
    """
    shown = shard_names(files)
    tables = [_opened(file) for file in files]
    columns = [columns_of(str(file), table.schema_arrow, labelled) for file, table in zip(files, tables, strict=True)]
    if len(set(columns)) > 1:
        raise DataError(f"{files[0]} and others of its files have different columns or classes; give them one by one.")
    rows = [_group_rows(table) for table in tables]
    names = RowNames(tuple((name, sum(groups)) for name, groups in zip(shown, rows, strict=True)))
    marks = held_out_by_name(shown)
    held_out = np.repeat(marks, [sum(groups) for groups in rows]) if marks else None
    labels = labels_in(files, tables, columns[0], held_out) if labelled else None
    groups = _RowGroups(files, columns[0], [list(accumulate(own, initial=0)) for own in rows])

    def read(index: int) -> bytes:
        return groups.read(names[index], *names.place(index))

    return Files(names, read, LeftOut(), labels)


def _opened(file: StoredFile) -> Any:
    """Return a Parquet file whose directory has been read."""
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise MissingExtraError(
            f"{file} needs pyarrow to be read; install the extra: pip install 'pathprint[parquet]'."
        ) from error
    try:
        return ParquetFile(str(file) if isinstance(file, LocalFile) else file.open(), pre_buffer=False)
    except DataError:
        raise
    except Exception as error:  # pyarrow raises many types on damaged files
        raise DataError(f"{file} is not a readable Parquet file: {reason(error)}.") from error


def _group_rows(table: Any) -> list[int]:
    return [table.metadata.row_group(group).num_rows for group in range(table.num_row_groups)]


class _RowGroups:
    """Columns of images, of which the row groups that were read last are kept, in each process for itself."""

    def __init__(self, files: Sequence[StoredFile], columns: Columns, starts: list[list[int]]) -> None:
        self._files, self._columns, self._starts = files, columns, starts
        self._cache = _Cache()

    def read(self, name: str, file: int, row: int) -> bytes:
        """Return the bytes of the image in a row of a file."""
        cache = self._own_cache()
        group = bisect_right(self._starts[file], row) - 1
        with cache.lock:
            column = cache.groups.get((file, group))
            if column is None:
                column = self._load(cache, file, group)
            cache.groups.move_to_end((file, group))
        return self._bytes(column[row - self._starts[file][group]], f"{self._files[file]}: row {row}", name)

    def _own_cache(self) -> _Cache:
        # A forked process must not share positions in files, or wait for a lock that nobody will open.
        if self._cache.process != os.getpid():
            self._cache = _Cache()
        return self._cache

    def _load(self, cache: _Cache, file: int, group: int) -> Any:
        try:
            table = cache.files.get(file) or _opened(self._files[file])
            cache.keep_file(file, table)
            column = table.read_row_group(group, columns=[self._columns.image], use_threads=False).column(0)
        except DataError:
            raise
        except Exception as error:  # pyarrow raises many types on damaged files
            raise DataError(
                f"{self._files[file]}: row group {group} cannot be read ({reason(error)}); make the file again."
            ) from error
        cache.keep_group((file, group), column)
        return column

    def _bytes(self, value: Any, where: str, name: str) -> bytes:
        """Return the bytes in a cell: of a struct, its field ``bytes``."""
        held = value.as_py()
        content = held.get("bytes") if isinstance(held, dict) else held
        if isinstance(content, bytes):
            check_size(where, len(content))
            return content
        path = held.get("path") if isinstance(held, dict) else None
        raise DataError(f"{where} holds no bytes of an image{f', only the path {path}' if path else ''}.")


class _Cache:
    """What one process keeps of Parquet files."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.lock = Lock()
        self.files: OrderedDict[int, Any] = OrderedDict()
        self.groups: OrderedDict[tuple[int, int], Any] = OrderedDict()

    def keep_file(self, file: int, table: Any) -> None:
        """Keep a file open, and close the one that was opened first if there are too many."""
        self.files[file] = table
        if len(self.files) > _KEPT_FILES:
            self.files.popitem(last=False)[1].close()

    def keep_group(self, key: tuple[int, int], column: Any) -> None:
        """Keep a row group, and drop those that were used longest ago if they are too large together."""
        self.groups[key] = column
        while len(self.groups) > 1 and sum(kept.nbytes for kept in self.groups.values()) > _KEPT_BYTES:
            self.groups.popitem(last=False)
