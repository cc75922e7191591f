"""Logs: one JSON object a line on standard output; uvicorn's own few lines stay on standard error."""

from __future__ import annotations

import logging

import structlog


def configure_logs() -> None:
    """Set up structlog for the whole process, and silence uvicorn's access log: the service writes its own."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        cache_logger_on_first_use=True,
    )
    access = logging.getLogger("uvicorn.access")
    access.handlers.clear()
    access.propagate = False
    # It warns about every malformed form; that is the client's mistake, and our line of the request has its code.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
