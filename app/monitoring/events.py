"""One event for each flagged image, to a file, to standard output or to an address; requests never wait for it.

Events wait in a queue of limited length for a thread that delivers them. When the queue is full, the newest event is
dropped and counted: whoever attacks the service can make it flag images, and must not thereby make it slow.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Full, Queue
from threading import Event, Thread
from typing import Any, TypeAlias

import structlog
from prometheus_client import Counter
from torch import Tensor

from pathprint.app.monitoring.decisions import Decision
from pathprint.app.monitoring.errors import MonitoringError
from pathprint.profiling.detection.ocsf import Flagged, detection_finding

log = structlog.get_logger("app")
STDOUT = "-"
_ADDRESSES = ("http://", "https://")
_WAITING = 1000
_PAUSES = (0.5, 2.0, 8.0)
"""Seconds between the attempts to deliver an event."""
_SECONDS = 5.0

Deliver: TypeAlias = Callable[[dict[str, Any]], None]
"""Delivers an event, or raises an OSError."""


class Events:
    """Listens to decisions, and delivers an event on each flagged image from a thread of its own."""

    def __init__(self, deliver: Deliver, delivered: Counter) -> None:
        self._deliver, self._counted = deliver, delivered
        self._queue: Queue[Decision | None] = Queue(_WAITING)
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="events", daemon=True)
        self._thread.start()

    def decided(self, decision: Decision, pixels: Tensor | None = None) -> None:
        """Have an event delivered if the image is flagged; a listener to ``Decisions``."""
        if decision.flagged:
            try:
                self._queue.put_nowait(decision)
            except Full:
                self._counted.labels("dropped").inc()

    def close(self, seconds: float = 5.0) -> None:
        """Deliver what waits, for at most so many seconds."""
        try:
            self._queue.put(None, timeout=seconds)
        except Full:
            self._stopped.set()
        self._thread.join(seconds)
        self._stopped.set()
        self._counted.labels("dropped").inc(self._queue.qsize())

    def _run(self) -> None:
        while not self._stopped.is_set():
            decision = self._queue.get()
            if decision is None:
                return
            event = detection_finding(flagged_of(decision))
            self._counted.labels("delivered" if self._delivered(event) else "failed").inc()

    def _delivered(self, event: dict[str, Any]) -> bool:
        for pause in (*_PAUSES, None):
            try:
                self._deliver(event)
                return True
            except Exception as error:
                if pause is None or self._stopped.wait(pause):
                    log.error("an event could not be delivered", uid=event["metadata"]["uid"], error=_cause(error))
                    return False
        return False


def _cause(error: Exception) -> str:
    """Return what went wrong, without the place of the events: an address often holds a token or a password."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    words = [type(error).__name__, f"status {status}" if status else "", getattr(error, "strerror", None) or ""]
    return ": ".join(word for word in words if word)


def flagged_of(decision: Decision) -> Flagged:
    """Return what an event says of a decision."""
    return Flagged(
        time=decision.time,
        sha256=decision.sha256,
        bundle_sha256=decision.bundle_sha256,
        model=decision.model,
        model_version=decision.version,
        decision=decision.verdict,
        predicted=decision.predicted,
        label=decision.label,
        confidence=decision.confidence,
        score=decision.score,
        threshold=decision.threshold,
        p_value=decision.p_value,
        reasons=decision.reasons,
        note=decision.note,
        test=decision.test,
        stage=decision.stage,
        inferences=decision.inferences,
        request_id=decision.request_id,
        key_id=decision.key_id or "",
    )


def check_place(place: str) -> None:
    """Check that events can go to a file, before anything slow is begun; an address may become reachable later.

    Raises:
        MonitoringError: the file cannot be written, or the address is not of a kind that is known.
    """
    if place == STDOUT or place.lower().startswith(_ADDRESSES):
        return
    if "://" in place:
        raise MonitoringError(f"PATHPRINT_EVENTS: {place!r} has to be a file, or begin with http:// or https://.")
    try:
        with Path(place).open("a"):
            pass
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise MonitoringError(f"PATHPRINT_EVENTS: {place!r} cannot be written: {reason}.") from error


@contextmanager
def events(place: str | None, token: str | None, delivered: Counter) -> Iterator[Events | None]:
    """Deliver events during the block; None if there is no place for them.

    Args:
        place: a file, an address that begins with http:// or https://, or ``-`` for standard output.
        token: that the address asks for, sent as a bearer token.
    """
    if not place:
        yield None
        return
    with _delivery(place, token) as deliver:
        made = Events(deliver, delivered)
        try:
            yield made
        finally:
            made.close()


@contextmanager
def _delivery(place: str, token: str | None) -> Iterator[Deliver]:
    if place == STDOUT:
        yield _to_standard_output
    elif place.lower().startswith(_ADDRESSES):
        import httpx  # slow to import, and seldom needed

        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with httpx.Client(timeout=_SECONDS, headers=headers) as client:
            yield lambda event: _post(client, place, event)
    else:
        yield lambda event: _append(Path(place), event)


def _to_standard_output(event: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(event)}\n")
    sys.stdout.flush()


def _post(client: Any, address: str, event: dict[str, Any]) -> None:
    client.post(address, json=event).raise_for_status()


def _append(path: Path, event: dict[str, Any]) -> None:
    """Add a line to a file, which is opened anew each time: others may move it away to keep logs short."""
    with path.open("a", encoding="ascii") as file:
        file.write(f"{json.dumps(event)}\n")
