"""The process around the server: its settings, its log, and its end."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

from pydantic import ValidationError
from starlette.types import ASGIApp

from pathprint.app.server.logs import configure_logs
from pathprint.app.server.server import Server, Supervised
from pathprint.app.settings import Settings

_LIFESPAN_SECONDS = 5.0
"""Time for the service to end its threads once every request is answered."""


def run(listener: socket.socket, load: Callable[[], ASGIApp], supervised: Supervised | None = None) -> NoReturn:
    """Serve what ``load`` returns on ``listener`` until a signal or the service itself ends it; end the process."""
    settings = settings_or_exit()
    lines = configure_logs(settings.log_lines)
    server = Server(listener, load, settings, when_drained=_end_soon, supervised=supervised)
    server.run()
    lines.close()
    _leave(server.status)


def settings_or_exit() -> Settings:
    """Return the settings that the environment holds.

    Raises:
        SystemExit: a setting is wrong. One line on standard error says which.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(f"PATHPRINT_{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors())
        sys.stderr.write(f"pathprint: {' '.join(wrong.split())}.\n")
        raise SystemExit(2) from None


def _end_soon(status: int) -> None:
    """End the process in a few seconds even if the service cannot: a thread may be in the middle of an image."""
    timer = threading.Timer(_LIFESPAN_SECONDS, os._exit, (status,))
    timer.daemon = True
    timer.start()


def _leave(status: int) -> NoReturn:
    """End the process without waiting for threads, whose work nobody waits for any more."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
