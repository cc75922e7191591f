"""``pathprint detect``: verdicts on image files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pathprint.profiling.cli.options import AsJson, Bundle, print_json

if TYPE_CHECKING:
    from pathprint.profiling.detection.detector import Verdict

_REASONS = 3


def detect(
    bundle: Bundle,
    images: Annotated[
        list[Path],
        typer.Argument(metavar="IMAGE", help="Image files to judge.", exists=True, dir_okay=False),
    ],
    as_json: AsJson = False,
) -> None:
    """Say for each image whether it is adversarial, and why.

    Example:
        pathprint detect lenet5-bundle seven.png
    """
    import pathprint
    from pathprint.profiling.threads import settle_threads

    loaded = pathprint.load_bundle(bundle)
    settle_threads(loaded.detector.network.preprocessing)
    for path in images:
        (verdict,) = pathprint.detect(loaded, [path])  # one by one: each is shown as soon as it is there
        if as_json:
            print_json({"image": str(path), "flagged": verdict.flagged, **asdict(verdict)})
        else:
            typer.echo(in_words(str(path), verdict))


def in_words(name: str, verdict: Verdict) -> str:
    """Return a verdict with its heaviest reasons as text for people."""
    lines = [
        f"{name}: {verdict.decision.upper()}: answered '{verdict.label}' ({verdict.confidence:.1%}), score "
        f"{verdict.score:.2f}, threshold {verdict.threshold:.2f}; {_rarity(verdict)}"
    ]
    lines += [f"    {layer.text}" for layer in verdict.layers[:_REASONS]]
    return "\n".join([*lines, f"    note: {verdict.note}"] if verdict.note else lines)


def _rarity(verdict: Verdict) -> str:
    share = f"{verdict.p_value * 100:.1f} % of clean images score this high"
    return f"only {share}" if verdict.flagged else share
