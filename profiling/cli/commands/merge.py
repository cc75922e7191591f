"""``pathprint merge``: add up profiles that were made on different machines or days."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pathprint.profiling.cli.options import AsJson
from pathprint.profiling.cli.outputs import folder_option
from pathprint.profiling.cli.results import print_json
from pathprint.profiling.jobs.defaults import PROFILE


def merge(
    profiles: Annotated[
        list[Path],
        typer.Argument(
            metavar="PROFILE...",
            help="Folders that `pathprint profile` or `pathprint merge` wrote, two or more.",
            exists=True,
            file_okay=False,
        ),
    ],
    out: Annotated[Path, folder_option("Folder to write the profile to; an older profile is replaced.", PROFILE)],
    as_json: AsJson = False,
) -> None:
    """Add up profiles that were made on different machines or days.

    The result is the profile of all their images together. Profiles of other networks or options, and those that
    have images in common, are refused.

    Example:
        pathprint merge monday-profile tuesday-profile --out profile
    """
    import pathprint
    from pathprint.profiling.cli.terminal import say

    made = pathprint.merge(profiles)
    made.save(out)
    classes, images = len(made.signatures.classes), int(made.signatures.images.sum())
    say(f"signatures of {classes} classes from {images} images of {len(made.origins)} profiles in {out}")
    if not made.data:
        say("they are of several data sets, so `pathprint fit` has to be told which images to fit on: --data DATA")
    if as_json:
        parts = [origin.to_dict() for origin in made.origins]
        print_json({"profile": str(out), "classes": classes, "images": images, "parts": parts})
