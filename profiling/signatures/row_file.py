"""A safetensors file that is written row by row: one row for each class, so that no more than one is in memory.

The rows are bytes, one after another, in the tensor ``rows``; ``starts`` says where each begins and the last ends.
Space for the header is kept free at the start, because what belongs there is known at the end.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import safe_open

from pathprint.profiling.arrays import Arrays, Indices
from pathprint.profiling.signatures.storage import ENTRY
from pathprint.profiling.writing.whole import whole_file

ALIGNED = 64
"""Every row begins at a multiple of this number of bytes."""

_LENGTH = 8  # bytes of the number that a safetensors file begins with
_PIECE = 1 << 24  # bytes that are copied at once
_DTYPES = {"uint8": "U8", "int64": "I64", "uint32": "U32", "float64": "F64"}


class RowWriter:
    """Writes a file of rows.

    Args:
        file: empty, open for binary writing.
        facts: JSON-able data to store beside the rows.
    """

    def __init__(self, file: BinaryIO, facts: Mapping[str, Any]) -> None:
        self._file = file
        self._metadata = {ENTRY: json.dumps(facts, sort_keys=True)}
        # Twelve short entries fit into a page. Equal facts have headers of equal length, whatever the rows are.
        self._data = -(-(_LENGTH + len(json.dumps(self._metadata)) + 4096) // ALIGNED) * ALIGNED
        self._starts = [0]
        file.seek(self._data)

    def add(self, *parts: bytes | memoryview) -> None:
        """Append one row, which consists of these parts."""
        length = sum(len(part) for part in parts)
        for part in parts:
            self._file.write(part)
        padding = -length % ALIGNED
        self._file.write(bytes(padding))
        self._starts.append(self._starts[-1] + length + padding)

    def finish(self, arrays: Arrays) -> None:
        """Append ``arrays`` and write the header; the file is complete then."""
        header: dict[str, Any] = {"__metadata__": self._metadata}
        total = self._starts[-1]
        header["rows"] = {"dtype": "U8", "shape": [total], "data_offsets": [0, total]}
        for name, array in {"starts": np.array(self._starts, np.int64), **arrays}.items():
            data, end = array.tobytes(), total + array.nbytes
            self._file.write(data)
            header[name] = {"dtype": _DTYPES[str(array.dtype)], "shape": [*array.shape], "data_offsets": [total, end]}
            total = end
        room = self._data - _LENGTH
        encoded = json.dumps(header).encode().ljust(room)
        assert len(encoded) == room, "the header has more entries than there is room for"
        self._file.seek(0)
        self._file.write(room.to_bytes(_LENGTH, "little") + encoded)


@dataclass(frozen=True, eq=False)
class RowFile:
    """A file of rows, mapped into memory; it may be removed or replaced meanwhile, but not shortened.

    Attributes:
        data: where the rows begin in the file.
        starts: where each row begins and the last ends, counted from ``data``, ``(k + 1,)``.
        arrays: all other arrays.
    """

    mapped: mmap.mmap
    facts: dict[str, Any]
    data: int
    starts: Indices
    arrays: Arrays

    @staticmethod
    def open(path: Path) -> RowFile:
        """Map a file.

        Raises:
            any of ``storage.UNREADABLE``: it is not a file of rows.
        """
        with safe_open(path, "numpy") as found:
            facts = json.loads((found.metadata() or {})[ENTRY])
            arrays = {name: found.get_tensor(name) for name in found.keys() if name != "rows"}  # noqa: SIM118  # no dict
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        length = int.from_bytes(mapped[:_LENGTH], "little")
        begin, end = json.loads(mapped[_LENGTH : _LENGTH + length])["rows"]["data_offsets"]
        starts, data = arrays.pop("starts"), _LENGTH + length + begin
        if starts.dtype != np.int64 or starts.ndim != 1 or not len(starts) or starts[0] or starts[-1] != end - begin:
            raise ValueError("the places of its rows do not fit their length.")
        if (np.diff(starts) < 0).any():
            raise ValueError("the places of its rows are not ascending.")
        if (starts % ALIGNED).any() or data % ALIGNED:
            raise ValueError("its rows are not aligned.")
        return RowFile(mapped, facts, data, starts, arrays)

    def row(self, number: int) -> memoryview:
        """Return the bytes of a row, with the zeros that fill it up."""
        begin, end = (self.data + self.starts[number : number + 2]).tolist()
        return memoryview(self.mapped)[begin:end]

    def forget(self, number: int) -> None:
        """Have the operating system take back the memory of a row; its bytes are read again when they are needed."""
        begin, end = (self.data + self.starts[number : number + 2]).tolist()
        begin -= begin % mmap.PAGESIZE
        if hasattr(mmap, "MADV_DONTNEED") and end > begin:
            self.mapped.madvise(mmap.MADV_DONTNEED, begin, end - begin)

    def save(self, path: Path) -> None:
        """Write a copy of the file; an older file is replaced only when the copy is complete.

        Raises:
            OutputError: it cannot be written.
        """
        with whole_file(path) as partial, partial.open("wb") as file:
            for begin in range(0, len(self.mapped), _PIECE):
                file.write(self.mapped[begin : begin + _PIECE])
        for number in range(len(self.starts) - 1):
            self.forget(number)
