"""``pathprint detect``: verdicts on image files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from pathprint.profiling.cli.events import Events, event_file
from pathprint.profiling.cli.fail_on import FailOn, end_with
from pathprint.profiling.cli.options import AsJson, PublicKeys
from pathprint.profiling.cli.results import print_json, print_result
from pathprint.profiling.cli.verdicts import Found, here, in_words, over_http
from pathprint.profiling.detection.bundle_files import MANIFEST
from pathprint.profiling.errors import DataError, OptionsError


def _bundle(context: Any, path: Path) -> Path:
    """Check that the first place is a bundle, or with --url an image."""
    if context.params.get("url") is None:
        if not path.exists():
            raise typer.BadParameter(f"folder '{path}' does not exist")
        if not path.is_dir():
            raise typer.BadParameter(f"folder '{path}' is a file")
    elif (path / MANIFEST).is_file():
        raise typer.BadParameter(f"'{path}' is a bundle, but with --url the service has its own; leave it out")
    elif not path.exists():
        raise typer.BadParameter(f"file or folder '{path}' does not exist")
    return path


def _images(context: Any, paths: list[Path] | None) -> list[Path]:
    if not paths and context.params.get("url") is None:
        raise typer.BadParameter("")
    return paths or []


def detect(
    bundle: Annotated[
        Path,
        typer.Argument(
            metavar="BUNDLE", help="Folder that `pathprint fit` wrote; left out with --url.", callback=_bundle
        ),
    ],
    images: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="IMAGE",
            help="Image files to judge. A folder stands for all files in it and below it, but hidden ones.",
            exists=True,
            readable=False,  # a file that cannot be read is reported like any other bad one
            callback=_images,
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Ask the service at this address, such as http://127.0.0.1:8000, instead of a bundle. The variable "
            "PATHPRINT_API_KEY holds the key, if one is needed.",
            is_eager=True,  # it decides whether the first place is a bundle
        ),
    ] = None,
    public_key: PublicKeys = None,
    events: Events = None,
    fail_on: FailOn = "adversarial",
    as_json: AsJson = False,
) -> None:
    """Say for each image whether it is adversarial, and why.

    The status is 0 if no verdict is 'adversarial', and 1 if one is; --fail-on changes that. It is 2 if a file could not
    be examined: the others are examined nevertheless.

    Example:
        pathprint detect lenet5-bundle seven.png
    """
    if url is not None and public_key:
        raise OptionsError("--public-key is for a bundle; with --url the service decides whom it trusts.")
    files = list(_files(images or [] if url is None else [bundle, *(images or [])]))
    bad, verdicts = 0, Counter[str]()
    with event_file(events) as add:
        for found in here(bundle, files, public_key or None) if url is None else over_http(url, files):
            _print(found, as_json)
            if found.verdict is None:
                bad += 1
                continue
            verdicts[found.verdict.decision] += 1
            if add and found.verdict.flagged:
                add(found.event())
    if bad:
        raise DataError(f"{bad} of {len(files)} files could not be examined.")
    end_with(fail_on, verdicts)


def _print(found: Found, as_json: bool) -> None:
    name, verdict = str(found.path), found.verdict
    if verdict is None:
        print_json({"image": name, "error": found.error}) if as_json else print_result(f"NOT EXAMINED: {found.error}")
    elif as_json:
        print_json({"image": name, "flagged": verdict.flagged, **found.facts()})
    else:
        print_result(in_words(name, verdict))


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
