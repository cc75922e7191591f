"""Let the service itself end the process: its bundle cannot be loaded, for instance."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

END: ContextVar[Callable[[int], None] | None] = ContextVar("END", default=None)
"""Set by the server for the service's lifespan and the tasks that it starts."""


def end_service(status: int) -> None:
    """Stop the server, which then makes ``status`` the exit status of the process.

    For the lifespan and the tasks that it starts, on the event loop. Another server than ours takes no notice.
    """
    end = END.get()
    if end is not None:
        end(status)
