"""Where the bundles lie that the service is to load: bundle folders, or repositories ``name/version/manifest.json``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pathprint.profiling.detection.bundle_files import MANIFEST, NAME, named_folder
from pathprint.profiling.errors import BundleError

_LETTERS = "letters, digits, '.', '_' and '-', at most 64, with a letter or digit first"


@dataclass(frozen=True, slots=True)
class Place:
    """A bundle folder. A name or version that is None is taken from the bundle."""

    folder: Path
    name: str | None = None
    version: str | None = None


def find(given: Sequence[str]) -> tuple[tuple[Place, ...], ...]:
    """Return the bundles in each of the given folders, the newest version of a model first.

    A folder is a bundle, the versions of one model (with ``NAME=``), or a repository of models.

    Raises:
        BundleError: a folder does not exist, holds no bundle, or has a name that clients could not ask for.
    """
    return tuple(_in(*named_folder(text)) for text in given)


def _in(name: str | None, given: Path) -> tuple[Place, ...]:
    # Links are followed once: whoever changes a link while its bundle is read does not mix two bundles.
    folder = given.resolve()
    if not folder.is_dir():
        raise BundleError(f"there is no folder {str(given)!r}.")
    if (folder / MANIFEST).exists():
        return (Place(folder, name),)
    if name is not None:
        return tuple(_versions(folder, name))
    found = tuple(place for model in _folders(folder) for place in _versions(model, model.name))
    if not found:
        raise BundleError(
            f"{given} is not a bundle, as it has no {MANIFEST}, nor a repository of bundles, as it has no folders; "
            "give a folder that `fit` wrote."
        )
    return found


def _versions(folder: Path, name: str) -> Iterator[Place]:
    """Yield the versions of one model, the newest first."""
    if (folder / MANIFEST).exists():
        raise BundleError(
            f"{folder} is a bundle, where a folder of versions is expected: move it to {folder / '1'}, or name it "
            f"with {name}={folder}."
        )
    versions = _folders(folder)
    if not versions:
        raise BundleError(
            f"{folder} holds no version of a model: a bundle is expected in a folder like {folder / '1'}."
        )
    for version in sorted(versions, key=lambda path: _natural(path.name), reverse=True):
        if not (version / MANIFEST).exists():
            raise BundleError(f"{version} is not a bundle, or is not complete: it has no {MANIFEST}.")
        yield Place(version.resolve(), _checked(name, folder), _checked(version.name, version))


def _folders(folder: Path) -> list[Path]:
    """Return the folders in a folder by name; files and hidden folders are left out."""
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _checked(name: str, folder: Path) -> str:
    if not NAME.fullmatch(name):
        raise BundleError(f"{folder}: {name!r} cannot be the name of a model or version; allowed are {_LETTERS}.")
    return name


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """Return what names are ordered by: 10 comes after 9, and words after numbers."""
    parts = re.findall(r"\d+|\D+", name)
    return (*((int(part), "") if part.isdecimal() else (-1, part) for part in parts), (-2, name))
