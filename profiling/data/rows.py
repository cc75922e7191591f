"""Names of images that are rows of arrays or tables: made when they are asked for, so that they take no memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import overload


@dataclass(frozen=True)
class RowNames(Sequence[str]):
    """The names ``NAME/0``, ``NAME/1``, … of the rows of one or several arrays or tables.

    Attributes:
        tables: name and number of rows of each.
    """

    tables: tuple[tuple[str, int], ...]

    def __len__(self) -> int:
        return self._starts[-1]

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        table, row = self.place(range(len(self))[index])
        return f"{self.tables[table][0]}/{row}"

    def place(self, index: int) -> tuple[int, int]:
        """Return the number of the table that row ``index`` of all lies in, and the row's number there."""
        table = bisect_right(self._starts, index) - 1
        return table, index - self._starts[table]

    @cached_property
    def _starts(self) -> list[int]:
        return list(accumulate((rows for _, rows in self.tables), initial=0))
