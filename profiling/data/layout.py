"""Which folders are classes, and which are the parts of a data set: train, test, …"""

from __future__ import annotations

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
    parts = {top for top in tops if is_held_out(top) is not None}
    if parts and parts != tops:
        _check_mixed(name, below, parts)
    placed = _by_part(below, parts) if parts == tops else _by_class(below)
    if not placed:
        raise DataError(
            f"{name}: no class folders with images were found; images must lie in CLASS/, or in train/CLASS/ and "
            "test/CLASS/, as PNG, JPEG, BMP or WebP."
        )
    known = {image.file for image in placed}
    held_out = {image.held_out for image in placed}
    return Layout(tuple(placed), len(held_out) == 2, tuple(file.name for file in given if file.name not in known))


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
        others = ", ".join(beside[:_SHOWN]) + (", …" if len(beside) > _SHOWN else "")
        raise DataError(
            f"{name}: {', '.join(nested)} looks like a part of the data set, and {others} beside it does not; move the "
            f"class folders into train/ and test/, or give one folder as the data, such as {name}:{nested[0]}."
        )


def _by_part(files: list[_File], parts: set[str]) -> list[Placed]:
    """Return the images of ``train/CLASS/…`` and ``test/CLASS/…``."""
    placed = []
    for part in sorted(parts):
        own = [_File(file.name, file.rest[1:]) for file in files if file.rest[0] == part and len(file.rest) > 1]
        while len(tops := {file.rest[0] for file in own if len(file.rest) > 1}) == 1 and _is_wrapper(min(tops)):
            own = [_File(file.name, file.rest[1:]) for file in own if len(file.rest) > 1]
        placed += [Placed(file.name, file.rest[0], bool(is_held_out(part))) for file in own if len(file.rest) > 1]
    return sorted(placed, key=lambda image: image.file)


def _is_wrapper(folder: str) -> bool:
    """Say whether a folder inside of train or test is another ``train`` or an ``images``, not a class."""
    letters = re.sub("[^a-z]", "", folder.lower())
    return is_held_out(folder) is not None or _WRAPPERS.fullmatch(letters) is not None


def _by_class(files: list[_File]) -> list[Placed]:
    """Return the images of ``CLASS/…``, or of ``CLASS/train/…`` and ``CLASS/test/…``."""
    inside = [file for file in files if len(file.rest) > 1]
    split = all(len(file.rest) > 2 and is_held_out(file.rest[1]) is not None for file in inside)
    return [Placed(file.name, file.rest[0], split and bool(is_held_out(file.rest[1]))) for file in inside]
