"""Progress of long steps: the engine says how far it is, a program may show it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")
Listener = Callable[[Sequence[Any], str], Iterable[Any]]
"""Takes items and a short description of the work; yields the items, and shows how many have been taken."""


def _silent(items: Sequence[Any], description: str) -> Iterable[Any]:
    return items


_listener: ContextVar[Listener] = ContextVar("pathprint_progress", default=_silent)


def track(items: Sequence[T], description: str) -> Iterable[T]:
    """Yield ``items``; the listener of this context, if there is one, shows how many have been taken."""
    return _listener.get()(items, description)


@contextmanager
def shown_by(listener: Listener) -> Iterator[None]:
    """Let ``listener`` show the progress of every step inside the ``with`` block."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
