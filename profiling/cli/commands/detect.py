"""``pathprint detect``: verdicts on image files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pathprint.profiling.cli.fail_on import FailOn, end_with
from pathprint.profiling.cli.options import AsJson, Bundle
from pathprint.profiling.cli.results import print_json, print_result
from pathprint.profiling.errors import DataError

if TYPE_CHECKING:
    from pathprint.profiling.detection.detector import Verdict


def detect(
    bundle: Bundle,
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGE",
            help="Image files to judge. A folder stands for all files in it and below it, but hidden ones.",
            exists=True,
            readable=False,  # a file that cannot be read is reported like any other bad one
        ),
    ],
    fail_on: FailOn = "adversarial",
    as_json: AsJson = False,
) -> None:
    """Say for each image whether it is adversarial, and why.

    The status is 0 if no verdict is 'adversarial', and 1 if one is; --fail-on changes that. It is 2 if a file could not
    be examined: the others are examined nevertheless.

    Example:
        pathprint detect lenet5-bundle seven.png
    """
    files = list(_files(images))
    import pathprint
    from pathprint.profiling.threads import settle_threads

    loaded = pathprint.load_bundle(bundle)
    settle_threads(loaded.detector.network.preprocessing)
    bad, verdicts = 0, Counter[str]()
    for path in files:  # one by one: each is shown as soon as it is there
        try:
            (verdict,) = pathprint.detect(loaded, [path])
        except DataError as error:
            bad += 1
            print_json({"image": str(path), "error": str(error)}) if as_json else print_result(f"NOT EXAMINED: {error}")
            continue
        verdicts[verdict.decision] += 1
        if as_json:
            print_json({"image": str(path), "flagged": verdict.flagged, **asdict(verdict)})
        else:
            print_result(in_words(str(path), verdict))
    if bad:
        raise DataError(f"{bad} of {len(files)} files could not be examined.")
    end_with(fail_on, verdicts)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files, and in place of a folder the files in it and below it, in the order of their names.

    Raises:
        DataError: there is no file in a folder.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        below = ((file, file.relative_to(path).parts) for file in path.rglob("*") if file.is_file())
        found = sorted(file for file, parts in below if not any(part.startswith(".") for part in parts))
        if not found:
            raise DataError(f"the folder {path} holds no files.")
        yield from found


def in_words(name: str, verdict: Verdict) -> str:
    """Return a verdict with its heaviest reasons as text for people."""
    lines = [
        f"{name}: {verdict.decision.upper()}: answered '{verdict.label}' ({verdict.confidence:.1%}), score "
        f"{verdict.score:.2f}, threshold {verdict.threshold:.2f}; {_rarity(verdict)}"
    ]
    lines += [f"    {reason}" for reason in verdict.reasons]
    return "\n".join([*lines, f"    note: {verdict.note}"] if verdict.note else lines)


def _rarity(verdict: Verdict) -> str:
    share = f"{verdict.p_value * 100:.1f} % of clean images score this high"
    return f"only {share}" if verdict.flagged else share
