"""Compile functions with numba, and keep what was compiled for as long as no source has changed.

Numba itself compares the file of a function with what it has compiled, but not the files of the
functions that it calls. So the folder of compiled code is named by a hash of all sources that
compiled code is made from: a changed source finds an empty folder.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import llvmlite
import numba

_PROFILING = Path(__file__).parents[1]
SOURCES = ("compiled/*.py", "paths/kernels/cpu/*.py", "signatures/compiled_adding.py")
"""Patterns, under ``profiling``, of all files with compiled functions."""

Function = TypeVar("Function", bound=Callable[..., Any])
log = logging.getLogger("pathprint")
_settings: Any = numba.config  # whose names are made when it is imported, so type checkers see none


def compiled(function: Function) -> Function:
    """Compile ``function`` when it is first called. It runs without the GIL."""
    return _compiled(function, {})


def inlined(function: Function) -> Function:
    """Compile ``function`` into the compiled functions that call it."""
    return _compiled(function, {"inline": "always"})


def _compiled(function: Function, options: dict[str, Any]) -> Function:
    folder = cache_folder()
    before = _settings.CACHE_DIR
    try:
        # Numba reads this when a function is decorated. It is put back for the numba of others.
        _settings.CACHE_DIR = "" if folder is None else str(folder)
        made: Function = numba.njit(nogil=True, cache=folder is not None, **options)(function)
        return made
    finally:
        _settings.CACHE_DIR = before


@cache
def cache_folder() -> Path | None:
    """Return the folder for code compiled from the present sources; None if no place can be written to.

    ``NUMBA_CACHE_DIR`` is used if it is set, else the installed package itself, else the user's
    cache. Never a folder that others can write to, as numba unpickles what it finds.
    """
    asked = _settings.CACHE_DIR
    own = _PROFILING / "compiled" / "__pycache__"
    users = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "pathprint"
    for place in [Path(asked)] if asked else [own, users]:
        folder = place / f"pathprint-{sources_hash()}"
        try:
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            if _is_ours(folder):
                return folder
        except OSError:
            continue
    log.warning("compiled code cannot be kept; every start compiles anew, which takes a minute (set NUMBA_CACHE_DIR)")
    return None


def _is_ours(folder: Path) -> bool:
    """Say whether we can write to a folder and nobody else can."""
    found = folder.stat()
    return os.access(folder, os.W_OK) and found.st_uid == os.getuid() and not found.st_mode & 0o022


@cache
def sources_hash() -> str:
    """Return 16 hexadecimal digits that change with every source of compiled code, and with the compiler."""
    digest = hashlib.sha256(f"numba {numba.__version__} llvmlite {llvmlite.__version__}".encode())
    for path in sources():
        digest.update(path.relative_to(_PROFILING).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def sources() -> list[Path]:
    """Return the files that compiled code is made from, sorted."""
    return sorted(path for pattern in SOURCES for path in _PROFILING.glob(pattern))
