"""``pathprint card``: a bundle described for others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pathprint.profiling.cli.options import Bundle
from pathprint.profiling.cli.outputs import file_option


def card(
    bundle: Bundle,
    out: Annotated[Path, file_option("File to write the card to, as JSON.")],
    evaluation: Annotated[
        Path | None,
        typer.Option(
            metavar="FIGURES",
            help="File with what `pathprint evaluate --json` printed of this bundle. Without one, the card has no "
            "measured figures.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
) -> None:
    """Describe a bundle and its figures for others, as a model card in CycloneDX.

    The card says what the detector is for and what it does not do, what it was made of, the SHA-256 of its files, and
    how well it does on clean images, on each attack and on each benign change, with 95 % intervals.

    Example:
        pathprint card lenet5-bundle --evaluation figures.json --out card.json
    """
    from pathprint.profiling.cli.terminal import say
    from pathprint.profiling.detection.bundle import load_bundle
    from pathprint.profiling.inspection.model_card import model_card
    from pathprint.profiling.writing.whole import whole_file

    made = model_card(load_bundle(bundle), bundle, evaluation)
    with whole_file(out) as partial:
        partial.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    say(f"the card of {bundle} is in {out}")
