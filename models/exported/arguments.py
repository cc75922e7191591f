"""Read the arguments of a serialised operation as Python values; a table has each kind that classifiers need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from pathprint.models.exported.archive import DTYPES

Values = Mapping[str, Any]
"""The values that the program has computed so far, by name."""

_MEMORY_FORMATS = {
    1: torch.contiguous_format,
    2: torch.channels_last,
    3: torch.channels_last_3d,
    4: torch.preserve_format,
}


def value_of(argument: Mapping[str, Any], values: Values) -> Any:
    """Return the value of a serialised ``argument``, e.g. ``{"as_ints": [2, 2]}``.

    Raises:
        KeyError: the argument is of a kind that is not read, or names a value that nothing has computed.
    """
    ((kind, content),) = argument.items()
    return _KINDS[kind](content, values)


def _literal(content: Any, _: Values) -> Any:
    return content


def _number(content: Any, _: Values) -> float:
    return float(content)  # infinity is written as text


def _tensor(content: Any, values: Values) -> Any:
    return values[content["name"]]


def _sym(content: Any, values: Values) -> Any:
    return values[content["as_name"]] if "as_name" in content else content["as_int"]


def _each(one: Callable[[Any, Values], Any]) -> Callable[[Any, Values], list[Any]]:
    return lambda content, values: [one(item, values) for item in content]


def _nothing(_: Any, __: Values) -> None:
    return None


_KINDS: dict[str, Callable[[Any, Values], Any]] = {
    "as_none": _nothing,
    "as_tensor": _tensor,
    "as_tensors": _each(_tensor),
    "as_optional_tensor": value_of,
    "as_optional_tensors": _each(value_of),
    "as_int": _literal,
    "as_ints": _each(_literal),
    "as_float": _number,
    "as_floats": _each(_number),
    "as_bool": _literal,
    "as_bools": _each(_literal),
    "as_string": _literal,
    "as_sym_int": _sym,
    "as_sym_ints": _each(_sym),
    "as_scalar_type": lambda content, _: DTYPES[content],
    "as_memory_format": lambda content, _: _MEMORY_FORMATS[content],
    "as_layout": lambda content, _: {7: torch.strided}[content],
    "as_device": lambda content, _: torch.device("cpu"),  # wherever it was exported
}
"""Every kind of argument that is read. Custom objects, graphs and functions are not."""


def bound(output: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """Return the parts of ``value``, which an operation returned, by the names in its serialised ``output``."""
    ((kind, content),) = output.items()
    if kind == "as_tensors":
        return {item["name"]: part for item, part in zip(content, value, strict=True)}
    if kind == "as_none":
        return {}
    return {content["name" if kind == "as_tensor" else "as_name"]: value}
