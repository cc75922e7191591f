"""What the routes need to answer: made when the service starts, and gone when it stops."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

import structlog
import torch
from fastapi import Depends, FastAPI, Request

from pathprint.app.monitoring.decisions import Decisions
from pathprint.app.monitoring.metrics import Metrics
from pathprint.app.monitoring.windows import Windows
from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.examiner import Examiner
from pathprint.app.runtime.models import Loaded, Models
from pathprint.app.runtime.watching import Inside, watched
from pathprint.app.settings import Settings
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.threads import settle_threads

log = structlog.get_logger("app")


@dataclass(frozen=True, slots=True)
class Service:
    """The loaded bundles, with the threads that examine images by them, and who is told of decisions."""

    settings: Settings
    models: Models
    examiner: Examiner
    decisions: Decisions
    windows: Windows


@asynccontextmanager
async def running(app: FastAPI, bundle: Bundle, settings: Settings, metrics: Metrics) -> AsyncIterator[None]:
    """Run the service: ready once its threads are started and warm, and ready no more before they end."""
    loaded = Loaded.of(bundle)
    if settings.torch_threads is not None:
        torch.set_num_threads(settings.torch_threads)
    else:
        settle_threads(loaded.detector.network.preprocessing)
    examiner = Examiner(settings.decode_threads)
    try:
        await examiner.warm_up(loaded)
        inside = Inside(pending=lambda: int(getattr(examiner, "inside", 0)))
        async with watched(settings, metrics, lambda: [loaded], inside) as watch:
            app.state.service = Service(settings, Models(loaded), examiner, watch.decisions, watch.windows)
            log.info("ready", **loaded.facts, kernel=loaded.detector.extractor.chooser.name)
            yield
    finally:
        app.state.service = None
        examiner.close()


def current_service(request: Request) -> Service:
    """Return the running service.

    Raises:
        ProblemError: the service is starting or stopping.
    """
    service: Service | None = getattr(request.app.state, "service", None)
    if service is None:
        raise ProblemError("not_ready", "The service is starting or stopping; try again soon.", {"Retry-After": "1"})
    return service


Running = Annotated[Service, Depends(current_service)]
