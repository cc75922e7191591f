"""What a problem document holds."""

from __future__ import annotations

from pydantic import Field

from pathprint.app.schema import Schema

MEDIA_TYPE = "application/problem+json"


class ParameterProblem(Schema):
    """What is wrong with one parameter."""

    parameter: str = Field(description="The name of the parameter.")
    detail: str = Field(description="What is wrong with it.")


class Problem(Schema):
    """An error as RFC 9457 has it, plus `code` for programs and `request_id` for support."""

    type: str = Field(description="A URN that ends with the `code`.")
    title: str = Field(description="What all problems with this `code` have in common.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What went wrong with this very request, and what to do.")
    instance: str = Field(description="A URN that ends with the `request_id`.")
    code: str = Field(description="Names the problem for programs; it never changes.")
    request_id: str = Field(description="Identifies the request in the log; also in the header `X-Request-ID`.")
    errors: list[ParameterProblem] | None = Field(
        default=None, description="One entry for each parameter that is wrong."
    )
