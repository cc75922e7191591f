"""One future for two pieces of work of which the second begins where the first ends, on whatever thread that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

A = TypeVar("A")
B = TypeVar("B")


def chained(first: Future[A], then: Callable[[A], Future[B]]) -> Future[tuple[A, B]]:
    """Return what both pieces of work return. Cancel it to cancel the one that waits.

    Args:
        then: begins the second piece of work, on the thread that did the first.
    """
    both: Future[tuple[A, B]] = Future()
    at_work: list[Future[Any]] = [first]  # emptied at the end, or futures and callbacks would hold one another

    def after_first(done: Future[A]) -> None:
        at_work.clear()
        with _failures_to(both):
            one = done.result()
            second = then(one)
            at_work.append(second)
            second.add_done_callback(lambda done: after_second(one, done))
            if both.cancelled():
                second.cancel()

    def after_second(one: A, done: Future[B]) -> None:
        at_work.clear()
        with _failures_to(both):
            both.set_result((one, done.result()))

    both.add_done_callback(lambda both: _cancel(at_work) if both.cancelled() else None)
    first.add_done_callback(after_first)
    return both


def _cancel(parts: list[Future[Any]]) -> None:
    for part in tuple(parts):
        part.cancel()


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
