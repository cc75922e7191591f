"""``GET /livez`` and ``GET /readyz``: for the probes of whatever runs the service."""

from __future__ import annotations

from fastapi import APIRouter, Request

from pathprint.app.api.documentation import problems
from pathprint.app.api.schemas import Alive, Model, Ready, Version
from pathprint.app.problems.kinds import ProblemError, Stage
from pathprint.app.runtime.service import Running, works

router = APIRouter(tags=["health"])


@router.get("/livez", summary="Does the process run?", responses=problems(Stage.LIVENESS))
async def livez(request: Request) -> Alive:
    """Answers 200 as long as the process works. If it does not, or does not answer, restart the process."""
    if not works(request.app):
        raise ProblemError("not_alive", "The thread that runs the models has ended or is stuck; restart the process.")
    return Alive()


@router.get("/readyz", summary="Can it judge images?", responses=problems(Stage.READINESS))
async def readyz(service: Running) -> Ready:
    """Answers 200 once every bundle is loaded, verified and warm; send images only then. Before, it says what lacks."""
    models = service.models
    first = models.get() if models.default else models.loaded[0]
    return Ready(model=Model(**first.facts), models=[Version(**one.identity) for one in models])
