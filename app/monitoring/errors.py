"""What keeps the service from telling its operator what he asked for; said before anything slow is begun."""

from __future__ import annotations


class MonitoringError(Exception):
    """Metrics, events or traces cannot be given as they are set; the message says why and what to do."""
