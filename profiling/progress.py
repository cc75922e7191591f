"""Progress of long steps: the engine says how far it is, a program may show it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Protocol, TypeVar

T = TypeVar("T")


class Meter(Protocol):
    """Shows how far one step is."""

    def advance(self, count: int, bad: int = 0) -> None:
        """Note that ``count`` more units of the step are done, ``bad`` of which could not be used."""
        ...

    def expect(self, total: int) -> None:
        """Note that the step will take ``total`` units in all, where it was thought to take another number."""
        ...


Listener = Callable[[str, int], AbstractContextManager[Meter]]
"""Takes a short description of a step and its number of units; gives the meter that shows it."""


class _Silent:
    def advance(self, count: int, bad: int = 0) -> None:
        """Show nothing."""

    def expect(self, total: int) -> None:
        """Show nothing."""


def _nobody(description: str, total: int) -> AbstractContextManager[Meter]:
    return nullcontext(_Silent())


_listener: ContextVar[Listener] = ContextVar("pathprint_progress", default=_nobody)


def meter(description: str, total: int) -> AbstractContextManager[Meter]:
    """Return the meter of a step; the listener of this context, if there is one, shows it.

    Args:
        description: a few words, such as ``profiling``.
        total: number of units of the step, in most cases images.
    """
    return _listener.get()(description, total)


def track(items: Sequence[T], description: str, size: Callable[[T], int] = lambda item: 1) -> Iterator[T]:
    """Yield ``items``; the listener of this context, if there is one, shows how many have been taken.

    Args:
        size: number of units that an item counts as, such as the images of a batch.
    """
    with meter(description, sum(map(size, items))) as shown:
        for item in items:
            yield item
            shown.advance(size(item))


@contextmanager
def shown_by(listener: Listener) -> Iterator[None]:
    """Let ``listener`` show the progress of every step inside the ``with`` block."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
