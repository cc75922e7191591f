"""Verdicts: on one image, on several, with all that is behind one; and the gateway, which acts on them."""

from __future__ import annotations

from asyncio import to_thread
from time import perf_counter

from fastapi import APIRouter, Request

from pathprint.app.api import answers
from pathprint.app.api.documentation import ONE_FILE, SEVERAL_FILES, success, work_problems
from pathprint.app.api.explaining import place_to_explain
from pathprint.app.api.gateway import classified
from pathprint.app.api.judging import Judge
from pathprint.app.api.options import Asked, Options, combined
from pathprint.app.api.picture_schemas import PictureAnswer
from pathprint.app.api.schemas import Answer, Answers, Classified, Explanation
from pathprint.app.api.several import judge_several
from pathprint.app.api.shown import shown, shown_as_picture, shown_in_full
from pathprint.app.api.uploads import read_one, read_several
from pathprint.app.problems.kinds import Stage
from pathprint.app.runtime.decoding import Upload
from pathprint.app.runtime.service import Running, Service

router = APIRouter(prefix="/v1", tags=["detection"])

_EVERY = (Stage.OPTIONS, Stage.MODEL, Stage.BODY, Stage.JSON, Stage.FORM)
_ONE = (*_EVERY, Stage.BASE64, Stage.IMAGE, Stage.NUMBERS)


@router.post(
    "/detect",
    summary="Is this image adversarial?",
    response_description="The verdict.",
    responses={**success("detect"), **work_problems(*_ONE)},
    response_model_exclude_none=True,
    openapi_extra=ONE_FILE,
)
async def detect(request: Request, service: Running, asked: Asked) -> Answer:
    """Send one image; get the network's prediction, the verdict, and the evidence for the verdict.

    The image is turned upright by its EXIF orientation, scaled and cropped as the network's
    training images were. Transparency is laid over black. `input.transforms` says what was done.
    Pixels that are sent as numbers (`application/x-npy`) are judged exactly as they are.
    """
    judge, upload, options = await _one(request, service, asked)
    examination = await judge.examine(upload)
    request.state.verdict = examination.verdict.decision
    return answers.answer(judge, examination, shown(request, options))


@router.post(
    "/detect/batch",
    summary="Which of these images are adversarial?",
    response_description="The verdicts, in the order of the images.",
    responses={**success("detect_batch"), **work_problems(*_EVERY, Stage.BATCH)},
    response_model_exclude_none=True,
    openapi_extra=SEVERAL_FILES,
)
async def detect_batch(request: Request, service: Running, asked: Asked) -> Answers:
    """Send several images; get an answer for each, in order.

    The status is 200 if the request as a whole could be read. Each image then has a status of its
    own, and a verdict or a problem. All answers come from one version of the model.
    """
    started = perf_counter()
    sent = await read_several(request, service.settings)
    options = combined(asked, sent.options)
    judge = Judge(request, service, service.models.get(options.model, options.version), started)
    return await judge_several(judge, sent.files, shown(request, options))


@router.post(
    "/explain",
    summary="Why is this image adversarial, or why not?",
    response_description="The verdict and what each layer says.",
    responses={**success("explain"), **work_problems(*_ONE, Stage.DETAIL, Stage.EXPLAIN)},
    response_model_exclude_none=True,
    openapi_extra=ONE_FILE,
)
async def explain(request: Request, service: Running, asked: Asked) -> Explanation:
    """Send one image; get the verdict with the evidence of the layers, as numbers and sentences.

    Only few explanations are made at the same time, so that verdicts need not wait for them.
    """
    judge, upload, options = await _one(request, service, asked)
    wanted = shown_in_full(request, options)
    # Only now: a body that never arrives whole would keep a place from others.
    with place_to_explain(request, service.settings.explain_concurrency):
        examination = await judge.examine(upload)
    request.state.verdict = examination.verdict.decision
    return answers.explanation(judge, examination, wanted)


@router.post(
    "/picture",
    summary="What does the path of this image look like?",
    response_description="The verdict, what each layer says, and the path beside those of the two likeliest classes.",
    responses={**success("picture"), **work_problems(*_ONE, Stage.DETAIL, Stage.EXPLAIN)},
    response_model_exclude_none=True,
    openapi_extra=ONE_FILE,
)
async def picture(request: Request, service: Running, asked: Asked) -> PictureAnswer:
    """Send one image; get an explanation, and what it takes to draw it: numbers of each layer, and maps as PNG.

    It costs about as much as two verdicts, and only few are made at the same time.
    """
    judge, upload, options = await _one(request, service, asked)
    wanted = shown_as_picture(request, options)
    with place_to_explain(request, service.settings.explain_concurrency):
        examination = await judge.examine(upload, pictured=True)
        request.state.verdict = examination.verdict.decision
        return await to_thread(answers.pictured, judge, examination, wanted)


@router.post(
    "/classify",
    tags=["gateway"],
    summary="What is in this image, if it may be answered?",
    response_description="The network's answer.",
    responses={**success("classify"), **work_problems(*_ONE, Stage.GATEWAY)},
    response_model_exclude_none=True,
    openapi_extra=ONE_FILE,
)
async def classify(request: Request, service: Running, asked: Asked) -> Classified:
    """Send one image; get the network's prediction, unless the verdict on the image withholds it.

    The operator says for each verdict whether the prediction is passed on, flagged or withheld.
    `detail=verdict` gives the class alone; any other detail adds its confidence and the runner-up.
    """
    judge, upload, options = await _one(request, service, asked)
    examination = await judge.examine(upload)
    request.state.verdict = examination.verdict.decision
    return classified(judge, examination.verdict, shown(request, options))


async def _one(request: Request, service: Service, asked: Options) -> tuple[Judge, Upload, Options]:
    """Return who judges the one image of a request, the image, and what is asked about it."""
    # A bare request, not an UploadFile: FastAPI would receive the whole body before any limit applies.
    started = perf_counter()
    upload, inside = await read_one(request, service.settings)
    options = combined(asked, inside)
    return Judge(request, service, service.models.get(options.model, options.version), started), upload, options
