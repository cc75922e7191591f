"""The routes of the Open Inference Protocol: ``/v2/…``."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from pathprint.app.admission.charging import charge_for
from pathprint.app.api.bodies import Body
from pathprint.app.api.documentation import INFER, problems, success, work_problems
from pathprint.app.api.judging import Judge, Numbers
from pathprint.app.api.open_inference.framing import LENGTH_HEADER, framed, read_request
from pathprint.app.api.open_inference.inputs import images_of, marks_of
from pathprint.app.api.open_inference.outputs import metadata, tensors, wanted
from pathprint.app.api.open_inference.schemas import (
    INPUT,
    AnswerParameters,
    InferAnswer,
    InferRequest,
    Live,
    ModelMetadata,
    ModelReady,
    ServerMetadata,
    ServerReady,
    TensorMetadata,
)
from pathprint.app.api.options import Name, Options
from pathprint.app.api.shown import Shown, shown
from pathprint.app.api.strict_json import MAX_MARKS
from pathprint.app.problems.kinds import ProblemError, Stage
from pathprint.app.problems.reporting import problem_of
from pathprint.app.runtime.decoding import Upload
from pathprint.app.runtime.media import ANY_IMAGE, JSON
from pathprint.app.runtime.models import Loaded
from pathprint.app.runtime.out_of_memory import told_to_come_again
from pathprint.app.runtime.service import Running, Service
from pathprint.profiling.detection.detector import Verdict
from pathprint.profiling.detection.together import TOLERANCE

router = APIRouter(prefix="/v2", tags=["open inference protocol"])

ModelName = Annotated[Name, Path(description="The name of the model.")]
Version = Annotated[Name, Path(description="The version of the model.")]
_MODEL = (Stage.OPTIONS, Stage.MODEL)
_INFER = (
    *_MODEL,
    Stage.BODY,
    Stage.JSON,
    Stage.BASE64,
    Stage.IMAGE,
    Stage.NUMBERS,
    Stage.TENSORS,
    Stage.BATCH,
    Stage.DETAIL,
)


@router.get("", summary="What is this server?", responses={**success("v2"), **work_problems()})
async def server(request: Request) -> ServerMetadata:
    """Names the server and the extensions of the protocol that it speaks."""
    return ServerMetadata(name="pathprint", version=request.app.version, extensions=["binary_tensor_data"])


@router.get("/health/live", summary="Does the process run?", responses=problems())
async def live() -> Live:
    """Answers as long as the process runs, as `/livez` does."""
    return Live()


@router.get("/health/ready", summary="Can it judge images?", responses=problems(Stage.READINESS))
async def ready(service: Running) -> ServerReady:
    """Answers 200 once images are judged, as `/readyz` does."""
    return ServerReady()


@router.get("/models/{model}", summary="What does a model take and give?", responses=work_problems(*_MODEL))
async def model_metadata(service: Running, model: ModelName) -> ModelMetadata:
    """Lists the versions, the input and the outputs of a model."""
    return _metadata(service, service.models.get(model))


@router.get(
    "/models/{model}/versions/{version}", summary="What does a version take and give?", responses=work_problems(*_MODEL)
)
async def version_metadata(service: Running, model: ModelName, version: Version) -> ModelMetadata:
    """Lists the versions of a model, and the input and the outputs of this one."""
    return _metadata(service, service.models.get(model, version))


def _metadata(service: Service, loaded: Loaded) -> ModelMetadata:
    return ModelMetadata(
        name=loaded.name,
        versions=[one.version for one in service.models.versions(loaded.name)],
        platform="pathprint",
        inputs=[
            TensorMetadata(name=INPUT, datatype="FP32", shape=[-1, *loaded.detector.network.preprocessing.input_shape])
        ],
        outputs=metadata(loaded.detector),
    )


@router.get("/models/{model}/ready", summary="Is a model loaded?", responses=problems(Stage.READINESS, *_MODEL))
async def model_ready(service: Running, model: ModelName) -> ModelReady:
    """Answers 200 if the model is loaded and warm."""
    return ModelReady(name=service.models.get(model).name)


@router.get(
    "/models/{model}/versions/{version}/ready",
    summary="Is a version loaded?",
    responses=problems(Stage.READINESS, *_MODEL),
)
async def version_ready(service: Running, model: ModelName, version: Version) -> ModelReady:
    """Answers 200 if this version of the model is loaded and warm."""
    return ModelReady(name=service.models.get(model, version).name)


_INFER_RESPONSES = {**success("v2_infer"), **work_problems(*_INFER)}


@router.post(
    "/models/{model}/infer",
    summary="Which of these images are adversarial?",
    response_model=InferAnswer,
    response_description="The verdicts, as tensors.",
    responses=_INFER_RESPONSES,
    openapi_extra=INFER,
)
async def infer(request: Request, service: Running, model: ModelName) -> Response:
    """Send images as one tensor; get verdicts as tensors with one row for each image.

    With `Inference-Header-Content-Length`, tensors follow the JSON in binary, as the extension
    `binary_tensor_data` of the protocol has it. If one image cannot be judged, none is answered.
    """
    return await _infer(request, service, model, None)


@router.post(
    "/models/{model}/versions/{version}/infer",
    summary="Which of these images are adversarial, says this version?",
    response_model=InferAnswer,
    response_description="The verdicts, as tensors.",
    responses=_INFER_RESPONSES,
    openapi_extra=INFER,
)
async def version_infer(request: Request, service: Running, model: ModelName, version: Version) -> Response:
    """Send images as one tensor to this version of the model; get verdicts as tensors."""
    return await _infer(request, service, model, version)


async def _infer(request: Request, service: Service, model: str, version: str | None) -> Response:
    judge = Judge(request, service, service.models.get(model, version), perf_counter())
    body = Body(request, service.settings.max_batch_bytes, service.settings.body_seconds)
    body.media_type((JSON, ANY_IMAGE))
    data, length = await body.read(), request.headers.get(LENGTH_HEADER)
    with told_to_come_again():
        asked, images = await asyncio.to_thread(_read, judge, data, length)
    charge_for(request.state, len(images))
    show = shown(request, Options())
    names = wanted(asked, show)
    verdicts = await _verdicts(judge, images)
    return await asyncio.to_thread(_answer, judge, asked, verdicts, names, show)


def _read(judge: Judge, data: bytes, length: str | None) -> tuple[InferRequest, list[Upload | Numbers]]:
    preprocessing, most = judge.loaded.detector.network.preprocessing, judge.service.settings.max_batch_images
    request, binary = read_request(data, length, MAX_MARKS + marks_of(preprocessing, most))
    return request, images_of(request.inputs[0], binary, preprocessing, most)


async def _verdicts(judge: Judge, images: list[Upload | Numbers]) -> list[Verdict]:
    """Return the verdicts on all images.

    Raises:
        ProblemError: one cannot be judged; which one is said.
    """
    found = await asyncio.gather(*map(judge.examine, images), return_exceptions=True)
    for place, one in enumerate(found):
        if isinstance(one, Exception):
            problem = problem_of(one)
            if problem.code == "internal":
                raise one
            raise ProblemError(problem.code, f"Image {place}: {problem.detail}", problem.headers, problem.errors)
    return [one.verdict for one in found if not isinstance(one, BaseException)]


def _answer(
    judge: Judge, asked: InferRequest, verdicts: list[Verdict], names: dict[str, bool], show: Shown
) -> Response:
    outputs, binary = tensors(verdicts, names, show, judge.loaded.detector.calibration.target)
    answer = InferAnswer(
        id=asked.id,
        model_name=judge.loaded.name,
        model_version=judge.loaded.version,
        parameters=AnswerParameters(
            bundle_sha256=judge.loaded.bundle.sha256,
            request_id=judge.request.state.request_id,
            tolerance=TOLERANCE if show.numbers else None,
        ),
        outputs=outputs,
    )
    body, headers = framed(answer.model_dump(mode="json", exclude_none=True), binary)
    return Response(body, headers=headers)
