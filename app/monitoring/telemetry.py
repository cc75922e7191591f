"""Traces of requests with OpenTelemetry, by FastAPI's own support; off unless the operator turns them on."""

from __future__ import annotations

from collections.abc import MutableMapping
from importlib.util import find_spec
from typing import Any

from fastapi.telemetry import TelemetryConfig

from pathprint.app.monitoring.errors import MonitoringError

_PROBES = frozenset({"/livez", "/readyz", "/v2/health/live", "/v2/health/ready"})
_NEEDED = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


def telemetry_config(wanted: bool) -> TelemetryConfig:
    """Return what FastAPI is to trace: requests but not probes. It logs nothing: exceptions could hold what was sent.

    Where traces go is said by the variables of OpenTelemetry, such as OTEL_EXPORTER_OTLP_ENDPOINT.
    """
    return TelemetryConfig(
        tracing=wanted,
        metrics=wanted,
        logs=False,
        operation_spans=False,
        auto_configure=wanted,
        exclude=_is_probe,
    )


def _is_probe(scope: MutableMapping[str, Any]) -> bool:
    return scope.get("path") in _PROBES


def check_telemetry(wanted: bool) -> None:
    """Check that traces can be sent if they are wanted.

    Raises:
        MonitoringError: a library is missing.
    """
    if wanted and not all(map(_is_installed, _NEEDED)):
        raise MonitoringError(
            "PATHPRINT_TELEMETRY needs OpenTelemetry; install the extra: pip install 'pathprint[otel]', or unset it."
        )


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of a package above it
        return False
