"""``GET /v1/models/{model}/figures`` and below it: what people want to see of a model, the report and examples."""

from __future__ import annotations

import asyncio
import io
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Path, Query, Response

from pathprint.app.api.documentation import problems
from pathprint.app.api.model_figures import ClassSimilarity, ModelFigures, figures_of, similarity_of
from pathprint.app.api.options import Name
from pathprint.app.problems.kinds import ProblemError, Stage
from pathprint.app.runtime.media import NPY
from pathprint.app.runtime.service import Running

router = APIRouter(prefix="/v1/models/{model}", tags=["models"])

ModelName = Annotated[Name, Path(description="The name of the model.")]
Version = Annotated[Name | None, Query(description="The version of the model; without it, the current one.")]
_STAGES = (Stage.READINESS, Stage.ADMISSION, Stage.OPTIONS, Stage.MODEL)
_PROBLEMS = problems(*_STAGES)
_BESIDE = problems(*_STAGES, Stage.BESIDE)
_TEXT = {"type": "string"}
_REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; sandbox"
"""What a browser may do for a report: apply its style sheet. It has no scripts."""


@router.get("/figures", summary="What was this model made of?", responses=_PROBLEMS)
async def figures(service: Running, model: ModelName, version: Version = None) -> ModelFigures:
    """Says what the bundle was made of, how clean images score, and which layers a path passes."""
    return figures_of(service.models.get(model, version))


@router.get("/similarity", summary="How alike are its classes?", responses=_PROBLEMS)
async def similarity(service: Running, model: ModelName, version: Version = None) -> ClassSimilarity:
    """Compares the signatures of classes, and says how large a share of each layer is in a path."""
    return await asyncio.to_thread(similarity_of, service.models.get(model, version))


@router.get(
    "/report",
    summary="How well does it detect attacks?",
    response_class=Response,
    responses={
        **_BESIDE,
        200: {"description": "The report.", "content": {"text/html": {"schema": {"type": "string"}}}},
    },
)
async def report(service: Running, model: ModelName, version: Version = None) -> Response:
    """Returns the report on the bundle that `pathprint evaluate` or `quickstart` wrote beside it, as a page."""
    page = service.models.get(model, version).beside.report
    if page is None:
        raise ProblemError("nothing_beside", "There is no report on this bundle beside it.")
    return Response(page, media_type="text/html", headers={"Content-Security-Policy": _REPORT_POLICY})


@router.get(
    "/examples/{number}/{kind}",
    summary="An image to try it on",
    response_class=Response,
    responses={
        **_BESIDE,
        200: {"description": "The pixels.", "content": {NPY: {"schema": {"type": "string", "format": "binary"}}}},
    },
)
async def example(
    service: Running,
    model: ModelName,
    number: Annotated[int, Path(ge=0, lt=1000, description="The place of the pair in `figures.examples`, from 0.")],
    kind: Annotated[Literal["clean", "attacked"], Path(description="Which image of the pair.")],
    version: Version = None,
) -> Response:
    """Returns the pixels of an example as `numpy.save` writes them, float32, to be judged as they are."""
    examples = service.models.get(model, version).beside.examples
    if examples is None or number >= len(examples):
        raise ProblemError("nothing_beside", "There is no example of this number beside this bundle.")
    pixels = (examples.clean if kind == "clean" else examples.attacked)[number]
    written = io.BytesIO()
    np.save(written, pixels.numpy(), allow_pickle=False)
    return Response(written.getvalue(), media_type=NPY)
