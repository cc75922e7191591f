"""``pathprint inspect``: what is in a run, a profile or a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pathprint.profiling.cli.options import AsJson
from pathprint.profiling.cli.outputs import file_option
from pathprint.profiling.cli.results import print_json, print_result
from pathprint.profiling.errors import OptionsError

_PICTURES = (".png", ".svg")


def _check_picture(path: Path | None) -> None:
    """Check that a picture of this type can be drawn.

    Raises:
        OptionsError: it cannot.
    """
    if path is not None and path.suffix.lower() not in _PICTURES:
        raise OptionsError(f"`out` must end in {' or '.join(_PICTURES)}, not {path.suffix or path.name!r}.")


def inspect(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|PROFILE|BUNDLE",
            help="Folder that `pathprint profile`, `merge` or `fit` wrote, or OUT.run of an unfinished job.",
            exists=True,
            file_okay=False,
        ),
    ],
    out: Annotated[
        Path | None,
        file_option("File to draw the similarities of classes to, as a heat map: FILE.png or FILE.svg."),
    ] = None,
    classes: Annotated[
        int, typer.Option(min=2, help="Largest number of classes whose paths are looked at; it takes time.")
    ] = 100,
    as_json: AsJson = False,
) -> None:
    """Show what is in a run, a profile or a bundle.

    Of a profile or a bundle: what it was made of and with, images of each class, how much of each layer is in a path,
    how the path of a class grew, and how similar classes are. Of the run of an unfinished job: its inputs and options,
    what is done, which images are bad, and whether a process works on it.

    Example:
        pathprint inspect digits-profile --out similarities.png
    """
    _check_picture(out)
    from pathprint.profiling.cli import tables
    from pathprint.profiling.cli.terminal import say
    from pathprint.profiling.evaluation.figures import finite
    from pathprint.profiling.inspection.inspect import inspect as inspected
    from pathprint.profiling.inspection.run_state import RunState
    from pathprint.profiling.writing.whole import whole_file

    found = inspected(folder, classes)
    if out is not None and isinstance(found, RunState):
        raise OptionsError(f"{folder} is the run of a job, of which there is no picture; leave `out` away.")
    if as_json:
        print_json(finite(found.to_dict()))
    else:
        print_result("\n\n".join([found.title, *(tables.plain(sheet) for sheet in found.sheets())]))
    for note in found.notes():
        say(f"note: {note}")
    if out is not None and not isinstance(found, RunState):
        drawn = found.heat_map()
        with whole_file(out) as partial:
            partial.write_bytes(drawn.png() if out.suffix.lower() == ".png" else drawn.svg().encode())
        say(f"the heat map is in {out}")
