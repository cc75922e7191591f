"""``POST /v1/detect``: the verdict on one image."""

from __future__ import annotations

from time import perf_counter
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request

from pathprint.app.api import answers
from pathprint.app.api.documentation import UPLOAD, problems, success
from pathprint.app.api.examples import ANSWER
from pathprint.app.api.schemas import Answer, Model
from pathprint.app.api.uploads import read_upload
from pathprint.app.runtime.service import Running

router = APIRouter(prefix="/v1", tags=["detection"])

Detail = Annotated[
    Literal["verdict", "evidence"], Query(description="`evidence` adds what each layer says; `verdict` leaves it out.")
]
_PROBLEMS = (
    "malformed_multipart",
    "body_timeout",
    "body_too_large",
    "unsupported_media_type",
    "unsupported_content_encoding",
    "bad_parameter",
    "media_type_mismatch",
    "empty_input",
    "undecodable_image",
    "truncated_image",
    "image_too_large",
    "multi_frame",
    "unsupported_color_mode",
    "decoder_failed",
    "internal",
    "not_ready",
    "overloaded",
    "deadline_exceeded",
)


@router.post(
    "/detect",
    summary="Is this image adversarial?",
    response_description="The verdict.",
    responses={**success(ANSWER), **problems(*_PROBLEMS)},
    response_model_exclude_none=True,
    openapi_extra=UPLOAD,
)
async def detect(request: Request, service: Running, detail: Detail = "evidence") -> Answer:
    """Send one image; get the network's prediction, the verdict, and the evidence for the verdict.

    The image is turned upright by its EXIF orientation, scaled and cropped as the network's
    training images were. Transparency is laid over black.
    """
    # A bare request, not an UploadFile: FastAPI would receive the whole body before any limit applies.
    started = perf_counter()
    loaded = service.models.get()
    upload = await read_upload(request, service.settings)
    examination = await service.examiner.examine(upload, loaded, request.state.deadline)
    verdict = examination.verdict
    request.state.verdict = verdict.decision
    return Answer(
        request_id=request.state.request_id,
        model=Model(**loaded.facts),
        prediction=answers.prediction(verdict),
        detection=answers.detection(verdict, loaded.detector.calibration),
        evidence=answers.evidence(verdict) if detail == "evidence" else None,
        input=answers.received(examination.image),
        timing_ms=answers.timing(examination, (perf_counter() - started) * 1000),
    )
