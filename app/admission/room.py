"""How many requests are inside, how long a new one would wait, and whether it may come in."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from time import monotonic
from typing import Protocol

from pathprint.app.problems.kinds import ProblemError

_FORGETS = 0.98
"""What earlier answers count for after one more, so that some fifty answers decide the measured pace."""
_STALLED_SECONDS = 1.0
"""A body of which nothing much has come for this long may be given up for another request."""


_MANY = "Too many requests are being answered."


class Arrival(Protocol):
    """A request that is inside and whose body is still arriving."""

    def stalled(self, now: float) -> float:
        """Return for how many seconds its body has been waited for without progress."""

    def give_up(self) -> None:
        """Stop waiting for the body; its place is another's from now on."""


@dataclass
class Room:
    """The requests that are inside, and what an answer takes; used by the event loop alone.

    Attributes:
        most_inside: requests inside at the same time, those whose bodies are still arriving among them.
        most_working: requests whose bodies have arrived and that are not yet answered.
        inside, working: how many there are now.
        refused: how many requests found no room, since the start.
        arriving: those inside whose bodies are still arriving.
    """

    most_inside: int
    most_working: int
    inside: int = 0
    working: int = 0
    refused: int = 0
    arriving: set[Arrival] = field(default_factory=set)
    _busy: float = 0.0
    _answers: float = 0.0
    _since: float = 0.0

    @property
    def seconds_per_answer(self) -> float:
        """Measured seconds from one answer to the next while there is work; 0 before the first answer."""
        return self._busy / self._answers if self._answers else 0.0

    @property
    def wait(self) -> float:
        """Estimated seconds until a request that comes in now is answered."""
        return self.seconds_per_answer * (self.working + 1)

    def is_full(self, coming: int = 0) -> bool:
        """Whether nobody can come in, whatever deadline and body a request has, when others are ``coming`` already."""
        return self.working + coming >= self.most_working

    def enter(self, deadline: float) -> None:
        """Let a request in whose answer is of use until ``deadline``, in seconds of ``time.monotonic``.

        When all places are taken, it gets that of the body that has stalled for longest, if there is one.

        Raises:
            ProblemError: there is no room for it, or it would wait too long.
        """
        if self.is_full():
            raise self.refusal(_MANY)
        if self.working and monotonic() + self.wait > deadline:
            raise self.refusal("The requests that came before leave no time for this one before its deadline.")
        if self.inside >= self.most_inside and not self._give_one_up():
            raise self.refusal(_MANY)
        self.inside += 1

    def _give_one_up(self) -> bool:
        """Give up the body that has stalled for longest; return whether there was one."""
        now = monotonic()
        victim = max(self.arriving, key=lambda arrival: arrival.stalled(now), default=None)
        if victim is None or victim.stalled(now) < _STALLED_SECONDS:
            return False
        self.arriving.discard(victim)
        self.inside -= 1
        victim.give_up()
        return True

    def refusal(self, reason: str = _MANY) -> ProblemError:
        """Return what to tell a request that cannot be taken now; count it."""
        self.refused += 1
        seconds = max(1, ceil(self.wait))
        detail = f"{reason} Send it again after the seconds that the header Retry-After has."
        return ProblemError("overloaded", detail, {"Retry-After": str(seconds)})

    def work(self) -> None:
        """Note that the body of a request has arrived, and the work on it begins."""
        if not self.working:
            self._since = monotonic()
        self.working += 1

    def leave(self, worked: bool, answered: bool) -> None:
        """Note that a request is gone: whether it ``worked``, and whether it was answered."""
        self.inside -= 1
        if worked:
            self._measure(answered)
            self.working -= 1

    def _measure(self, answered: bool) -> None:
        now = monotonic()
        self._busy += now - self._since
        self._since = now
        if answered:
            self._answers += 1
            self._busy, self._answers = self._busy * _FORGETS, self._answers * _FORGETS
