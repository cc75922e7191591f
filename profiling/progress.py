"""Progress of long steps: the engine says how far it is, and a program may show it.

By default nobody listens. A program that shows progress runs the engine inside ``shown_by``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")
Listener = Callable[[Sequence[Any], str], Iterable[Any]]
"""Yields the items of a step one after the other; is told what the step does."""


def _silent(items: Sequence[Any], description: str) -> Iterable[Any]:
    return items


_listener: ContextVar[Listener] = ContextVar("pathprint_progress", default=_silent)


def track(items: Sequence[T], description: str) -> Iterable[T]:
    """Return ``items``, to be worked on one after the other; whoever listens sees how far that is."""
    return _listener.get()(items, description)


@contextmanager
def shown_by(listener: Listener) -> Iterator[None]:
    """Have ``listener`` show the progress of everything that runs inside."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
