"""Options for what a command writes: the place is checked before anything else is done."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from pathprint.profiling.errors import OptionsError, OutputError
from pathprint.profiling.writing.places import Form, check_file, check_folder, check_store


def file_option(text: str, check: Callable[[Path], None] = check_file) -> Any:
    """Return an option for a file to write; ``text`` is its help, and ``check`` refuses what cannot be written to."""
    return typer.Option(help=text, dir_okay=False, callback=_checked(check))


def folder_option(text: str, form: Form) -> Any:
    """Return an option for a folder to write; ``text`` is its help."""
    return typer.Option(help=text, callback=_checked(partial(check_folder, form=form)))


def _checked(check: Callable[[Path], None]) -> Callable[[Path | None], Path | None]:
    def checked(path: Path | None) -> Path | None:
        try:
            if path is not None:
                check(path)
        except (OutputError, OptionsError) as error:
            raise typer.BadParameter(str(error)) from error
        return path

    return checked


AttackCache = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        help="Folder that keeps attacked images, so that an interrupted run goes on where it stopped.",
        callback=_checked(check_store),
    ),
]
