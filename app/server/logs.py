"""Logs: one JSON object a line on standard output, whoever wrote it; nothing waits for them."""

from __future__ import annotations

import logging

import structlog

from pathprint.app.server.lines import Lines

_STANDARD_OUTPUT = 1


def configure_logs(capacity: int = 10_000) -> Lines:
    """Set up structlog and Python's own logging for the whole process; return the queue that both write to.

    Args:
        capacity: lines that may wait for a slow reader before others are dropped.
    """
    lines = Lines(_STANDARD_OUTPUT, capacity)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=lines),  # type: ignore[arg-type]  # needs write and flush
        cache_logger_on_first_use=True,
    )
    _take_over_logging()
    return lines


def _take_over_logging() -> None:
    """Log what libraries say, Python's warnings among it, as lines of ours."""
    root = logging.getLogger()
    root.handlers[:] = [_Passing()]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)
    logging.raiseExceptions = False
    access = logging.getLogger("uvicorn.access")
    access.handlers.clear()
    access.propagate = False
    # It warns about every malformed request, which has a line of ours.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    # It warns about every malformed form; that is the client's mistake, and our line of the request has its code.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)


class _Passing(logging.Handler):
    """Passes what a library logs on to structlog, which never waits."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            facts = {"exc_info": record.exc_info} if record.exc_info else {}
            structlog.get_logger("app").log(record.levelno, record.getMessage(), logger=record.name, **facts)
        except Exception:
            return  # a line that cannot be made is no reason to fail
