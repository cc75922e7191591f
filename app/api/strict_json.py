"""Read JSON as strictly as programs write it: what two readers could take for two things is refused."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError

from pathprint.app.problems.document import ParameterProblem, place
from pathprint.app.problems.kinds import ProblemError

MAX_DEPTH = 32
MAX_MARKS = 32_768
"""Most commas, colons, quotes and opening brackets in JSON: a batch of 1024 images has about 13 for each."""
_MAX_MEMBERS = 64
_MAX_ERRORS = 16
_BRACKETS = b"[]{}"
_NO_BRACKETS = bytes(set(range(256)) - set(_BRACKETS))
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_HALVES = re.compile(rb"\\u[dD][89a-fA-F]")
"""How JSON names halves of characters; two of them make one, and one alone can be read but never be written."""
Model = TypeVar("Model", bound=BaseModel)


def read_json(data: bytes, most: int = MAX_MARKS) -> Any:
    """Return the value that UTF-8 text stands for.

    Args:
        most: commas, colons, quotes and opening brackets in the text, which bound how many values it makes.

    Raises:
        ProblemError: it is not JSON, is nested deeper than ``MAX_DEPTH``, has a member twice in one object, or holds
            too many values or members, a number that no float64 can hold, NaN and Infinity among them, or half a
            character.
    """
    if marks_in(data) > most:
        raise ProblemError("body_too_large", "The JSON holds more values than any request here needs.")
    if _depth(data) > MAX_DEPTH:
        raise _malformed(f"is nested deeper than {MAX_DEPTH} levels")
    try:
        value = json.loads(data.decode(), object_pairs_hook=_object, parse_constant=_no_number, parse_float=_finite)
        if _HALVES.search(data):
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except UnicodeError:
        raise _malformed("is not UTF-8, or names half a character") from None
    except json.JSONDecodeError as error:
        raise _malformed(f"has an error at line {error.lineno}, column {error.colno}") from None
    except ValueError:  # Python reads no whole numbers of more than some thousand digits
        raise _malformed("holds a number of too many digits") from None


def marks_in(data: bytes) -> int:
    """Return the number of commas, colons, quotes and opening brackets, which is about what reading JSON costs."""
    return sum(map(data.count, (b",", b":", b'"', b"[", b"{")))


def read_as(model: type[Model], data: bytes, most: int = MAX_MARKS) -> Model:
    """Return JSON text as a ``model``, in which numbers are numbers and text is text.

    Args:
        most: as ``read_json`` has it.

    Raises:
        ProblemError: it is not strict JSON, or a member is missing, unknown or of the wrong kind.
    """
    return checked(model, read_json(data, most))


def checked(model: type[Model], value: object) -> Model:
    """Return a value that JSON text stands for as a ``model``.

    Raises:
        ProblemError: a member is missing, unknown or of the wrong kind.
    """
    try:
        return model.model_validate(value, strict=True)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False, include_input=False)[:_MAX_ERRORS]
        found = [ParameterProblem(parameter=place(item["loc"]), detail=item["msg"]) for item in wrong]
        named = "; ".join(f"{item.parameter}: {item.detail}" for item in found)
        raise ProblemError("bad_member", f"{named}.", errors=found) from None


def _depth(data: bytes) -> int:
    """Return how deep brackets are nested in JSON text, without recursion."""
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return 0
    brackets = np.frombuffer(_STRINGS.sub(b"", data).translate(None, _NO_BRACKETS), np.uint8)
    steps = np.where((brackets == ord("[")) | (brackets == ord("{")), np.int8(1), np.int8(-1))
    return int(np.cumsum(steps, dtype=np.int32).max(initial=0))


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(members) > _MAX_MEMBERS:
        raise ProblemError("bad_member", f"An object has more than {_MAX_MEMBERS} members.")
    found = dict(members)
    if len(found) != len(members):
        raise _malformed("has a member twice in one object")
    return found


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _malformed("holds a number that is too large")
    return value


def _no_number(text: str) -> NoReturn:
    raise _malformed(f"holds {text}, which is no number in JSON")


def _malformed(what: str) -> ProblemError:
    return ProblemError("malformed_json", f"The text {what}.")
