"""What the routes need to answer: made when the service starts, and gone when it stops."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

import structlog
import torch
from fastapi import Depends, FastAPI, Request

from pathprint.app.api.problems import ProblemError
from pathprint.app.api.schemas import Model
from pathprint.app.examiner import Examiner
from pathprint.app.settings import Settings
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.calibration import Calibration
from pathprint.profiling.threads import settle_threads

log = structlog.get_logger("app")


@dataclass(frozen=True, slots=True)
class Service:
    """A loaded bundle, with the threads that examine images by it."""

    settings: Settings
    model: Model
    calibration: Calibration
    examiner: Examiner


@asynccontextmanager
async def running(app: FastAPI, bundle: Bundle, settings: Settings) -> AsyncIterator[None]:
    """Run the service: ready once its threads are started and warm, and ready no more before they end."""
    detector = bundle.detector
    if settings.torch_threads is not None:
        torch.set_num_threads(settings.torch_threads)
    else:
        settle_threads(detector.network.preprocessing)
    model = Model(name=detector.network.name, fingerprint=detector.network.fingerprint, bundle_sha256=bundle.sha256)
    examiner = Examiner(detector, settings.decode_threads)
    try:
        await examiner.warm_up()
        app.state.service = Service(settings, model, detector.calibration, examiner)
        log.info("ready", **model.model_dump(), kernel=detector.extractor.chooser.name)
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
