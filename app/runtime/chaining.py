"""One future for two pieces of work of which the second begins where the first ends, on whatever thread that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import contextmanager, suppress
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def chained(first: Future[A], then: Callable[[A], Future[B]]) -> Future[tuple[A, B]]:
    """Return what both pieces of work return. Cancel it to cancel the one that waits.

    Args:
        then: begins the second piece of work, on the thread that did the first.
    """
    both: Future[tuple[A, B]] = Future()

    def after_first(done: Future[A]) -> None:
        with _failures_to(both):
            one = done.result()
            second = then(one)
            second.add_done_callback(lambda done: after_second(one, done))
            _cancelled_with(both, second)

    def after_second(one: A, done: Future[B]) -> None:
        with _failures_to(both):
            both.set_result((one, done.result()))

    _cancelled_with(both, first)
    first.add_done_callback(after_first)
    return both


def _cancelled_with(both: Future[tuple[A, B]], part: Future[A] | Future[B]) -> None:
    both.add_done_callback(lambda both: part.cancel() if both.cancelled() else None)


@contextmanager
def _failures_to(both: Future[tuple[A, B]]) -> Iterator[None]:
    """Pass on that a piece of work was cancelled or failed, unless whoever waits for both has left meanwhile."""
    try:
        yield
    except InvalidStateError:
        return
    except CancelledError:
        both.cancel()
    except Exception as error:
        with suppress(InvalidStateError):
            both.set_exception(error)
