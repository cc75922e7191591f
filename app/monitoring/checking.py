"""Check the settings of monitoring before the bundle is loaded."""

from __future__ import annotations

from pathprint.app.monitoring.events import check_place
from pathprint.app.monitoring.metrics_port import check_port
from pathprint.app.monitoring.telemetry import check_telemetry
from pathprint.app.settings import Settings


def check_monitoring(settings: Settings) -> None:
    """Check that metrics, events and traces can go where they are to go.

    Raises:
        MonitoringError: they cannot; the message says why.
    """
    if settings.metrics_port is not None:
        check_port(settings.metrics_host, settings.metrics_port)
    if settings.events is not None:
        check_place(settings.events)
    check_telemetry(settings.telemetry)
