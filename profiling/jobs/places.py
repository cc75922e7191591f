"""Where jobs keep what is unfinished. Nothing heavy is imported here."""

from __future__ import annotations

import shutil
from pathlib import Path


def run_folder(out: Path) -> Path:
    """Return where the run of a job is kept whose result is to be ``out``."""
    return out.with_name(f"{out.name}.run")


def discard(run: Path) -> None:
    """Remove the run of a job whose result is written."""
    shutil.rmtree(run, ignore_errors=True)
