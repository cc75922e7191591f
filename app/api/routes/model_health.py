"""``GET /v1/models/{model}/health``: do recent images look like those that the bundle was calibrated on?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from pathprint.app.api.documentation import problems
from pathprint.app.monitoring.health import ModelHealth, health_of
from pathprint.app.problems.kinds import Stage
from pathprint.app.runtime.service import Running
from pathprint.app.runtime.watching import reference_of

router = APIRouter(prefix="/v1", tags=["models"])


@router.get(
    "/models/{model}/health",
    summary="Do recent images look like those of the calibration?",
    responses=problems(Stage.READINESS, Stage.ADMISSION, Stage.OPTIONS, Stage.MODEL),
)
async def model_health(
    service: Running,
    model: str,
    version: Annotated[str | None, Query(description="Version of the model; the current one if left out.")] = None,
) -> ModelHealth:
    """Compare the latest images that were judged with the images that the threshold was set on."""
    loaded = service.models.get(model, version)
    drift = service.windows.drift(loaded.name, loaded.version, loaded.bundle.sha256)
    return health_of(loaded.name, loaded.version, loaded.bundle.sha256, reference_of(loaded), drift)
