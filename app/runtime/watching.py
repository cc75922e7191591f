"""Connect the running service with monitoring: metrics, drift, events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from pathprint.app.monitoring.decision_log import log_decision
from pathprint.app.monitoring.decisions import Decision, Decisions
from pathprint.app.monitoring.drift import Reference
from pathprint.app.monitoring.events import events
from pathprint.app.monitoring.loop_lag import watch_loop
from pathprint.app.monitoring.metrics import Metrics
from pathprint.app.monitoring.metrics_port import metrics_port
from pathprint.app.monitoring.state import Source, State, registered
from pathprint.app.monitoring.windows import Windows
from pathprint.app.runtime.models import Loaded
from pathprint.app.settings import Settings


def reference_of(loaded: Loaded) -> Reference:
    """Return what images judged by a bundle are compared with."""
    return Reference(loaded.detector.calibration, loaded.detector.clean_scores)


@dataclass(frozen=True, slots=True)
class Inside:
    """What is asked of the running service at each scrape.

    Attributes:
        pending: returns the number of images that are decoded or examined, or wait for it.
        reloads: returns how many loadings of bundles ended in which way.
    """

    pending: Callable[[], int]
    reloads: Callable[[], Mapping[str, int]] = dict


@dataclass(frozen=True, slots=True)
class Watch:
    """What the service tells others about its decisions.

    Attributes:
        decisions: told of each decision; metrics, drift and events listen already.
        windows: the latest scores of each bundle.
    """

    decisions: Decisions
    windows: Windows


@asynccontextmanager
async def watched(
    settings: Settings, metrics: Metrics, loaded: Callable[[], Iterable[Loaded]], inside: Inside
) -> AsyncIterator[Watch]:
    """Count, compare and report what is decided during the block.

    Args:
        loaded: returns the bundles that are loaded at the moment.
        inside: the rest of what is asked at each scrape.
    """
    decisions, windows = Decisions(), Windows(_references(loaded), settings.drift_images, settings.drift_fewest)
    for listener in (metrics.decided, windows.decided, log_decision):
        decisions.listen(listener)
    token = settings.events_token.get_secret_value() if settings.events_token else None
    state = State(Source(lambda: [_facts(one) for one in loaded()], inside.pending, inside.reloads))
    lag = asyncio.create_task(watch_loop(metrics.loop_lag))
    try:
        with (
            events(settings.events, token, metrics.events) as told,
            registered(metrics.registry, windows, state),
            metrics_port(metrics.registry, settings.metrics_host, settings.metrics_port),
        ):
            if told:
                decisions.listen(told.decided)
            yield Watch(decisions, windows)
    finally:
        lag.cancel()
        with suppress(asyncio.CancelledError):
            await lag


def _references(loaded: Callable[[], Iterable[Loaded]]) -> Callable[[Decision], Reference | None]:
    def reference(decision: Decision) -> Reference | None:
        """Return what a decision is compared with; None if its bundle was replaced meanwhile."""
        return next((reference_of(one) for one in loaded() if one.bundle.sha256 == decision.bundle_sha256), None)

    return reference


def _facts(loaded: Loaded) -> dict[str, str]:
    bundle = loaded.bundle
    return {
        "model": loaded.name,
        "version": loaded.version,
        "bundle_sha256": bundle.sha256,
        "fingerprint": bundle.detector.network.fingerprint,
    }
