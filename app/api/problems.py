"""Every error that a client can see, as RFC 9457 problem documents; ``KINDS`` lists them.

Details are written for the client. They never carry the text of unexpected exceptions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from pathprint.app.api.schemas import ParameterProblem, Problem
from pathprint.models.errors import ImageError

MEDIA_TYPE = "application/problem+json"


class Kind(NamedTuple):
    """What all problems of one code have in common."""

    status: int
    title: str


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "bad_request": Kind(400, "The request is malformed"),
        "malformed_multipart": Kind(400, "The form does not hold exactly one file"),
        "not_found": Kind(404, "There is nothing at this address"),
        "method_not_allowed": Kind(405, "The HTTP method is not allowed at this address"),
        "body_timeout": Kind(408, "The request's body took too long to arrive"),
        "body_too_large": Kind(413, "The request's body is too large"),
        "unsupported_media_type": Kind(415, "The media type is not accepted"),
        "unsupported_content_encoding": Kind(415, "The content encoding is not accepted"),
        "bad_parameter": Kind(422, "A parameter has a value that is not accepted"),
        "media_type_mismatch": Kind(422, "The image is not of the media type that was declared"),
        # The codes of pathprint.models.errors.ImageError:
        "empty_input": Kind(422, "The image has no bytes"),
        "undecodable_image": Kind(422, "The bytes cannot be read as an image of an accepted format"),
        "truncated_image": Kind(422, "The image is truncated or damaged"),
        "image_too_large": Kind(422, "The image has too many pixels"),
        "multi_frame": Kind(422, "The image has more than one frame, as animations do"),
        "unsupported_color_mode": Kind(422, "The colour mode is not accepted"),
        # No client receives this one; it is for the log (nginx uses the number 499 for it too).
        "client_disconnected": Kind(499, "The client closed the connection"),
        "internal": Kind(500, "The service failed"),
        "not_ready": Kind(503, "The service is not ready"),
    }
)
"""Status and title of each problem, by its code. Clients compare codes, so a code never changes."""
_FRAMEWORK = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 415: "unsupported_media_type"}


class ProblemError(Exception):
    """A request that cannot be answered. ``code`` is a key of ``KINDS``."""

    def __init__(
        self,
        code: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[ParameterProblem] | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail, self.headers, self.errors = code, detail, headers, errors


def problem_of(error: Exception) -> ProblemError:
    """Return what to tell the client about an error, whether the service, the engine or the framework raised it."""
    match error:
        case ProblemError():
            return error
        case ImageError():
            return ProblemError(error.code if error.code in KINDS else "undecodable_image", str(error))
        case RequestValidationError():
            return _bad_parameters(error)
        case HTTPException():
            return _framework_problem(error)
        case ClientDisconnect():
            return ProblemError("client_disconnected", "The client closed the connection before the body was complete.")
        case _:
            return ProblemError(
                "internal", "Something went wrong inside the service; its log says more under this request_id."
            )


def _bad_parameters(error: RequestValidationError) -> ProblemError:
    # The wrong value is left out: whoever made the link could put any text before its reader.
    found = [
        ParameterProblem(parameter=".".join(map(str, item["loc"][1:])), detail=item["msg"]) for item in error.errors()
    ]
    named = "; ".join(f"{item.parameter}: {item.detail}" for item in found)
    return ProblemError("bad_parameter", f"{named}.", errors=found)


def _framework_problem(error: HTTPException) -> ProblemError:
    code = _FRAMEWORK.get(error.status_code, "bad_request" if error.status_code < 500 else "internal")
    return ProblemError(code, f"{KINDS[code].title}; /openapi.json describes the service.", error.headers)


def problem_response(request: Request, error: Exception) -> Response:
    """Return the response that reports ``error``, and leave its code for the log."""
    found = problem_of(error)
    request.state.code = found.code
    request_id = request.state.request_id
    problem = Problem(
        type=f"urn:pathprint:problem:{found.code}",
        title=KINDS[found.code].title,
        status=KINDS[found.code].status,
        detail=found.detail,
        instance=f"urn:request:{request_id}",
        code=found.code,
        request_id=request_id,
        errors=list(found.errors) if found.errors else None,
    )
    content = problem.model_dump(exclude_none=True)
    return JSONResponse(content, problem.status, found.headers, MEDIA_TYPE)


async def _handle(request: Request, error: Exception) -> Response:
    return problem_response(request, error)


def install(app: FastAPI) -> None:
    """Make ``app`` report errors as problem documents. ``RequestContext`` catches all other types of errors."""
    for kind in (ProblemError, ImageError, RequestValidationError, HTTPException, ClientDisconnect):
        app.add_exception_handler(kind, _handle)
