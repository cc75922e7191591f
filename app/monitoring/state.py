"""What holds at the moment of a scrape: which bundles are loaded, and how many images wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

Facts = Mapping[str, str]
"""What identifies a loaded bundle: ``model``, ``version``, ``bundle_sha256``, ``fingerprint``."""


class State(Collector):
    """Asks the running service for its state, whenever Prometheus asks for metrics."""

    def __init__(self, bundles: Callable[[], Iterable[Facts]], pending: Callable[[], int]) -> None:
        self._bundles, self._pending = bundles, pending

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges, for Prometheus."""
        waiting = GaugeMetricFamily("pathprint_pending", "Images that wait for a thread.")
        waiting.add_metric([], self._pending())
        yield waiting
        loaded = InfoMetricFamily("pathprint_bundle", "The bundles that are loaded.")
        for facts in self._bundles():
            loaded.add_metric([], dict(facts))
        yield loaded


@contextmanager
def registered(registry: CollectorRegistry, *collectors: Collector) -> Iterator[None]:
    """Have ``collectors`` asked at each scrape during the block."""
    for collector in collectors:
        registry.register(collector)
    try:
        yield
    finally:
        for collector in collectors:
            registry.unregister(collector)
