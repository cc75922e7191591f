"""Threads that decode: small images never wait behind large ones, and the memory of all together is bounded."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from math import ceil
from time import monotonic, perf_counter
from typing import Any, Generic, TypeVar

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.pricing import Price

T = TypeVar("T")
_AGED = 1.0
"""Seconds after which a large image comes before small ones where one thread decodes all."""
_NEW = 0.2
"""What the latest image counts for in the measured pace."""


@dataclass(frozen=True, slots=True)
class Timed(Generic[T]):
    """What a piece of work returned, and the milliseconds that it waited for a thread and then took."""

    value: T
    waited: float
    took: float


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """An image to decode, and who waits for it; ``deadline`` is in seconds of ``time.monotonic``."""

    work: Callable[[], Any]
    price: Price
    deadline: float | None
    done: Future[Timed[Any]] = field(default_factory=Future)
    asked: float = field(default_factory=perf_counter)


class Decoders:
    """The threads. If there are several, one decodes small images only; the others prefer large ones."""

    def __init__(self, threads: int, most_memory: int) -> None:
        self._several, self._most = threads > 1, most_memory
        self._small: deque[Piece] = deque()
        self._large: deque[Piece] = deque()
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

    def decode(self, work: Callable[[], T], price: Price, deadline: float | None = None) -> Future[Timed[T]]:
        """Have an image decoded. Cancel what is returned to take it out of the queue.

        Raises:
            ProblemError: the large images before it leave no time before its deadline, or the threads are closed.
        """
        piece = Piece(work, price, deadline)
        with self._changed:
            if self._closed:
                raise ProblemError("not_ready", "The service is stopping; try again soon.", {"Retry-After": "1"})
            if not price.is_small:
                self._check_wait(piece)
            self._lane(piece).append(piece)
            self._changed.notify_all()
        piece.done.add_done_callback(lambda done: self._forget(piece) if done.cancelled() else None)
        return piece.done

    def close(self) -> None:
        """Decode what waits, and end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _lane(self, piece: Piece) -> deque[Piece]:
        return self._small if piece.price.is_small else self._large

    def _check_wait(self, piece: Piece) -> None:
        threads = max(len(self._threads) - 1, 1)
        seconds = self._pace * (sum(other.price.work for other in self._large) / threads + piece.price.work)
        if self._large and piece.deadline is not None and monotonic() + seconds > piece.deadline:
            detail = "The large images before this one leave no time for it before its deadline; send it again later."
            raise ProblemError("overloaded", detail, {"Retry-After": str(max(1, ceil(seconds)))})

    def _forget(self, piece: Piece) -> None:
        """Take an image that nobody waits for out of the queue, with its bytes."""
        with self._changed:
            if piece in self._lane(piece):
                self._lane(piece).remove(piece)

    def _run(self, small_only: bool) -> None:
        while (piece := self._next(small_only)) is not None:
            try:
                _do(piece)
            finally:
                self._finish(piece)
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
        if not small_only and self._large and self._fits(self._large[0]):
            aged = perf_counter() - self._large[0].asked > _AGED
            if self._several or aged or not self._small:
                return self._large.popleft()
        return self._small.popleft() if self._small else None

    def _fits(self, piece: Piece) -> bool:
        """Say whether there is memory for a large image: one that needs more than all has to be alone."""
        return self._held == 0 or self._held + piece.price.memory <= self._most

    def _finish(self, piece: Piece) -> None:
        with self._changed:
            self._held -= piece.price.memory
            if piece.done.done() and not piece.done.cancelled() and piece.done.exception() is None:
                pace = piece.done.result().took / 1000 / piece.price.work
                self._pace += (pace - self._pace) * (_NEW if self._pace else 1)
            self._changed.notify_all()


def _do(piece: Piece) -> None:
    """Decode an image, unless nobody waits for it any more or it is too late."""
    if not piece.done.set_running_or_notify_cancel():
        return
    if piece.deadline is not None and monotonic() > piece.deadline:
        piece.done.set_exception(ProblemError("deadline_exceeded", "The image waited until its deadline had passed."))
        return
    started = perf_counter()
    try:
        value = piece.work()
    except Exception as error:
        piece.done.set_exception(error)
    else:
        took = (perf_counter() - started) * 1000
        piece.done.set_result(Timed(value, (started - piece.asked) * 1000, took))
