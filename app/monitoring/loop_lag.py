"""Measure how late the event loop wakes: whatever blocks it delays every request and the probes."""

from __future__ import annotations

import asyncio
from time import perf_counter

from prometheus_client import Histogram

_PAUSE = 0.25


async def watch_loop(lag: Histogram) -> None:
    """Sleep again and again, and note by how much each sleep was too long; until cancelled."""
    while True:
        asked = perf_counter()
        await asyncio.sleep(_PAUSE)
        lag.observe(max(0.0, perf_counter() - asked - _PAUSE))
