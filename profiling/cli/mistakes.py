"""What was wrong with a call, in one plain sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import typer

from pathprint.profiling.errors import ProfilingError

_LIMITS = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
}
"""By pydantic's name of a mistake, what a value must be."""

_KINDS = {"dir": "folder", "path": "file or folder"}
"""By typer's word for what should be in a place, ours."""


def in_one_sentence(error: typer.TyperException) -> str:
    """Return what was wrong with a call, and which help to read."""
    context = getattr(error, "ctx", None)
    return f"{_what(error)}; see {context.command_path if context else 'pathprint'} --help."


def with_options(message: str, parameters: Sequence[Any]) -> str:
    """Return an error of the library as people at a terminal know it: ``class_map`` in it becomes --class-map."""
    names = {parameter.name: parameter.opts[0] for parameter in parameters}
    return re.sub(r"`(\w+)`", lambda found: names.get(found[1], found[0]), message)


def _what(error: typer.TyperException) -> str:
    if isinstance(error, typer.BadParameter):
        name = error.param.get_error_hint().replace("'", "") if error.param else "a value"
        return f"{name}: {_wrong(error)}" if error.message else f"{name} is missing"
    near = getattr(error, "possibilities", None)  # of an option that does not exist
    message = f"{error.message[0].lower()}{error.message[1:]}".rstrip(".")
    return f"{message} (perhaps {' or '.join(near)})" if near else message


def _wrong(error: typer.BadParameter) -> str:
    """Return what is wrong with a value."""
    cause = error.__cause__
    if isinstance(cause, ProfilingError):
        return str(cause).rstrip(".")
    if cause is not None and hasattr(cause, "errors"):  # pydantic's, which is not imported for the sake of its type
        first = cause.errors()[0]
        if first["type"] in _LIMITS:
            return f"must be {_LIMITS[first['type']].format(**first.get('ctx', {}))}, not {first['input']!r}"
    message = error.message.removeprefix("Value error, ").rstrip(".")
    kind, _, rest = message.partition(" ")
    return f"{_KINDS[kind]} {rest}" if kind in _KINDS else message
