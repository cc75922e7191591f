"""Samples of WebDataset: files of one name up to its first dot, of which one is the image and one its label."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pathprint.profiling.errors import DataError

FIELDS = ("jpg", "jpeg", "png", "webp", "bmp")
"""Endings, from the first dot on, of images."""
LABELS = (".cls", ".json")
"""Endings of files with labels."""
_KEYS = ("label", "cls")
"""Names of a label in JSON."""


@dataclass(frozen=True)
class Samples:
    """Images with labels.

    Attributes:
        names: of the images, in the order of the archives.
        others: files that are no image and no label.
    """

    names: tuple[str, ...]
    labels: list[int | str]
    others: tuple[str, ...]


def as_samples(where: str, files: Iterable[str], contents: Mapping[str, bytes]) -> Samples:
    """Return the samples among the files of archives.

    Args:
        files: names; of several archives, the archive's name stands before.
        contents: of the files that may hold labels.

    Raises:
        DataError: a sample has several images or no label, or a label cannot be read.
    """
    images: dict[str, str] = {}
    others = []
    for file in files:
        key, field = _split(file)
        if field not in FIELDS:
            if not field.endswith(tuple(ending[1:] for ending in LABELS)):
                others.append(file)
        elif images.setdefault(key, file) != file:
            raise DataError(f"{where}: {images[key]} and {file} are images of one sample; a sample has one image.")
    if not images:
        raise DataError(f"{where}: there are no images; files that end in {', '.join(FIELDS)} are read.")
    found = _found(contents)
    missing = [file for key, file in images.items() if key not in found]
    if missing:
        raise DataError(
            f"{where}: {len(missing):,} of {len(images):,} images have no label ({missing[0]}, …); a sample has it in "
            "a file of its name that ends in .cls, or in .json as `label` or `cls`. Without such files, one .tar of "
            "class folders is read."
        )
    return Samples(tuple(images.values()), [found[key] for key in images], tuple(others))


def has_labels(files: Iterable[str], contents: Mapping[str, bytes]) -> bool:
    """Say whether any of the files that may hold labels does so for an image."""
    keys = {key for key, field in map(_split, files) if field in FIELDS}
    return any(_split(file)[0] in keys and _holds_label(file, content) for file, content in contents.items())


def _split(file: str) -> tuple[str, str]:
    """Return the key of a file and the ending, both at the first dot of its own name."""
    folder, slash, name = file.rpartition("/")
    stem, _, field = name.partition(".")
    return f"{folder}{slash}{stem}", field.lower()


def _found(contents: Mapping[str, bytes]) -> dict[str, int | str]:
    """Return the label of each key."""
    found: dict[str, int | str] = {}
    for file, content in contents.items():
        label = _label(file, content)
        key = _split(file)[0]
        if label is not None and found.setdefault(key, label) != label:
            raise DataError(f"{file} says that the label of its image is {label}, and another file says {found[key]}.")
    return found


def _holds_label(file: str, content: bytes) -> bool:
    try:
        return _label(file, content) is not None
    except DataError:
        return False


def _label(file: str, content: bytes) -> int | str | None:
    """Return the label in a file; None if there is none.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        if file.lower().endswith(".cls"):
            return content.decode("utf-8").strip() or None
        held = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file} holds no label that can be read: {error}.") from error
    values = [held[key] for key in _KEYS if key in held] if isinstance(held, dict) else []
    value = values[0] if values else None
    return value if isinstance(value, (int, str)) and not isinstance(value, bool) else None
