"""Which columns of a Parquet file hold images and labels, by Hugging Face's own notes or by their types."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pathprint.profiling.arrays import Bits
from pathprint.profiling.data.files import Labels
from pathprint.profiling.data.labels import labels_of
from pathprint.profiling.data.stored import reason
from pathprint.profiling.errors import DataError

_IMAGE_NAMES = ("image", "img")
_LABEL_NAMES = ("label", "labels", "cls")


@dataclass(frozen=True, slots=True)
class Columns:
    """What is read of a Parquet file.

    Attributes:
        label: empty if labels are not read.
        classes: names of the labels 0, 1, …; None if the file does not say.
    """

    image: str
    label: str = ""
    classes: tuple[str, ...] | None = None


def columns_of(where: str, schema: Any, labelled: bool) -> Columns:
    """Return the columns of images and of labels.

    Raises:
        DataError: there is none, or several, of which none is called ``image`` or ``label``.
    """
    features = _features(schema)
    typed = [name for name, feature in features.items() if _is(feature, "Image") and name in schema.names]
    image = _one(where, "images", typed or [name for name in schema.names if _holds_bytes(schema, name)], _IMAGE_NAMES)
    if not labelled:
        return Columns(image)
    named = [name for name, feature in features.items() if _is(feature, "ClassLabel") and name in schema.names]
    others = [name for name in schema.names if name in _LABEL_NAMES]
    label = _one(where, "labels", named or others, _LABEL_NAMES)
    classes = features.get(label, {}).get("names") if named else None
    return Columns(image, label, tuple(map(str, classes)) if isinstance(classes, list) else None)


def labels_in(files: Sequence[Any], tables: Sequence[Any], columns: Columns, held_out: Bits | None) -> Labels:
    """Return the labels in the tables of files.

    Raises:
        DataError: an image has none, or one that is neither a whole number nor a text, or that has no name.
    """
    values: list[int | str] = []
    for file, table in zip(files, tables, strict=True):
        values += _values(str(file), table, columns.label)
    labels = labels_of(str(files[0]), values, held_out)
    if columns.classes is None or (values and isinstance(values[0], str)):
        return labels
    numbers = [int(name) for name in labels.classes]
    if numbers and numbers[-1] >= len(columns.classes):
        raise DataError(
            f"{files[0]}: there is a label {numbers[-1]}, but only {len(columns.classes)} classes have names."
        )
    _check_names(str(files[0]), columns.classes)
    return Labels(labels.numbers, tuple(columns.classes[number] for number in numbers), held_out)


def _check_names(where: str, classes: tuple[str, ...]) -> None:
    twice = [name for name in classes if classes.count(name) > 1] if len(set(classes)) < len(classes) else []
    if twice:
        raise DataError(f"{where}: two classes are called {twice[0]!r}; give each a name of its own.")


def _values(where: str, table: Any, label: str) -> list[int | str]:
    try:
        values = table.read(columns=[label], use_threads=False).column(0).to_pylist()
    except Exception as error:  # pyarrow raises many types on damaged files
        raise DataError(f"{where}: the column {label!r} cannot be read ({reason(error)}).") from error
    wrong = next((row for row, value in enumerate(values) if type(value) not in (int, str)), None)
    if wrong is not None:
        raise DataError(f"{where}: row {wrong} has the label {values[wrong]!r}; a whole number or a text is expected.")
    return list(values)


def _features(schema: Any) -> dict[str, Any]:
    """Return what Hugging Face notes of each column; nothing if there are no such notes."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def _is(feature: Any, kind: str) -> bool:
    return isinstance(feature, dict) and feature.get("_type") == kind


def _holds_bytes(schema: Any, name: str) -> bool:
    """Say whether a column holds bytes, or structs with a field ``bytes``."""
    from pyarrow import types

    is_bytes: Callable[[Any], bool] = lambda kind: types.is_binary(kind) or types.is_large_binary(kind)  # noqa: E731
    kind = schema.field(name).type
    return is_bytes(kind) or (
        types.is_struct(kind) and any(field.name == "bytes" and is_bytes(field.type) for field in kind)
    )


def _one(where: str, what: str, names: Sequence[str], usual: Sequence[str]) -> str:
    """Return the one column among ``names``, or the one that is called as usual."""
    chosen = [name for name in usual if name in names][:1] or list(names)
    if len(chosen) == 1:
        return chosen[0]
    if not chosen:
        raise DataError(f"{where} has no column of {what}; one called {usual[0]} is expected.")
    raise DataError(
        f"{where} has several columns of {what} ({', '.join(chosen)}); call the one that is meant {usual[0]}."
    )
