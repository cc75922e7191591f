"""Compile functions with numba, and keep what was compiled for as long as no source has changed.

Numba itself compares the file of a function with what it has compiled, but not the files of the
functions that it calls. So the folder of compiled code is named by a hash of all sources that
compiled code is made from: a changed source finds an empty folder.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import llvmlite
import numba

_PROFILING = Path(__file__).parents[1]
SOURCES = ("compiled/*.py", "paths/kernels/cpu/*.py", "signatures/compiled_*.py")
"""Patterns, under ``profiling``, of all files with compiled functions."""

Function = TypeVar("Function", bound=Callable[..., Any])
log = logging.getLogger("pathprint")
_settings: Any = numba.config  # its names are set when numba is imported, so type checkers do not know them


def compiled(function: Function) -> Function:
    """Have numba compile ``function`` when it is first called; the compiled function releases the GIL."""
    return _compiled(function, {})


def inlined(function: Function) -> Function:
    """Compile ``function`` into the compiled functions that call it."""
    return _compiled(function, {"inline": "always"})


def _compiled(function: Function, options: dict[str, Any]) -> Function:
    folder = cache_folder()
    before = _settings.CACHE_DIR
    try:
        # Numba reads CACHE_DIR when it decorates a function. It is put back because other packages use numba too.
        _settings.CACHE_DIR = "" if folder is None else str(folder)
        made: Function = numba.njit(nogil=True, cache=folder is not None, **options)(function)
        return made
    finally:
        _settings.CACHE_DIR = before


@cache
def cache_folder() -> Path | None:
    """Return the folder for code compiled from the present sources; None if no such folder can be written to.

    It lies in ``NUMBA_CACHE_DIR`` if that is set, else in the installed package or, if that is
    read-only, in the user's cache. A shared temporary folder is never used: numba unpickles what it
    finds, so nobody else must be able to write there. Code that the administrator compiled in one of
    these places, where we cannot write, is used as it is.
    """
    asked = _settings.CACHE_DIR
    own = _PROFILING / "compiled" / "__pycache__"
    users = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "pathprint"
    for place in [Path(asked)] if asked else [own, users]:
        folder = place / f"pathprint-{sources_hash()}"
        with suppress(OSError):
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            if _is_ours(folder):
                return folder
        with suppress(OSError):
            if _is_administered(folder):
                return _copy(folder)
    log.warning(
        "compiled code cannot be stored, so every start compiles anew, which takes about a minute; "
        "set NUMBA_CACHE_DIR to a folder that you alone can write to"
    )
    return None


def _is_ours(folder: Path) -> bool:
    """Say whether we can write to a folder and nobody else can."""
    found = folder.stat()
    return os.access(folder, os.W_OK) and found.st_uid == os.getuid() and not found.st_mode & 0o022


def _is_administered(folder: Path) -> bool:
    """Say whether a folder holds compiled code that only we and the administrator can have put there."""
    files = list(folder.rglob("*.nbi"))
    return bool(files) and all(
        path.stat().st_uid in (0, os.getuid()) and not path.stat().st_mode & 0o022
        for path in (folder, *folder.rglob("*"))
    )


def _copy(folder: Path) -> Path:
    """Return a copy of a folder that is ours alone while this process lasts; numba writes where it reads."""
    made = tempfile.mkdtemp(prefix="pathprint-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return Path(shutil.copytree(folder, Path(made) / folder.name))


@cache
def sources_hash() -> str:
    """Return 16 hexadecimal digits that change whenever a source of compiled code or the compiler changes."""
    digest = hashlib.sha256(f"numba {numba.__version__} llvmlite {llvmlite.__version__}".encode())
    for path in sources():
        digest.update(path.relative_to(_PROFILING).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def sources() -> list[Path]:
    """Return the files that compiled code is made from, sorted."""
    return sorted(path for pattern in SOURCES for path in _PROFILING.glob(pattern))
