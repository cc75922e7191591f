"""What the routes need to answer: made when the service starts, and gone when it stops."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from math import prod
from typing import Annotated

import structlog
import torch
from fastapi import Depends, FastAPI, Request

from pathprint.app.monitoring.decisions import Decisions
from pathprint.app.monitoring.metrics import Metrics
from pathprint.app.monitoring.windows import Windows
from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime import memory
from pathprint.app.runtime.examiner import Examiner
from pathprint.app.runtime.loader import Loader
from pathprint.app.runtime.loading import LOADED, Wanted
from pathprint.app.runtime.models import Loaded, Models
from pathprint.app.runtime.starting import loading_meanwhile
from pathprint.app.runtime.watching import Inside, watched
from pathprint.app.server.hangup import on_hangup
from pathprint.app.settings import Settings
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.threads import settle_threads

log = structlog.get_logger("app")
_SWITCH_SECONDS = 0.0005
"""How long a thread may keep Python to itself. The event loop waits so long after each read and write on a socket while
other threads compute; with Python's own five milliseconds it would fall behind long before the processors are busy."""


@dataclass(frozen=True, slots=True)
class Service:
    """The loaded bundles, with the threads that examine images by them, and who is told of decisions."""

    settings: Settings
    loader: Loader
    examiner: Examiner
    decisions: Decisions
    windows: Windows

    @property
    def models(self) -> Models:
        """The models that answer now. A request asks once: a moment later there may be others.

        Raises:
            ProblemError: none are loaded yet.
        """
        if self.loader.models is None:
            raise ProblemError("not_ready", _still_missing(self.loader), {"Retry-After": "1"})
        return self.loader.models


def _still_missing(loader: Loader) -> str:
    if loader.outcomes["failed"] and not loader.stages:
        return "A bundle could not be loaded, and the log says why; when that is mended, have the bundles loaded again."
    stages = ", ".join(f"{title} ({stage})" for title, stage in dict(loader.stages).items() if stage != LOADED)
    return f"The service is starting and still loads: {stages or 'its bundles'}. Try again soon."


@asynccontextmanager
async def running(app: FastAPI, bundle: Bundle | None, settings: Settings, metrics: Metrics) -> AsyncIterator[None]:
    """Run the service, which is ready once its bundles are loaded and its threads warm.

    Args:
        bundle: answers from the start, if it is given; otherwise what ``settings`` name is loaded meanwhile.
    """
    examiner = Examiner(settings)

    async def first(models: Models) -> None:
        _settle(settings, models)
        for loaded in models:
            await examiner.warm_up(loaded)
            log.info("ready", **loaded.facts, kernel=loaded.detector.extractor.chooser.name)
        memory.give_back()

    def current() -> list[Loaded]:
        return list(loader.models or ())

    sizes = (1, settings.max_batch)
    loader = Loader(Wanted(settings.bundle or (), settings.default_model, sizes, settings.trusted_keys), first)
    inside = Inside(pending=lambda: examiner.inside, reloads=lambda: loader.outcomes)
    try:
        async with watched(settings, metrics, current, inside) as watch:
            app.state.service = Service(settings, loader, examiner, watch.decisions, watch.windows)
            starting: AbstractAsyncContextManager[None] = loading_meanwhile(loader, settings.exit_if_refused)
            if bundle is not None:
                await loader.begin_with(Models.of([Loaded.of(bundle)]))
                starting = nullcontext()
            with on_hangup(loader.load_soon):
                async with starting:
                    yield
    finally:
        app.state.service = None
        loader.close()
        examiner.close()


def _settle(settings: Settings, models: Models) -> None:
    """Give torch its threads: as many as were asked for, or as the largest network is worth."""
    if settings.torch_threads is not None:
        torch.set_num_threads(settings.torch_threads)
    else:
        preprocessings = (loaded.detector.network.preprocessing for loaded in models)
        settle_threads(max(preprocessings, key=lambda preprocessing: prod(preprocessing.size)))
    sys.setswitchinterval(_SWITCH_SECONDS)


def works(app: FastAPI) -> bool:
    """Whether images get verdicts, or the service is not there yet: False once it has to be restarted."""
    service: Service | None = getattr(app.state, "service", None)
    return service is None or service.examiner.works


async def current_service(request: Request) -> Service:
    """Return the running service. It is a coroutine because FastAPI would run a function on another thread.

    Raises:
        ProblemError: the service is starting or stopping.
    """
    service: Service | None = getattr(request.app.state, "service", None)
    if service is None:
        raise ProblemError("not_ready", "The service is starting or stopping; try again soon.", {"Retry-After": "1"})
    return service


Running = Annotated[Service, Depends(current_service)]
