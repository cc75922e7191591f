"""Threads that decode: small images never wait behind large ones, and the memory of all together is bounded."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from math import ceil
from time import monotonic, perf_counter
from typing import Any, Generic, TypeAlias, TypeVar
from weakref import ref

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.fair_queue import FairQueue
from pathprint.app.runtime.pricing import Price

T = TypeVar("T")
_AGED = 1.0
"""Seconds after which a large image comes before small ones where one thread decodes all, and after which no other one
begins before it for want of memory for it."""
_NEW = 0.2
"""What the latest image counts for in the measured pace."""


@dataclass(frozen=True, slots=True)
class Timed(Generic[T]):
    """What a piece of work returned, and the milliseconds that it waited for threads and then took."""

    value: T
    waited: float
    took: float


@dataclass(frozen=True, slots=True)
class Further:
    """What is still to be done for an image once a first step has found out what it costs."""

    price: Price
    work: Step


Step: TypeAlias = Callable[[], Any]
"""Returns what it made of an image, or the ``Further`` step."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class Piece:
    """An image to decode, and who waits for it; ``deadline`` is in seconds of ``time.monotonic``."""

    work: Step
    price: Price
    deadline: float | None
    caller: str
    done: Future[Timed[Any]] = field(default_factory=Future)
    asked: float = field(default_factory=perf_counter)
    took: float = 0.0

    @property
    def amount(self) -> int:
        return self.price.work


class Decoders:
    """The threads. If there are several, one decodes small images only; the others prefer large ones."""

    def __init__(self, threads: int, most_memory: int) -> None:
        self._several, self._most = threads > 1, most_memory
        self._small: deque[Piece] = deque()
        self._large: FairQueue[Piece] = FairQueue()
        self._changed = threading.Condition()
        self._held, self._pace, self._closed = 0, 0.0, False
        self._threads = [
            threading.Thread(target=self._run, args=(self._several and not number,), name=f"decode_{number}")
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.daemon = True
            thread.start()

    @property
    def waiting(self) -> int:
        """How many images wait."""
        return len(self._small) + len(self._large)

    @property
    def held(self) -> int:
        """Bytes that images in decoding may hold now."""
        return self._held

    def decode(self, work: Step, price: Price, deadline: float | None = None, caller: str = "") -> Future[Timed[Any]]:
        """Have an image decoded. Cancel what is returned to take it out of the queue.

        Args:
            work: its first step, which costs ``price``.
            caller: who shares the threads with other callers.

        Raises:
            ProblemError: the large images before it leave no time before its deadline, or the threads are closed.
        """
        piece = Piece(work, price, deadline, caller)
        with self._changed:
            if self._closed:
                raise ProblemError("not_ready", "The service is stopping; try again soon.", {"Retry-After": "1"})
            self._put(piece)
        known = ref(piece)  # the future must not hold the piece, which holds the future
        piece.done.add_done_callback(lambda done: self._forget(known()) if done.cancelled() else None)
        return piece.done

    def close(self) -> None:
        """Decode what waits, and end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _put(self, piece: Piece) -> None:
        if piece.price.is_small:
            self._small.append(piece)
        else:
            self._check_wait(piece)
            self._large.add(piece)
        self._changed.notify_all()

    def _check_wait(self, piece: Piece) -> None:
        threads = max(len(self._threads) - 1, 1)
        seconds = self._pace * (self._large.amount_before(piece) / threads + piece.price.work)
        if self._large and piece.deadline is not None and monotonic() + seconds > piece.deadline:
            detail = "The large images before this one leave no time for it before its deadline; send it again later."
            raise ProblemError("overloaded", detail, {"Retry-After": str(max(1, ceil(seconds)))})

    def _forget(self, piece: Piece | None) -> None:
        """Take an image that nobody waits for out of the queue, with its bytes; None if it has left."""
        if piece is None:
            return
        with self._changed:
            if not self._large.drop(piece) and piece in self._small:
                self._small.remove(piece)
            piece.work = _nothing

    def _run(self, small_only: bool) -> None:
        while (piece := self._next(small_only)) is not None:
            self._advance(piece)
            del piece  # or its bytes would stay until the next image

    def _next(self, small_only: bool) -> Piece | None:
        """Wait for an image that this thread may decode now; None says that there will be no more."""
        with self._changed:
            while (piece := self._take(small_only)) is None:
                if self._closed and not self._small and (small_only or not self._large):
                    return None
                self._changed.wait()
            self._held += piece.price.memory
            return piece

    def _take(self, small_only: bool) -> Piece | None:
        large = None if small_only else self._next_large()
        if large and (self._several or _is_aged(large) or not self._small):
            self._large.take(large)
            return large
        return self._small.popleft() if self._small else None

    def _next_large(self) -> Piece | None:
        """Return the first large image that there is memory for; none before one that has waited for long."""
        for piece in self._large:
            if self._fits(piece):
                return piece
            if _is_aged(piece):
                return None
        return None

    def _fits(self, piece: Piece) -> bool:
        """Say whether there is memory for a large image: one that needs more than all has to be alone."""
        return self._held == 0 or self._held + piece.price.memory <= self._most

    def _advance(self, piece: Piece) -> None:
        """Do a step for an image, and at once the next ones as long as they are small."""
        further = _do(piece, self._measure)
        with self._changed:
            self._held -= piece.price.memory
            self._changed.notify_all()
            if further is None:
                return
            piece.work, piece.price = further.work, further.price
            if not piece.price.is_small:
                try:
                    self._put(piece)
                except ProblemError as problem:
                    _settle(piece, problem)
                return
            self._held += piece.price.memory
        self._advance(piece)

    def _measure(self, seconds: float, price: Price) -> None:
        with self._changed:
            self._pace += (seconds / price.work - self._pace) * (_NEW if self._pace else 1)


def _nothing() -> None:
    """Take the place of work that is done."""


def _is_aged(piece: Piece) -> bool:
    return perf_counter() - piece.asked > _AGED


def _do(piece: Piece, measure: Callable[[float, Price], None]) -> Further | None:
    """Do a step for an image, unless nobody waits for it any more or it is too late; return what is still to do."""
    if piece.done.cancelled():
        return None
    if piece.deadline is not None and monotonic() > piece.deadline:
        _settle(piece, ProblemError("deadline_exceeded", "The image waited until its deadline had passed."))
        return None
    started = perf_counter()
    try:
        value = piece.work()
    except Exception as error:
        _settle(piece, error)
        return None
    seconds = perf_counter() - started
    piece.took += seconds * 1000
    if isinstance(value, Further):
        return value
    measure(seconds, piece.price)
    waited = (started + seconds - piece.asked) * 1000 - piece.took
    _settle(piece, Timed(value, waited, piece.took))
    return None


def _settle(piece: Piece, outcome: Timed[Any] | Exception) -> None:
    piece.work = _nothing  # or the bytes of the image would stay as long as somebody holds the future
    with suppress(InvalidStateError):  # whoever waited has left meanwhile
        if isinstance(outcome, Exception):
            piece.done.set_exception(outcome)
        else:
            piece.done.set_result(outcome)
