"""How many requests are inside, how long a new one would wait, and whether it may come in."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from time import monotonic

from pathprint.app.problems.kinds import ProblemError

_FORGETS = 0.98
"""What earlier answers count for after one more, so that some fifty answers decide the measured pace."""


@dataclass
class Room:
    """The requests that are inside, and what an answer takes; used by the event loop alone.

    Attributes:
        most_inside: requests inside at the same time, those whose bodies are still arriving among them.
        most_working: requests whose bodies have arrived and that are not yet answered.
        inside, working: how many there are now.
        refused: how many requests found no room, since the start.
    """

    most_inside: int
    most_working: int
    inside: int = 0
    working: int = 0
    refused: int = 0
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

    def enter(self, deadline: float) -> None:
        """Let a request in whose answer is of use until ``deadline``, in seconds of ``time.monotonic``.

        Raises:
            ProblemError: there is no room for it, or it would wait too long.
        """
        full = self.inside >= self.most_inside or self.working >= self.most_working
        if full:
            raise self.refusal("Too many requests are being answered.")
        if self.working and monotonic() + self.wait > deadline:
            raise self.refusal("The requests that came before leave no time for this one before its deadline.")
        self.inside += 1

    def refusal(self, reason: str) -> ProblemError:
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
