"""Count each request: what it was about, how long it took, and why it was turned away."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pathprint.app.monitoring.metrics import OTHER, Metrics

REASONS = {
    "overloaded": "queue_full",
    "deadline_exceeded": "deadline",
    "body_timeout": "deadline",
    "client_disconnected": "cancelled",
    "rate_limited": "rate",
    "query_attack": "query_attack",
    "explain_busy": "queue_full",
    "too_many_connections": "connections",
    "head_timeout": "deadline",
    "draining": "draining",
    "stopping": "draining",
    "not_ready": "not_ready",
}
"""Why a request was turned away, by the code of the problem that it was answered with."""
DECODING = frozenset(
    {
        "empty_input",
        "undecodable_image",
        "truncated_image",
        "image_too_large",
        "multi_frame",
        "unsupported_color_mode",
        "media_type_mismatch",
        "invalid_base64",
        "invalid_npy",
        "wrong_shape",
        "value_out_of_range",
    }
)
"""Codes of problems with the bytes of an image."""


def count_at_once(metrics: Metrics, path: str, code: str = "") -> None:
    """Count a request that the server answered before it came to the service: with a problem, or with status 200."""
    metrics.requests.labels(path, "5xx" if code else "2xx", code).inc()
    metrics.request_seconds.labels(path).observe(0.0)
    if code in REASONS:
        metrics.rejected.labels(REASONS[code]).inc()


class CountedRequests:
    """Middleware that counts requests. It stands around all others, so that it sees their refusals too."""

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: Iterable[str] = ()) -> None:
        self.app, self._metrics, self._paths = app, metrics, frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = perf_counter(), 500

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._metrics.in_flight.inc()
        try:
            await self.app(scope, receive, sent)
        finally:
            self._metrics.in_flight.dec()
            self._count(scope, status, perf_counter() - started)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        metrics, code = self._metrics, scope.get("state", {}).get("code", "")
        route = self._route(scope)
        metrics.requests.labels(route, f"{status // 100}xx", code).inc()
        metrics.request_seconds.labels(route).observe(seconds)
        if code in REASONS:
            metrics.rejected.labels(REASONS[code]).inc()
        if code in DECODING:
            metrics.decode_errors.labels(code).inc()

    def _route(self, scope: Scope) -> str:
        """Return the template of the route; a request that was refused before it was routed may still name one."""
        with suppress(KeyError, AttributeError):
            return str(scope["route"].path)
        path = scope["path"]
        return path if path in self._paths else OTHER
