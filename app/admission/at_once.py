"""What the service lets the server answer before a request is even read: that it is alive, and that it is full."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import unquote

from pathprint.app.admission.room import Room
from pathprint.app.admission.slots import is_work
from pathprint.app.problems.kinds import ProblemError

_ALIVE = "/livez"
Count = Callable[[str, str], None]
"""Counts a request by its path, or nothing of it, and the code of the problem that it was answered with."""


class AtOnce:
    """Answers the probe of liveness, and refuses work while no more may come in."""

    def __init__(self, room: Room, works: Callable[[], bool], count: Count) -> None:
        """``works`` says whether images get verdicts; whatever does not has to be answered by the service itself."""
        self._room, self._works, self._count = room, works, count
        self._let_through = 0

    def __call__(self, method: str, path: str) -> ProblemError | bool:
        """Return a refusal, or whether to say that the process is alive; False of all other requests."""
        if method == "GET":
            if path != _ALIVE or not self._works():
                return False
            self._count(path, "")
            return True
        if not is_work(method, unquote(path)):
            return False
        if not self._room.is_full(self._let_through):
            self._let_one_through()
            return False
        refusal = self._room.refusal()
        self._count("", refusal.code)
        return refusal

    def _let_one_through(self) -> None:
        """Count a request until it has come to the room, two turns of the event loop later.

        Otherwise all that are read in one turn would be let through, however few places there are.
        """
        self._let_through += 1
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, self._came)

    def _came(self) -> None:
        self._let_through -= 1
