"""What the monitor says: what was decided lately, how fast, what was turned away, and whether images drift."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Annotated

import numpy as np
from pydantic import Field
from starlette.requests import Request

from pathprint.app.api.schemas import Decision as Verdict
from pathprint.app.monitoring.decisions import Decision
from pathprint.app.monitoring.health import ModelHealth, health_of
from pathprint.app.monitoring.live import SLOT_SECONDS, Live, Numbered, Raised
from pathprint.app.monitoring.metrics import Metrics
from pathprint.app.runtime.models import Loaded
from pathprint.app.runtime.service import Service
from pathprint.app.runtime.watching import reference_of
from pathprint.app.schema import Schema
from pathprint.profiling.arrays import Floats
from pathprint.profiling.detection.joined import TestName

_BARS = 24
_EDGE = 0.005
Count = Annotated[int, Field(ge=0)]


class Verdicts(Schema):
    """Numbers of images by verdict."""

    benign: Count = 0
    uncertain: Count = 0
    adversarial: Count = 0


class RecentDecision(Schema):
    """What was decided about one image, which is not kept."""

    number: int = Field(ge=1, description="Its place among all decisions since the start.")
    time: datetime
    request_id: str
    key_id: str | None = Field(description="The API key that asked; null for a client without one.")
    model: str
    version: str
    verdict: Verdict
    flagged: bool = Field(description="Whether the score is above the threshold, even if the verdict is uncertain.")
    test: TestName
    score: float
    threshold: float
    label: str
    confidence: float
    sha256: str
    milliseconds: float


class QueryAlarm(Schema):
    """A caller who seems to search for an image that passes."""

    time: datetime
    key_id: str | None = Field(description="The caller's API key; null for a client without one.")
    model: str
    similar: Count = Field(description="Similar images among those that are remembered.")
    remembered: Count
    action: str = Field(description="What it led to: `alert` or `refuse`.")
    request_id: str


class Percentiles(Schema):
    """Milliseconds of the decisions that are remembered; null if there are none."""

    median: float | None
    p95: float | None


class Latency(Schema):
    """Where the time of the latest images went."""

    total: Percentiles
    decode: Percentiles
    queue: Percentiles
    compute: Percentiles


class Load(Schema):
    """What is going on now, and what was turned away since the start."""

    images: Count = Field(description="Images that are decoded or examined, or wait for it.")
    waiting: Count = Field(description="Requests with whole bodies that are not yet answered.")
    most_waiting: Count = Field(description="So many at most; one more is refused.")
    watching: Count = Field(description="Browsers that watch the monitor.")
    refused: dict[str, Count] = Field(description="Requests turned away since the start, by reason.")


class ScoreBars(Schema):
    """How scores are distributed: recent images beside the calibration images. Bars have one width."""

    low: float = Field(description="Where the first bar begins; it holds all lower scores, too.")
    high: float = Field(description="Where the last bar ends; it holds all higher scores, too.")
    recent: list[Count]
    calibration: list[Count]
    threshold: float


class WatchedModel(Schema):
    """One loaded bundle."""

    health: ModelHealth
    scores: ScoreBars


class MonitorState(Schema):
    """The state of one process of the service."""

    time: datetime
    started: datetime
    verdicts: Verdicts = Field(description="Since the start.")
    slot_seconds: int = Field(description="Length of each of `slots`.")
    slots: list[Verdicts] = Field(description="Over the last ten minutes, the oldest first; the last is not full yet.")
    load: Load
    latency: Latency
    models: list[WatchedModel]
    alarms: list[QueryAlarm]
    decisions: list[RecentDecision] = Field(description="The latest ones, the oldest first.")


def state_of(request: Request, service: Service, now: datetime, since: int = 0) -> MonitorState:
    """Return the state of the service, with the decisions after number ``since`` that are remembered."""
    state = request.app.state
    live: Live = state.live
    return MonitorState(
        time=now,
        started=live.started,
        verdicts=_verdicts(live.totals),
        slot_seconds=SLOT_SECONDS,
        slots=[_verdicts(slot) for slot in live.slots()],
        load=Load(
            images=service.examiner.inside,
            waiting=state.room.working,
            most_waiting=state.room.most_working,
            watching=state.streams.open,
            refused=_refused(state.metrics),
        ),
        latency=_latency([one.decision for one in live.since()]),
        models=[_watched(service, loaded) for loaded in service.models],
        alarms=[_alarm(one) for one in live.alarms()],
        decisions=[_decision(one) for one in live.since(since)],
    )


def _verdicts(counts: Counter[str]) -> Verdicts:
    return Verdicts(**{name: counts[name] for name in Verdicts.model_fields})


def _refused(metrics: Metrics) -> dict[str, int]:
    samples = (sample for family in metrics.rejected.collect() for sample in family.samples)
    return {one.labels["reason"]: int(one.value) for one in samples if one.name.endswith("_total") and one.value}


def _latency(decisions: list[Decision]) -> Latency:
    return Latency(
        total=_percentiles([one.milliseconds for one in decisions]),
        decode=_percentiles([one.decode for one in decisions]),
        queue=_percentiles([one.queue for one in decisions]),
        compute=_percentiles([one.compute for one in decisions]),
    )


def _percentiles(values: list[float]) -> Percentiles:
    if not values:
        return Percentiles(median=None, p95=None)
    median, high = np.percentile(values, [50, 95]).round(3).tolist()
    return Percentiles(median=median, p95=high)


def _watched(service: Service, loaded: Loaded) -> WatchedModel:
    key, reference = (loaded.name, loaded.version, loaded.bundle.sha256), reference_of(loaded)
    bars = bars_of(service.windows.scores(*key), reference.scores, reference.calibration.threshold)
    return WatchedModel(health=health_of(*key, reference, service.windows.drift(*key)), scores=bars)


def bars_of(recent: Floats, calibration: Floats, threshold: float) -> ScoreBars:
    """Return both distributions in bars over what nearly all calibration scores span, and the threshold."""
    low, high = np.quantile(calibration, [_EDGE, 1 - _EDGE])
    room = max(high - low, abs(threshold - low), 1e-9) * 0.25
    low, high = float(min(low, threshold) - room / 2), float(max(high, threshold) + room)
    edges = np.linspace(low, high, _BARS + 1)
    counts = [np.histogram(np.clip(scores, low, high), edges)[0].tolist() for scores in (recent, calibration)]
    return ScoreBars(low=low, high=high, recent=counts[0], calibration=counts[1], threshold=threshold)


def _alarm(raised: Raised) -> QueryAlarm:
    alarm = raised.alarm
    return QueryAlarm(
        time=raised.time,
        key_id=alarm.decision.key_id,
        model=alarm.decision.model,
        similar=alarm.similar,
        remembered=alarm.remembered,
        action=alarm.action,
        request_id=alarm.decision.request_id,
    )


def _decision(one: Numbered) -> RecentDecision:
    names = set(RecentDecision.model_fields) - {"number"}
    return RecentDecision(number=one.number, **{name: getattr(one.decision, name) for name in names})
