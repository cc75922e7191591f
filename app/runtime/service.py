"""What the routes need to answer: made when the service starts, and gone when it stops."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

import structlog
import torch
from fastapi import Depends, FastAPI, Request

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.examiner import Examiner
from pathprint.app.runtime.models import Loaded, Models
from pathprint.app.settings import Settings
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.threads import settle_threads

log = structlog.get_logger("app")
_SWITCH_SECONDS = 0.0005
"""How long a thread may keep Python to itself. The event loop waits so long after each read and write on a socket while
other threads compute; with Python's own five milliseconds it would fall behind long before the processors are busy."""


@dataclass(frozen=True, slots=True)
class Service:
    """The loaded bundles, with the threads that examine images by them."""

    settings: Settings
    models: Models
    examiner: Examiner


@asynccontextmanager
async def running(app: FastAPI, bundle: Bundle, settings: Settings) -> AsyncIterator[None]:
    """Run the service: ready once its threads are started and warm, and ready no more before they end."""
    loaded = Loaded.of(bundle)
    if settings.torch_threads is not None:
        torch.set_num_threads(settings.torch_threads)
    else:
        settle_threads(loaded.detector.network.preprocessing)
    sys.setswitchinterval(_SWITCH_SECONDS)
    examiner = Examiner(settings)
    try:
        await examiner.warm_up(loaded)
        app.state.service = Service(settings, Models(loaded), examiner)
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
