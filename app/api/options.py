"""What a client can ask for beside the image: in the address, or as the member ``options`` of a body."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pathprint.app.admission.keys import Detail
from pathprint.app.problems.document import ParameterProblem
from pathprint.app.problems.kinds import ProblemError

Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=128)]


class Options(BaseModel):
    """Options of a request for verdicts. An unknown one is refused, as it would be a misspelt one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Name | None = Field(default=None, description="The name of the model; without it, the default one.")
    version: Name | None = Field(default=None, description="The version of the model; without it, the current one.")
    detail: Detail = Field(
        default="evidence",
        description="`verdict` leaves out all numbers behind the verdict, `score` the evidence of the layers. An API "
        "key can be limited to less; the answer's own `detail` says what it has.",
    )
    top_k: int | None = Field(
        default=None, ge=1, le=10_000, description="Layers that the evidence lists; the others are summed up in `rest`."
    )
    include_timing: bool = Field(default=True, description="Whether the answer says where the time went.")


_NONE = Options()


async def _asked(request: Request) -> Options:
    """Return the options in the address; the framework's own reading of them takes a tenth of a request's time.

    Raises:
        RequestValidationError: one is unknown, or has a value that is not accepted.
        ProblemError: one is given twice.
    """
    given = request.query_params.multi_items()
    if not given:
        return _NONE
    names = [name for name, _ in given]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise _wrong(twice, "is given twice")
    try:
        return Options.model_validate(dict(given))
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError([{**item, "loc": ("query", *item["loc"])} for item in found]) from None


Asked = Annotated[Options, Depends(_asked)]


def parameters() -> list[dict[str, Any]]:
    """Return what the OpenAPI document says about the options in the address."""
    members = Options.model_json_schema()["properties"].items()
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": schema["description"],
            "schema": {key: value for key, value in schema.items() if key != "description"},
        }
        for name, schema in members
    ]


def combined(address: Options, body: Options | None) -> Options:
    """Return the options of a request from those in its address and those in its body.

    Raises:
        ProblemError: one is given in both places.
    """
    sent = body or Options()
    if both := sorted(address.model_fields_set & sent.model_fields_set):
        raise _wrong(both, "is given in the address and in the body")
    return Options(**(address.model_dump(exclude_unset=True) | sent.model_dump(exclude_unset=True)))


def _wrong(names: list[str], what: str) -> ProblemError:
    found = [ParameterProblem(parameter=name, detail=what) for name in names]
    return ProblemError("bad_parameter", "; ".join(f"{name} {what}" for name in names) + ".", errors=found)
