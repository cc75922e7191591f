"""The option --class-names: what the classes of a network are called that does not know it itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pathprint.profiling.errors import DataError

if TYPE_CHECKING:
    from pathprint.models.network import Network


def read_class_names(path: Path) -> tuple[str, ...]:
    """Return the names in a file: one per line, or a JSON list of texts.

    Raises:
        DataError: the file cannot be read, or a name is missing or empty.
    """
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
        listed = json.loads(text) if text.startswith("[") else text.splitlines()
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} is not a list of class names, as it cannot be read: {error}.") from error
    names = [name.strip() if isinstance(name, str) else "" for name in listed]
    if not all(names) or not names:
        raise DataError(
            f"{path}: a name is missing or empty; the file must hold one name per line, or a JSON list of names, in "
            "the order of the network's outputs."
        )
    return tuple(names)


def named(network: Network, path: Path | None) -> Network:
    """Return the network with the class names in the file at ``path``; without a file, the network as it is.

    Raises:
        DataError: the file holds another number of names than the network has classes.
    """
    names = network.labels if path is None else read_class_names(path)
    if len(names) != len(network.labels):
        raise DataError(
            f"{path} holds {len(names)} names, but {network.name} has {len(network.labels)} classes; give one name for "
            "each class, in the order of the network's outputs."
        )
    return replace(network, labels=names)


def _check(path: Path | None) -> Path | None:
    if path is not None:
        read_class_names(path)
    return path


ClassNames = Annotated[
    Path | None,
    typer.Option(
        help="File with the names of the network's classes, one per line in the order of the network's outputs, or as "
        "a JSON list. Default: the names that the network or its weights bring.",
        exists=True,
        dir_okay=False,
        callback=_check,
    ),
]
