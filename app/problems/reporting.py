"""Answer with a problem document, whichever part of the service raised the error."""

from __future__ import annotations

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from pathprint.app.problems.describing import describe
from pathprint.app.problems.document import MEDIA_TYPE, ParameterProblem, place
from pathprint.app.problems.kinds import KINDS, ProblemError
from pathprint.models.errors import ImageError

log = structlog.get_logger("app")
_FRAMEWORK = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 415: "unsupported_media_type"}
_SOON = {"Retry-After": "1"}


def problem_of(error: Exception) -> ProblemError:
    """Return what to tell the client about an error, whether the service, the engine or the framework raised it."""
    match error:
        case ProblemError():
            return error
        case ImageError():
            return ProblemError(error.code if error.code in KINDS else "undecodable_image", _sentence(str(error)))
        case MemoryError():
            return ProblemError("overloaded", "There is no memory left at the moment; send it again later.", _SOON)
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


def _sentence(message: str) -> str:
    """Return the message of an error, which may stand behind the name of a file, as a sentence of its own."""
    return message[:1].upper() + message[1:]


def _bad_parameters(error: RequestValidationError) -> ProblemError:
    # The wrong value is left out: whoever made the link could put any text before its reader.
    found = [ParameterProblem(parameter=place(item["loc"][1:]), detail=item["msg"]) for item in error.errors()]
    named = "; ".join(f"{item.parameter}: {item.detail}" for item in found)
    return ProblemError("bad_parameter", f"{named}.", errors=found)


def _framework_problem(error: HTTPException) -> ProblemError:
    code = _FRAMEWORK.get(error.status_code, "bad_request" if error.status_code < 500 else "internal")
    return ProblemError(code, f"{KINDS[code].title}; /openapi.json describes the service.", error.headers)


def problem_response(request: Request, error: Exception) -> Response:
    """Return the response that reports ``error``, and leave its code for the log."""
    found = problem_of(error)
    request.state.code = found.code
    problem = describe(found, request.state.request_id)
    content = problem.model_dump(exclude_none=True)
    return JSONResponse(content, problem.status, found.headers, MEDIA_TYPE)


async def _handle(request: Request, error: Exception) -> Response:
    return problem_response(request, error)


async def _out_of_memory(request: Request, error: Exception) -> Response:
    log.error("no memory left for a request")
    return problem_response(request, error)


def install(app: FastAPI) -> None:
    """Make ``app`` report errors as problem documents. ``RequestContext`` catches all other types of errors."""
    for kind in (ProblemError, ImageError, RequestValidationError, HTTPException, ClientDisconnect):
        app.add_exception_handler(kind, _handle)
    app.add_exception_handler(MemoryError, _out_of_memory)
