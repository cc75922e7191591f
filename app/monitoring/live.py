"""What the monitor shows: the latest decisions, verdicts over time and alarms, in memory and of fixed size."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock

from torch import Tensor

from pathprint.app.monitoring.decisions import Decision
from pathprint.app.monitoring.query_attacks import Alarm
from pathprint.app.problems.kinds import ProblemError

SLOT_SECONDS, SLOTS = 10, 60
"""Verdicts are counted in slots of ten seconds, over the last ten minutes."""
_DECISIONS, _ALARMS = 50, 20


@dataclass(frozen=True, slots=True)
class Numbered:
    """A decision, and its number among all since the start, from 1."""

    number: int
    decision: Decision


@dataclass(frozen=True, slots=True)
class Raised:
    """An alarm about a caller who seems to attack by queries, and when it was raised."""

    time: datetime
    alarm: Alarm


class Live:
    """Listens to decisions and alarms, and remembers the latest. Any thread may call it."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """``clock`` returns seconds since 1970."""
        self.started = datetime.fromtimestamp(clock(), UTC)
        self.totals: Counter[str] = Counter()
        self._clock, self._lock = clock, Lock()
        self._latest: deque[Numbered] = deque(maxlen=_DECISIONS)
        self._alarms: deque[Raised] = deque(maxlen=_ALARMS)
        self._slots: deque[tuple[int, Counter[str]]] = deque(maxlen=SLOTS)

    def decided(self, decision: Decision, pixels: Tensor | None = None) -> None:
        """Remember a decision; a listener to ``Decisions``."""
        with self._lock:
            self.totals[decision.verdict] += 1
            slot = int(self._clock() // SLOT_SECONDS)
            if not self._slots or self._slots[-1][0] < slot:
                self._slots.append((slot, Counter()))
            self._slots[-1][1][decision.verdict] += 1
            self._latest.append(Numbered(self.totals.total(), decision))

    def alarmed(self, alarm: Alarm) -> None:
        """Remember an alarm; a listener to ``QueryAttacks``."""
        with self._lock:
            self._alarms.append(Raised(datetime.fromtimestamp(self._clock(), UTC), alarm))

    def since(self, number: int = 0) -> list[Numbered]:
        """Return the remembered decisions after that with a number, the oldest first."""
        with self._lock:
            return [one for one in self._latest if one.number > number]

    def alarms(self) -> list[Raised]:
        """Return the remembered alarms, the oldest first."""
        with self._lock:
            return list(self._alarms)

    def slots(self) -> list[Counter[str]]:
        """Return the number of each verdict in each of the last slots, the oldest first; the last one is not full."""
        with self._lock:
            known = dict(self._slots)
            now = int(self._clock() // SLOT_SECONDS)
            return [Counter(known.get(slot, {})) for slot in range(now - SLOTS + 1, now + 1)]


class Streams:
    """Who watches; only the event loop calls it.

    Attributes:
        open: how many watch now.
        ended: set when all have to stop, because the service does.
    """

    def __init__(self, most: int) -> None:
        self._most, self.open = most, 0
        self.ended = asyncio.Event()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place during the block.

        Raises:
            ProblemError: all are taken.
        """
        if self.open >= self._most:
            detail = f"At most {self._most} browsers watch at the same time; close one of them, or try again later."
            raise ProblemError("too_many_watchers", detail, {"Retry-After": "10"})
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1
