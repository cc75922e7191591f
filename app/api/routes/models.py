"""``GET /v1/models``: which models are loaded, what they take, and what their verdicts rest on."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from pathprint.app.api import describing_models as describe
from pathprint.app.api.describing_models import ModelClasses, ModelDescription, ModelList
from pathprint.app.api.documentation import success, work_problems
from pathprint.app.api.options import Name
from pathprint.app.problems.kinds import Stage
from pathprint.app.runtime.service import Running

router = APIRouter(prefix="/v1/models", tags=["models"])

ModelName = Annotated[Name, Path(description="The name of the model.")]
Version = Annotated[Name | None, Query(description="The version of the model; without it, the current one.")]
_PROBLEMS = work_problems(Stage.OPTIONS, Stage.MODEL)


@router.get("", summary="Which models are loaded?", responses={**success("models"), **work_problems()})
async def models(service: Running) -> ModelList:
    """Lists all models with their versions."""
    return describe.listed(service.models)


@router.get("/{model}", summary="What is this model?", responses={**success("model"), **_PROBLEMS})
async def model(service: Running, model: ModelName, version: Version = None) -> ModelDescription:
    """Says what the model takes, by which bundle it is protected, and what the threshold promises."""
    return describe.described(service.models.get(model, version), service.models)


@router.get("/{model}/classes", summary="What can it answer?", responses={**success("classes"), **_PROBLEMS})
async def classes(service: Running, model: ModelName, version: Version = None) -> ModelClasses:
    """Lists the classes, and how many images of each were profiled."""
    return describe.classes_of(service.models.get(model, version))
