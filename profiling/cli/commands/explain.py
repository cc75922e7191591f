"""``pathprint explain``: why an image is adversarial, or why not, as a drawing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pathprint.profiling.cli.options import AsJson
from pathprint.profiling.cli.outputs import file_option
from pathprint.profiling.cli.results import print_json, print_result
from pathprint.profiling.pictures.endings import check_ending


def explain(
    bundle: Annotated[
        Path,
        typer.Argument(metavar="BUNDLE", help="Folder that `pathprint fit` wrote.", exists=True, file_okay=False),
    ],
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="Image file.", exists=True, dir_okay=False)],
    adversarial: Annotated[
        Path | None,
        typer.Option(
            metavar="OTHER", help="Attacked copy of the image, to be drawn beside it.", exists=True, dir_okay=False
        ),
    ] = None,
    out: Annotated[
        Path | None,
        file_option("File to draw to: FILE.png, FILE.svg, or FILE.html, a page that loads nothing."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw why an image is adversarial, or why not: as a picture or as a page.

    The drawing shows where the path of the image leaves the road of its class, layer by layer; which pixels are on it;
    which class knows it; the score among those of clean images; and the reasons in words. With --adversarial it shows
    an image beside an attacked copy of it, and what was changed, amplified.

    Example:
        pathprint explain digits-bundle seven.png --out reasons.png
    """
    if out is not None:
        check_ending(out)
    from pathprint.profiling.cli.terminal import say
    from pathprint.profiling.cli.verdicts import in_words
    from pathprint.profiling.detection.bundle import load_bundle
    from pathprint.profiling.pictures.drawing.panels import road_in_words
    from pathprint.profiling.pictures.explain import explain as explained
    from pathprint.profiling.threads import settle_threads

    loaded = load_bundle(bundle)
    settle_threads(loaded.detector.network.preprocessing)
    files = [image] if adversarial is None else [image, adversarial]
    found = [explained(loaded, file) for file in files]
    for file, one in zip(files, found, strict=True):
        if as_json:
            print_json({"image": str(file), **one.to_dict()})
        else:
            print_result(f"{in_words(str(file), one.verdict)}\n    {road_in_words(one)}")
    if out is not None:
        found[0].save(out, *found[1:])
        say(f"the drawing is in {out}")
