"""Find the images in the body of a request: raw, in a form, or in JSON."""

from __future__ import annotations

import asyncio
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from pathprint.app.api.bodies import Body, accepted_type
from pathprint.app.api.options import Options
from pathprint.app.api.strict_json import checked, marks_in, read_as, read_json
from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.decoding import Upload
from pathprint.app.runtime.media import ACCEPTED, ANY_IMAGE, FILES, FORM, JSON
from pathprint.app.settings import Settings

_SMALL = 65_536
"""Bytes of text that are read on the event loop; more would keep other requests waiting."""
_FEW_MARKS = 1024
"""Marks (``strict_json.marks_in``) of JSON that is read on the event loop; an image in base64 has about a dozen."""
_OPTIONS = "options"
_CHARSETS = (b"utf-8", b"utf8", b"us-ascii")
_BASE64: dict[str, Any] = {"contentEncoding": "base64"}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sent:
    """What the body of a request holds.

    Attributes:
        files: in the order in which they were sent; a problem in place of one that cannot be read.
        options: None if the body has none.
    """

    files: tuple[Upload | ProblemError, ...]
    options: Options | None = None


class File(BaseModel):
    """A file in JSON."""

    model_config = ConfigDict(extra="forbid")

    b64: str = Field(description="Standard base64 with padding, without line breaks.", json_schema_extra=_BASE64)
    media_type: str | None = Field(default=None, description="As in `Content-Type`; without it, it is found out.")


class OneFile(BaseModel):
    """A JSON body with one image."""

    model_config = ConfigDict(extra="forbid")

    image: File
    options: Options | None = None


class Files(BaseModel):
    """A JSON body with several images."""

    model_config = ConfigDict(extra="forbid")

    images: list[File] = Field(fail_fast=True, json_schema_extra={"minItems": 1})
    options: Options | None = None


async def read_one(request: Request, settings: Settings) -> tuple[Upload, Options | None]:
    """Return the image in a body, which is raw, in JSON or the one file of a form; and the options beside it.

    Raises:
        ProblemError: the body is of a type or encoding that is not accepted, is too large or too slow, is a form or
            JSON of another shape, or the file in it cannot be read.
    """
    body = Body(request, settings.max_body_bytes, settings.body_seconds)
    media_type = body.media_type(ACCEPTED)
    if media_type == FORM:
        sent = await _form(body, "Send exactly one file with the name 'file', and a filename.", most=1)
    elif media_type == JSON:
        sent = await aside(_one_of_json, await body.read())
    else:
        sent = Sent((Upload(await body.read(), _declared(media_type)),))
    (file,) = sent.files
    if isinstance(file, ProblemError):
        raise file
    return file, sent.options


async def read_several(request: Request, settings: Settings) -> Sent:
    """Return the images in a body, which are files of a form or a list in JSON; and the options beside them.

    Raises:
        ProblemError: the body is of a type or encoding that is not accepted, is too large or too slow, holds no image
            or too many, or is a form or JSON of another shape.
    """
    body = Body(request, settings.max_batch_bytes, settings.body_seconds)
    most = settings.max_batch_images
    if body.media_type((FORM, JSON)) == FORM:
        wanted = f"Send 1 to {most} files, each with the name 'file' and a filename."
        return await _form(body, wanted, most)
    return await aside(partial(_several_of_json, most=most), await body.read())


def check_number(images: int, most: int) -> None:
    """Check the number of images in one request.

    Raises:
        ProblemError: there are none, or too many.
    """
    if images > most:
        raise _too_many(most)
    if not images:
        raise ProblemError("bad_member", "images: the list is empty; send at least one image.")


async def aside(read: Callable[[bytes], T], data: bytes) -> T:
    """Return what ``read`` makes of JSON, on another thread if that takes long: it is long, or holds many values."""
    quick = len(data) <= _SMALL and marks_in(data) <= _FEW_MARKS
    return read(data) if quick else await asyncio.to_thread(read, data)


def _one_of_json(data: bytes) -> Sent:
    body = read_as(OneFile, data)
    return Sent((_file_of_json(body.image),), body.options)


def _several_of_json(data: bytes, most: int) -> Sent:
    value = read_json(data)
    if isinstance(value, dict) and isinstance(value.get("images"), list):
        check_number(len(value["images"]), most)  # before any of them is looked at
    body = checked(Files, value)
    return Sent(tuple(map(_file_of_json, body.images)), body.options)


def _file_of_json(file: File) -> Upload | ProblemError:
    try:
        return Upload(from_base64(file.b64), _declared(accepted_type(file.media_type or "", FILES)))
    except ProblemError as error:
        return error


def from_base64(text: str) -> bytes:
    """Return the bytes that standard base64 stands for.

    Raises:
        ProblemError: it is not base64, or has line breaks or other characters in it.
    """
    try:
        if len(text) % 4:
            raise ValueError(text)
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        detail = "Send standard base64 with its padding, without line breaks and without 'data:' before it."
        raise ProblemError("invalid_base64", detail) from None


async def _form(body: Body, wanted: str, most: int) -> Sent:
    malformed = ProblemError("malformed_multipart", wanted)
    _check_charset(body.headers["content-type"])
    parser = MultiPartParser(body.headers, body.chunks(), max_files=most + 1, max_fields=1, max_part_size=_SMALL)
    parser.spool_max_size = body.most + 1  # keep all files in memory: nothing of an image is written to disk
    try:
        async with body.in_time():
            form = await parser.parse()
    except MultiPartException as error:
        if "maximum size" in error.message:  # of a part without a filename
            raise _too_long() from None
        raise (_too_many(most) if "Too many files" in error.message and most > 1 else malformed) from None
    options = [part for name, part in form.multi_items() if name == _OPTIONS]
    files = [part for name, part in form.multi_items() if name == "file" and isinstance(part, UploadFile)]
    try:
        if not files or len(options) > 1 or len(files) + len(options) != len(form.multi_items()):
            raise malformed
        if len(files) > most:
            raise _too_many(most) if most > 1 else malformed
        read = await aside(partial(read_as, Options), await _bytes(options[0])) if options else None
        return Sent(tuple([await _file_of_form(file) for file in files]), read)
    finally:
        await form.close()


def _check_charset(content_type: str) -> None:
    """Refuse a form in another encoding than UTF-8: Python knows some that raise, and some that take very long."""
    _, parameters = parse_options_header(content_type)
    if parameters.get(b"charset", b"utf-8").lower() not in _CHARSETS:
        raise ProblemError("malformed_multipart", "Write the form in UTF-8, and leave out `charset`.")


async def _bytes(part: UploadFile | str) -> bytes:
    if isinstance(part, str):
        return part.encode()
    if (part.size or 0) > _SMALL:
        raise _too_long()
    return await part.read()


def _too_long() -> ProblemError:
    detail = f"The part `options` may have at most {_SMALL:,} bytes, and each file needs a filename."
    return ProblemError("malformed_multipart", detail)


async def _file_of_form(file: UploadFile) -> Upload | ProblemError:
    try:
        return Upload(await file.read(), _declared(accepted_type(file.content_type or "", FILES)))
    except ProblemError as error:
        return error


def _declared(media_type: str) -> str | None:
    return None if media_type == ANY_IMAGE else media_type


def _too_many(most: int) -> ProblemError:
    return ProblemError("too_many_images", f"One request may hold at most {most} images; send several requests.")
