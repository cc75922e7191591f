"""What a bundle's files and a served bundle are called. Nothing heavy is imported: commands look before they start."""

from __future__ import annotations

import re
from pathlib import Path

from pathprint.profiling.writing.places import Form

MANIFEST = "manifest.json"
FILES = (
    "network.json",
    "network.safetensors",
    "signatures.safetensors",
    "detector.json",
    "detector.safetensors",
    "images.safetensors",
)
"""All files but the manifest, which has their checksums."""
SIGNATURE = "model.sig"
"""The file that is added when a bundle is signed, called as OpenSSF model signing calls it."""

BUNDLE = Form("bundle", frozenset({MANIFEST, SIGNATURE, *FILES}), MANIFEST, frozenset({"schema", "checksum", "files"}))
"""What a bundle is known by."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a served model or version may be called: clients write it into addresses."""


def named_folder(text: str) -> tuple[str | None, Path]:
    """Return name and folder of ``NAME=FOLDER``, or no name and ``FOLDER``; ``./a=b`` is a folder called ``a=b``."""
    name, equals, folder = text.partition("=")
    if equals and NAME.fullmatch(name) and folder:
        return name, Path(folder)
    return None, Path(text)


def examples_beside(folder: Path) -> Path:
    """Return where the examples of the bundle in a folder are, if it has any."""
    return folder.with_name(f"{folder.name}.examples")


def report_beside(folder: Path) -> Path:
    """Return where the report on the bundle in a folder is, if it has one."""
    return folder.with_name(f"{folder.name}.html")
