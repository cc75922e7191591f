"""What the OpenAPI document says beyond the types."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from pathprint.app.problems.document import MEDIA_TYPE, Problem
from pathprint.app.problems.kinds import KINDS
from pathprint.app.runtime.media import ANY_IMAGE, FORM, IMAGE_TYPES

Responses = dict[int | str, dict[str, Any]]

DESCRIPTION = """Tells whether an image is adversarial: changed on purpose so that the network errs. It compares the
path that the image takes through the network with the paths that clean images of the predicted class usually take.

    curl --data-binary @seven.png -H 'Content-Type: image/png' http://localhost:8000/v1/detect

Detection is no guarantee: an attacker who knows the detector can make images that deceive it too (white-box attack).

Errors are problem documents (RFC 9457). Programs should look at `code`. Every response has an `X-Request-ID`: that of
the request if it is 1 to 128 letters, digits and `._-`, or else a new one."""

_IMAGE = {"type": "string", "format": "binary"}
_FORM = {"type": "object", "required": ["file"], "additionalProperties": False, "properties": {"file": _IMAGE}}
_ID_HEADER = {"description": "Identifies this request in the log.", "schema": {"type": "string"}}

UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": f"The image: its bytes, or a form with one file. With `{ANY_IMAGE}`, or without a type, the "
        "service finds out the format and says it in `input.media_type`. PNG keeps an image as it is; JPEG and WebP "
        "may remove or add what the detector looks for.",
        "content": {
            **{media_type: {"schema": _IMAGE} for media_type in (*IMAGE_TYPES, ANY_IMAGE)},
            FORM: {
                "schema": _FORM,
                "encoding": {"file": {"contentType": ", ".join((*IMAGE_TYPES, ANY_IMAGE))}},
            },
        },
    },
    "parameters": [
        {
            "name": "X-Request-ID",
            "in": "header",
            "required": False,
            "description": "Comes back in the answer if it is 1 to 128 letters, digits and `._-`. Any other value is "
            "replaced by a new one, and never refused.",
            "schema": {"type": "string"},
        }
    ],
}


def success(example: dict[str, Any]) -> Responses:
    """Return what the OpenAPI document says about an answer (status 200), with ``example``."""
    return {200: {"headers": {"X-Request-ID": _ID_HEADER}, "content": {"application/json": {"example": example}}}}


def problems(*codes: str) -> Responses:
    """Return what the OpenAPI document says about the problems with these ``codes``, by HTTP status."""
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


def _example(code: str) -> dict[str, Any]:
    problem = Problem(
        type=f"urn:pathprint:problem:{code}",
        title=KINDS[code].title,
        status=KINDS[code].status,
        detail="One sentence about this very request.",
        instance="urn:request:4f1c",
        code=code,
        request_id="4f1c",
    )
    return problem.model_dump(exclude_none=True)


class Documented(FastAPI):
    """FastAPI that also lists the schema of problem documents, which are not of type ``application/json``."""

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.update({**schema.pop("$defs", {}), "Problem": schema})
        return document
