"""What the service counts, for Prometheus. Labels have few values, whatever clients send.

The files beside this one count: ``decided`` here for each image, ``requests`` for each request, ``drift`` and ``state``
at each scrape.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from torch import Tensor

from pathprint.app.monitoring.decisions import Decision
from pathprint.app.monitoring.query_attacks import Alarm

CLASSES = 100
"""Classes that are counted each on its own; those with larger numbers are counted together as ``other``, because a
network of thousands of classes would make a series of each."""
OTHER = "other"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SCORES = (-16.0, -8.0, -6.0, -4.0, -3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 16.0)
_SHARES = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_BATCHES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)


class Metrics:
    """The counters of one service, in a registry of its own, so that two services in a process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.requests = self._counter("requests", "Requests that were answered.", "route", "status_class", "code")
        self.request_seconds = self._histogram("request_seconds", "Seconds of a whole request.", SECONDS, "route")
        self.in_flight = Gauge("pathprint_inflight", "Requests that are being answered.", registry=self.registry)
        self.rejected = self._counter("rejected", "Requests that were turned away, by reason.", "reason")
        self.decode_errors = self._counter("decode_errors", "Images that could not be decoded, by problem.", "code")
        self.verdicts = self._counter("verdict", "Images with a verdict.", "model", "class", "verdict")
        self.flagged = self._counter("flagged", "Images with a score above the threshold.", "model")
        self.score = self._histogram("score", "Scores; larger is more suspicious.", _SCORES, "model")
        self.p_value = self._histogram("p_value", "Share of clean images that score this high.", _SHARES, "model")
        self.decode_seconds = self._histogram("decode_seconds", "Seconds of decoding an image.", SECONDS)
        self.queue_seconds = self._histogram("queue_seconds", "Seconds that an image waited for threads.", SECONDS)
        self.compute_seconds = self._histogram("compute_seconds", "Seconds of judging an image.", SECONDS)
        self.batch_size = self._histogram("batch_size", "Images judged together, for each image.", _BATCHES)
        self.loop_lag = self._histogram("loop_lag_seconds", "Seconds that the event loop woke too late.", SECONDS)
        self.query_alarms = self._counter("query_alarms", "Callers that seem to attack by queries.", "action")
        self.events = self._counter("events", "Events on flagged images, by what became of them.", "result")

    def decided(self, decision: Decision, pixels: Tensor | None = None) -> None:
        """Count one image; a listener to ``Decisions``."""
        label = decision.label if decision.predicted < CLASSES else OTHER
        self.verdicts.labels(decision.model, label, decision.verdict).inc()
        self.flagged.labels(decision.model).inc(decision.flagged)
        self.score.labels(decision.model).observe(decision.score)
        self.p_value.labels(decision.model).observe(decision.p_value)
        self.decode_seconds.observe(decision.decode / 1000)
        self.queue_seconds.observe(decision.queue / 1000)
        self.compute_seconds.observe(decision.compute / 1000)
        self.batch_size.observe(decision.batch)

    def alarmed(self, alarm: Alarm) -> None:
        """Count a caller that seems to attack by queries; a listener to ``QueryAttacks``."""
        self.query_alarms.labels(alarm.action).inc()

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"pathprint_{name}", about, labels, registry=self.registry)

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"pathprint_{name}", about, labels, buckets=buckets, registry=self.registry)
