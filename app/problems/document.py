"""What a problem document holds."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pydantic import Field, computed_field

from pathprint.app.schema import Schema

MEDIA_TYPE = "application/problem+json"
_PLAIN_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)


class ParameterProblem(Schema):
    """What is wrong with one parameter, or one member of a body."""

    parameter: str = Field(description="The name of the parameter, or the place of the member.")
    detail: str = Field(description="What is wrong with it.")


def place(path: Iterable[int | str]) -> str:
    """Return the place of a parameter or member, such as ``images.3.b64``. Odd names from a client are not repeated."""
    names = [str(name) if _PLAIN_NAME.fullmatch(str(name)) else "?" for name in path]
    return ".".join(names) or "the whole"


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
        default=None, description="One entry for each parameter or member that is wrong."
    )

    @computed_field(description="The `detail` once more, for clients of the Open Inference Protocol.")  # type: ignore[prop-decorator]
    @property
    def error(self) -> str:
        return self.detail
