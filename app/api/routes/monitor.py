"""``GET /v1/monitor``: what the service decided lately for all its clients; and the same as it happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from pathprint.app.api.documentation import problems
from pathprint.app.api.monitor_state import MonitorState, state_of
from pathprint.app.api.shown import check_full_numbers
from pathprint.app.monitoring.live import Streams
from pathprint.app.problems.kinds import ProblemError, Stage
from pathprint.app.runtime.service import Running, Service

router = APIRouter(prefix="/v1/monitor", tags=["monitoring"])
_PAUSE_SECONDS = 2.0
_STREAM_SECONDS = 600
"""After this time a stream ends and the browser asks again, so that a key that was withdrawn ends to watch, too."""


@router.get(
    "",
    summary="What did the service decide lately?",
    responses=problems(Stage.READINESS, Stage.ADMISSION, Stage.DETAIL),
)
async def monitor(request: Request, service: Running) -> MonitorState:
    """Says what this process decided for all clients, how fast, what it turned away, and whether images drift.

    It needs a key with the scope `monitor` that may see scores in full; on a service without keys, only the machine
    itself is answered. No image is kept or shown. `GET /v1/monitor/events` sends it every two seconds, as server-sent
    events.
    """
    check_full_numbers(request)
    return state_of(request, service, datetime.now(UTC))


@router.get("/events", include_in_schema=False, response_model=None)
async def events(request: Request, service: Running) -> _Watching:
    """Send the state every two seconds as server-sent events, with the decisions since the last one."""
    check_full_numbers(request)
    streams: Streams = request.app.state.streams
    return _Watching(streams, _events(request, service, streams))


class _Watching(StreamingResponse):
    """A stream of events that holds a place among those that watch, from its first byte to its last."""

    def __init__(self, streams: Streams, content: AsyncIterator[str]) -> None:
        super().__init__(content, media_type="text/event-stream")
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events.

        Raises:
            ProblemError: all places are taken.
        """
        with self._streams.place():
            await super().__call__(scope, receive, send)


async def _events(request: Request, service: Service, streams: Streams) -> AsyncIterator[str]:
    last, until = 0, monotonic() + _STREAM_SECONDS
    while not streams.ended.is_set() and monotonic() < until:
        with suppress(ProblemError):  # while bundles are loaded for the first time there is nothing to say
            state = state_of(request, service, datetime.now(UTC), last)
            last = state.decisions[-1].number if state.decisions else last
            yield f"event: state\ndata: {state.model_dump_json()}\n\n"
        with suppress(TimeoutError):
            async with asyncio.timeout(_PAUSE_SECONDS):
                await streams.ended.wait()
    yield "event: end\ndata: {}\n\n"
