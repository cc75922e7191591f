"""Receive an image: all limits on the request apply here, before anything looks at its content."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.decoding import Upload
from pathprint.app.runtime.media import ACCEPTED, ANY_IMAGE, FORM, IMAGE_TYPES, media_type_of
from pathprint.app.settings import Settings


async def read_upload(request: Request, settings: Settings) -> Upload:
    """Return the image in the request's body, raw or as the one file of a form.

    Raises:
        ProblemError: the body is of a type or encoding that is not accepted, is too large or too slow, or is a form
            without exactly one file.
    """
    _refuse_encodings(request.headers)
    media_type = _accepted(media_type_of(request.headers.get("content-type", "")), ACCEPTED)
    chunks = _chunks(request, settings.max_body_bytes)
    try:
        async with asyncio.timeout(settings.body_seconds):
            if media_type == FORM:
                return await _file_of_form(request.headers, chunks, settings.max_body_bytes)
            return Upload(b"".join([chunk async for chunk in chunks]), _declared(media_type))
    except TimeoutError:
        raise ProblemError("body_timeout", f"The body must arrive within {settings.body_seconds:g} seconds.") from None


def _refuse_encodings(headers: Headers) -> None:
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        detail = "Send the image without a Content-Encoding: a small body could unpack to a huge one."
        raise ProblemError("unsupported_content_encoding", detail, {"Accept-Encoding": "identity"})


def _accepted(media_type: str, accepted: tuple[str, ...]) -> str:
    if media_type not in accepted:
        detail = f"The Content-Type must be one of {', '.join(accepted)}, or missing."
        raise ProblemError("unsupported_media_type", detail, {"Accept-Post": ", ".join(ACCEPTED)})
    return media_type


def _declared(media_type: str) -> str | None:
    return media_type if media_type in IMAGE_TYPES else None


async def _chunks(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    """Yield the body as it arrives; refuse it as soon as it is known to be larger than ``limit``."""
    refusal = ProblemError("body_too_large", f"The body may have at most {limit:,} bytes.")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise refusal
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > limit:
            raise refusal
        yield chunk


async def _file_of_form(headers: Headers, chunks: AsyncGenerator[bytes, None], limit: int) -> Upload:
    parser = MultiPartParser(headers, chunks, max_files=1, max_fields=0)
    parser.spool_max_size = limit + 1  # keep the whole file in memory: nothing of an image is written to disk
    try:
        parts = (await parser.parse()).multi_items()
    except MultiPartException:
        parts = []
    match parts:
        case [("file", UploadFile() as file)]:
            declared = _accepted(media_type_of(file.content_type or ""), (*IMAGE_TYPES, ANY_IMAGE))
            return Upload(await file.read(), _declared(declared))
    raise ProblemError("malformed_multipart", "Send exactly one part: a file with the name 'file' and a filename.")
