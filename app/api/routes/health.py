"""``GET /livez`` and ``GET /readyz``: for the probes of whatever runs the service."""

from __future__ import annotations

from fastapi import APIRouter

from pathprint.app.api.documentation import problems
from pathprint.app.api.schemas import Alive, Model, Ready
from pathprint.app.problems.kinds import Stage
from pathprint.app.runtime.service import Running

router = APIRouter(tags=["health"])


@router.get("/livez", summary="Does the process run?", responses=problems())
async def livez() -> Alive:
    """Answers as long as the process runs. If it does not answer, restart the process."""
    return Alive()


@router.get("/readyz", summary="Can it judge images?", responses=problems(Stage.READINESS))
async def readyz(service: Running) -> Ready:
    """Answers 200 once the bundle is loaded and verified and the model is warm; send images only then."""
    return Ready(model=Model(**service.models.get().facts))
