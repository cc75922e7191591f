"""A queue in which callers take turns, so that nobody waits for all that another has sent."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from itertools import count
from typing import Generic, NamedTuple, Protocol, TypeVar

_CALLERS = 1000
"""Callers of whom it is known what they have had lately; with more, all of it is forgotten."""


class Ordered(Protocol):
    """What waits: who sent it, and how much work it is."""

    @property
    def caller(self) -> str: ...

    @property
    def amount(self) -> int: ...


T = TypeVar("T", bound=Ordered)


class _Place(NamedTuple, Generic[T]):
    start: float
    number: int
    item: T


class FairQueue(Generic[T]):
    """Start-time fair queueing (Goyal, Vin and Cheng 1996).

    Each item gets the time at which it would start if every caller who waits had an equal share of one machine, and
    the earliest comes first. So a caller's items keep their order, and one item of a new caller passes all but the
    first of somebody who has sent many.
    """

    def __init__(self) -> None:
        self._places: list[_Place[T]] = []
        self._numbers = count()
        self._now = 0.0
        self._ends: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[T]:
        """Yield what waits, the next one first."""
        return (place.item for place in tuple(self._places))

    def add(self, item: T) -> None:
        """Put an item where it belongs."""
        start = max(self._now, self._ends.get(item.caller, 0.0))
        if len(self._ends) > _CALLERS:
            self._ends.clear()
        self._ends[item.caller] = start + item.amount
        insort(self._places, _Place(start, next(self._numbers), item))

    def amount_before(self, item: T) -> int:
        """Return the work of what would come before an item that is not yet here."""
        start = max(self._now, self._ends.get(item.caller, 0.0))
        return sum(place.item.amount for place in self._places if place.start <= start)

    def take(self, item: T) -> None:
        """Take out an item whose work begins."""
        self._now = max(self._now, self._remove(item).start)
        self._ends = {caller: end for caller, end in self._ends.items() if end > self._now}

    def drop(self, item: T) -> bool:
        """Take out an item that nobody waits for, if it is here; return whether it was."""
        if item not in tuple(self):
            return False
        self._remove(item)
        return True

    def _remove(self, item: T) -> _Place[T]:
        place = next(place for place in self._places if place.item is item)
        self._places.remove(place)
        return place
