"""What holds at the moment of a scrape: which bundles are loaded, and how many images wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

Facts = Mapping[str, str]
"""What identifies a loaded bundle: ``model``, ``version``, ``bundle_sha256``, ``fingerprint``."""


@dataclass(frozen=True, slots=True)
class Source:
    """What the running service says of itself when it is asked.

    Attributes:
        bundles: returns the bundles that are loaded.
        pending: returns the number of images that are decoded or examined, or wait for it.
        reloads: returns how many loadings of bundles ended in which way.
    """

    bundles: Callable[[], Iterable[Facts]]
    pending: Callable[[], int]
    reloads: Callable[[], Mapping[str, int]]


class State(Collector):
    """Asks the running service for its state, whenever Prometheus asks for metrics."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def collect(self) -> Iterator[Metric]:
        """Yield what holds now, for Prometheus."""
        pending = GaugeMetricFamily("pathprint_pending", "Images that are decoded or examined, or wait for it.")
        pending.add_metric([], self._source.pending())
        loaded = InfoMetricFamily("pathprint_bundle", "The bundles that are loaded.")
        for facts in self._source.bundles():
            loaded.add_metric([], dict(facts))
        reloads = CounterMetricFamily("pathprint_reload", "Loadings of bundles, by their end.", labels=["result"])
        for result, number in dict(self._source.reloads()).items():
            reloads.add_metric([result], number)
        yield from (pending, loaded, reloads)


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
