"""``pathprint serve``: start the service."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from pathprint.profiling.detection.bundle_files import named_folder


def _folders(texts: list[str]) -> list[str]:
    """Check that there are folders where the bundles should be."""
    for text in texts:
        _, folder = named_folder(text)
        if not folder.exists():
            raise typer.BadParameter(f"folder '{folder}' does not exist.")
        if not folder.is_dir():
            raise typer.BadParameter(f"folder '{folder}' is a file.")
    return texts


def serve(
    bundles: Annotated[
        list[str],
        typer.Argument(
            metavar="BUNDLE",
            callback=_folders,
            help="Folder that `pathprint fit` wrote, NAME=FOLDER, or a folder of such folders: name/version.",
        ),
    ],
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 listens on every network.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
) -> None:
    """Answer over HTTP whether images are adversarial.

    Of several bundles, requests name the model and version that they mean. This starts `python -P -m pathprint.app`,
    the program that the container runs too.

    Example:
        pathprint serve lenet5-bundle --port 8000
    """
    sys.stdout.flush()
    # Named, not imported: the service depends on this package, never the reverse.
    program = [sys.executable, "-P", "-m", "pathprint.app", *bundles, "--host", host, "--port", str(port)]
    os.execv(sys.executable, program)  # noqa: S606  # no shell is meant; the service takes the place of this process
