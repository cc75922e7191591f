"""What the OpenAPI document says beyond the types."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import FastAPI

from pathprint.app.api.examples import recorded
from pathprint.app.api.open_inference.framing import LENGTH_HEADER
from pathprint.app.api.open_inference.schemas import InferRequest
from pathprint.app.api.options import Options, parameters
from pathprint.app.api.uploads import Files, OneFile
from pathprint.app.problems.describing import describe
from pathprint.app.problems.document import MEDIA_TYPE, Problem
from pathprint.app.problems.kinds import KINDS, ProblemError, Stage
from pathprint.app.runtime.media import ANY_IMAGE, FILES, FORM, JSON, NPY

Responses = dict[int | str, dict[str, Any]]

DESCRIPTION = """Tells whether an image is adversarial: changed on purpose so that the network errs. It compares the
path that the image takes through the network with the paths that clean images of the predicted class usually take.

    curl --data-binary @seven.png -H 'Content-Type: image/png' http://localhost:8000/v1/detect

Detection is no guarantee: an attacker who knows the detector can make images that deceive it too (white-box attack).

Errors are problem documents (RFC 9457). Programs should look at `code`. Every response has an `X-Request-ID`: that of
the request if it is 1 to 128 letters, digits and `._-`, or else a new one."""

_PROBLEMS: dict[str, Any] = recorded("problems")
_FILE = {"type": "string", "format": "binary"}
_FILE_TYPES = ", ".join(FILES)
_OPTIONS = {"$ref": "#/components/schemas/Options"}
_ID_HEADER = {"description": "Identifies this request in the log.", "schema": {"type": "string"}}
_ID_PARAMETER = {
    "name": "X-Request-ID",
    "in": "header",
    "required": False,
    "description": "Comes back in the answer if it is 1 to 128 letters, digits and `._-`. Any other value is "
    "replaced by a new one, and never refused.",
    "schema": {"type": "string"},
}
_IN_BODIES = (OneFile, Files, Options, InferRequest)
"""What only bodies have that are read by hand; the framework knows nothing of them."""


def _form(files: dict[str, Any]) -> dict[str, Any]:
    """Return what the document says about a form with ``files``, and options beside them."""
    return {
        "schema": {
            "type": "object",
            "required": ["file"],
            "additionalProperties": False,
            "properties": {"file": files, "options": _OPTIONS},
        },
        "encoding": {"file": {"contentType": _FILE_TYPES}, "options": {"contentType": JSON}},
    }


def _json(model: str, example: str) -> dict[str, Any]:
    return {"schema": {"$ref": f"#/components/schemas/{model}"}, "example": recorded(example)}


ONE_FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": f"The image: its bytes, a form with one file, or JSON with base64. With `{ANY_IMAGE}`, or "
        "without a type, the service finds out the format and says it in `input.media_type`. PNG keeps an image as it "
        f"is; JPEG and WebP may remove or add what the detector looks for. `{NPY}` is a file of `numpy.save` with just "
        "the model's shape: uint8 `(height, width, channels)`, or float32 `(channels, height, width)` in [0, 1].",
        "content": {
            **{media_type: {"schema": _FILE} for media_type in FILES},
            FORM: _form(_FILE),
            JSON: _json("OneFile", "request"),
        },
    },
    "parameters": [*parameters(), _ID_PARAMETER],
}
SEVERAL_FILES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The images: a form with several files, all with the name `file`, or JSON with base64.",
        "content": {
            FORM: _form({"type": "array", "items": _FILE, "minItems": 1}),
            JSON: _json("Files", "batch_request"),
        },
    },
    "parameters": [*parameters(), _ID_PARAMETER],
}
INFER: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The JSON of the protocol, with the tensor in it or behind it.",
        "content": {JSON: _json("InferRequest", "v2_request"), ANY_IMAGE: {"schema": _FILE}},
    },
    "parameters": [
        _ID_PARAMETER,
        {
            "name": LENGTH_HEADER,
            "in": "header",
            "required": False,
            "description": "Bytes of the JSON, if the tensor follows it in binary.",
            "schema": {"type": "integer", "minimum": 0},
        },
    ],
}


def success(name: str, media_type: str = JSON) -> Responses:
    """Return what the OpenAPI document says about an answer (status 200), with the recorded example ``name``."""
    return {200: {"headers": {"X-Request-ID": _ID_HEADER}, "content": {media_type: {"example": recorded(name)}}}}


def work_problems(*stages: Stage) -> Responses:
    """Return what the OpenAPI document says about the problems of a route that admits requests to work for them."""
    return problems(Stage.READINESS, Stage.ADMISSION, *stages)


def problems(*stages: Stage) -> Responses:
    """Return what the OpenAPI document says about the problems of a route that has these stages, by HTTP status."""
    has = {Stage.ANYWHERE, *stages}
    codes = tuple(code for code, kind in KINDS.items() if kind.stage in has)
    return {status: _response(status, codes) for status in sorted({KINDS[code].status for code in codes})}


def _response(status: int, codes: tuple[str, ...]) -> dict[str, Any]:
    same = [code for code in codes if KINDS[code].status == status]
    return {
        "description": "; ".join(f"{KINDS[code].title} (`{code}`)" for code in same) + ".",
        "headers": {"X-Request-ID": _ID_HEADER},
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {code: {"value": _example(code)} for code in same},
            }
        },
    }


def _example(code: str) -> Any:
    """Return a recorded problem; one that only circumstances can provoke has a general sentence for its detail."""
    general = ProblemError(code, f"{KINDS[code].title}.")
    return _PROBLEMS.get(code) or describe(general, "4f1c").model_dump(exclude_none=True)


class Documented(FastAPI):
    """FastAPI that also lists the schema of problem documents, which are not of type ``application/json``."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is not None:
            return self.openapi_schema
        document = super().openapi()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for model in (Problem, *_IN_BODIES):
            mode: Literal["serialization", "validation"] = "serialization" if model is Problem else "validation"
            schema = model.model_json_schema(mode=mode, ref_template="#/components/schemas/{model}")
            schemas.update({**schema.pop("$defs", {}), model.__name__: schema})
        return document
