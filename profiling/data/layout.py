"""Which folders are classes, and which are the parts of a data set: train, test, …"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass

from pathprint.profiling.data.files import Parts
from pathprint.profiling.errors import DataError

_NOUN = "(?:images?|imgs?|pictures?|pics?|photos?|samples?|data|dataset|set|split|folder|ilsvrc)"
_TRAIN = re.compile(f"{_NOUN}*(?:train|training|trn){_NOUN}*")
_HELD_OUT = re.compile(
    f"{_NOUN}*(?:test|testing|tst|val|vali|valid|validate|validation|eval|evaluate|evaluation|dev|devel|development|"
    f"holdout|heldout){_NOUN}*"
)
_WRAPPERS = re.compile(f"{_NOUN}+")
_SHOWN = 3
log = logging.getLogger("pathprint.data")


@dataclass(frozen=True)
class Placed:
    """An image in its class folder.

    Attributes:
        file: its name below the root of the data set.
        held_out: its folder is one for testing or validation.
    """

    file: Parts
    label: str
    held_out: bool


@dataclass(frozen=True)
class Layout:
    """The images of a data set by class.

    Attributes:
        two_sided: there are images for training as well as held-out ones.
        loose: images that lie in no class folder.
    """

    images: tuple[Placed, ...]
    two_sided: bool
    loose: tuple[Parts, ...]


@dataclass(frozen=True)
class _File:
    """A file: its whole name, and what is left of the name below the folders that have been understood."""

    name: Parts
    rest: Parts


def is_held_out(folder: str) -> bool | None:
    """Return whether a folder's name says testing or validation (true) or training (false); None if neither.

    Upper and lower case, digits and signs between the words make no difference: ``Test-Images``, ``val2017``.
    """
    letters = re.sub("[^a-z]", "", folder.lower())
    if _HELD_OUT.fullmatch(letters):
        return True
    return False if _TRAIN.fullmatch(letters) else None


def layout(name: str, files: Iterable[Parts]) -> Layout:
    """Return the classes of image files called ``CLASS/…``, ``train/CLASS/…`` or ``CLASS/train/…``.

    One folder around everything is passed over. What lies deeper inside a class folder belongs to the class.

    Raises:
        DataError: there is no class folder, or some folders are called like parts of a data set and others are not.
    """
    given = [_File(file, file) for file in files]
    below = _unwrapped(given)
    tops = {file.rest[0] for file in below if len(file.rest) > 1}
    parts = _parts_among(tops)
    if parts and set(parts) != tops:
        _check_mixed(name, below, set(parts))
    placed = _by_part(below, parts) if set(parts) == tops else _by_class(name, below)
    if not placed:
        raise DataError(
            f"{name}: no class folders with images were found; images must lie in CLASS/, or in train/CLASS/ and "
            "test/CLASS/, as PNG, JPEG, BMP or WebP."
        )
    known = {image.file for image in placed}
    held_out = {image.held_out for image in placed}
    return Layout(tuple(placed), len(held_out) == 2, tuple(file.name for file in given if file.name not in known))


def _parts_among(folders: set[str]) -> dict[str, bool]:
    """Return which of the folders are parts of a data set, with whether they are held out.

    Words that all folders share say nothing: beside ``seg_test``, ``seg_train`` is a part for training.
    """
    words = {folder: re.findall("[A-Z]?[a-z]+|[A-Z]+", folder) for folder in folders}
    shared = set.intersection(*map(set, words.values())) if len(folders) > 1 else set()
    own = {folder: "".join(word for word in words[folder] if word not in shared) for folder in folders}
    without = _known(own)
    return without if len(set(without.values())) == 2 else _known({folder: folder for folder in folders})


def _known(names: dict[str, str]) -> dict[str, bool]:
    """Return the folders whose names, the values, say training or testing, with whether it is testing."""
    told = {folder: is_held_out(name) for folder, name in names.items()}
    return {folder: held_out for folder, held_out in told.items() if held_out is not None}


def _unwrapped(files: list[_File]) -> list[_File]:
    """Pass over a folder that holds all images in folders of its own, and is called neither train nor test."""
    while True:
        inside = [file for file in files if len(file.rest) > 1]
        tops = {file.rest[0] for file in inside}
        if len(tops) != 1 or is_held_out(min(tops)) is not None or not _holds_classes(inside):
            return files
        files = [_File(file.name, file.rest[1:]) for file in inside]


def _holds_classes(files: list[_File]) -> bool:
    """Say whether the one folder above ``files`` holds folders, and more of them than a class folder would."""
    deeper = [file.rest[1] for file in files if len(file.rest) > 2]
    parts = all(is_held_out(folder) is not None for folder in deeper)
    return bool(deeper) and (len(deeper) == len(files) or len(set(deeper)) > 1 or parts)


def _check_mixed(name: str, files: list[_File], parts: set[str]) -> None:
    """Refuse folders called train or test that hold folders of their own and lie beside other folders.

    A class may be called train: then its images lie in it directly.
    """
    nested = sorted({file.rest[0] for file in files if len(file.rest) > 2} & parts)
    beside = sorted({file.rest[0] for file in files if len(file.rest) > 1} - parts)
    if nested:
        raise DataError(
            f"{name}: of the folders beside each other, {_some(nested)} by name are parts of a data set, and "
            f"{_some(beside)} are not; move the class folders into train/ and test/, or give one folder as the data, "
            f"such as {name}:{nested[-1]}."
        )


def _by_part(files: list[_File], parts: dict[str, bool]) -> list[Placed]:
    """Return the images of ``train/CLASS/…`` and ``test/CLASS/…``; ``parts`` says which folders are held out."""
    placed = []
    for part, held_out in sorted(parts.items()):
        own = [_File(file.name, file.rest[1:]) for file in files if file.rest[0] == part and len(file.rest) > 1]
        while len(tops := {file.rest[0] for file in own if len(file.rest) > 1}) == 1 and _is_wrapper(min(tops), part):
            own = [_File(file.name, file.rest[1:]) for file in own if len(file.rest) > 1]
        placed += [Placed(file.name, file.rest[0], held_out) for file in own if len(file.rest) > 1]
    return sorted(placed, key=lambda image: image.file)


def _is_wrapper(folder: str, part: str) -> bool:
    """Say whether a folder inside of a ``part`` is the part once more or an ``images``, not a class."""
    letters = re.sub("[^a-z]", "", folder.lower())
    return folder == part or is_held_out(folder) is not None or _WRAPPERS.fullmatch(letters) is not None


def _by_class(name: str, files: list[_File]) -> list[Placed]:
    """Return the images of ``CLASS/…``, or of ``CLASS/train/…`` and ``CLASS/test/…``.

    Raises:
        DataError: some images lie in parts of their class, and others lie in none.
    """
    inside = [file for file in files if len(file.rest) > 1]
    part = {file: is_held_out(file.rest[1]) if len(file.rest) > 2 else None for file in inside}
    split = None not in part.values()
    tested = [file for file in inside if part[file]]
    if tested and not split:
        other = next(file for file in inside if part[file] is None)
        raise DataError(
            f"{name}: {'/'.join(tested[0].rest[:2])} looks like a part of the data set, but {'/'.join(other.rest)} "
            "lies in none; move the images of every class into train/ and test/, or give that folder another name."
        )
    if not split:
        _doubt(name, inside)
    return [Placed(file.name, file.rest[0], bool(part[file])) for file in inside]


def _doubt(name: str, files: list[_File]) -> None:
    """Warn where class folders hold folders of the same names: they may be parts that are called unusually."""
    below: dict[str, set[str]] = {}
    for file in files:
        below.setdefault(file.rest[0], set()).add(file.rest[1] if len(file.rest) > 2 else "")
    inside = next(iter(below.values()), set())
    if len(below) > 1 and len(inside) > 1 and "" not in inside and all(names == inside for names in below.values()):
        log.warning(
            "%s: the folders %s are taken for classes, although all of them hold folders of the same names (%s). If "
            "they are parts of the data set, call them train and test.",
            name,
            _some(below),
            _some(inside),
        )


def _some(names: Iterable[str]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:_SHOWN]) + (", …" if len(ordered) > _SHOWN else "")
