"""How the service and the server end together: the service may end the process, and learns that it is about to."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

END: ContextVar[Callable[[int], None] | None] = ContextVar("END", default=None)
"""Set by the server for the service's lifespan and the tasks that it starts."""

STOPPING_ACTIONS: ContextVar[list[Callable[[], None]] | None] = ContextVar("STOPPING_ACTIONS", default=None)
"""What the server calls when it begins to stop; set for the service's lifespan."""


def when_stopping(action: Callable[[], None]) -> None:
    """Have ``action`` called when the server begins to stop, before it waits for what is being answered.

    For the lifespan of the service. Another server than ours takes no notice.
    """
    actions = STOPPING_ACTIONS.get()
    if actions is not None:
        actions.append(action)


def end_service(status: int) -> None:
    """Stop the server, which then makes ``status`` the exit status of the process.

    For the lifespan and the tasks that it starts, on the event loop. Another server than ours takes no notice.
    """
    end = END.get()
    if end is not None:
        end(status)
