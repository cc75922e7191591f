"""A bundle's manifest, and the files that it names: what is checked before anything in them is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pathprint.models.network import canonical_json
from pathprint.profiling.detection.bundle_files import FILES, MANIFEST, SIGNATURE
from pathprint.profiling.errors import BundleError

Told = Callable[[str, str], None]
"""Is told of a check that a bundle has passed: what was checked, and what was found."""


def untold(what: str, found: str) -> None:
    """Tell nobody."""


def sealed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest with a checksum over everything else in it."""
    content = {name: value for name, value in manifest.items() if name != "checksum"}
    return {**content, "checksum": hashlib.sha256(canonical_json(content)).hexdigest()}


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def state_of(folder: Path) -> list[tuple[int, ...]]:
    """Return what is another once a file was replaced or written to, even if somebody sets its time back."""
    found = [path.stat() for name in (MANIFEST, *FILES, SIGNATURE) if (path := folder / name).exists()]
    return [(one.st_dev, one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns) for one in found]


def verified(folder: Path, schema: int, told: Told = untold) -> dict[str, Any]:
    """Return the manifest after checking its schema, its own checksum, and every file against it.

    Raises:
        BundleError: one of these is not as it should be, or the folder holds something else beside them.
    """
    path = folder / MANIFEST
    try:
        data = _read(path)
        manifest = _parsed(path, data)
        _check_form(path, data, manifest, schema)
        told("manifest", f"schema {schema}, in its one form, with the checksum {manifest['checksum'][:12]}…")
        _check_files(folder, dict(manifest.get("files", {})))
    except OSError as error:
        raise BundleError(f"{error.filename or folder} cannot be read: {error.strerror}; make it readable.") from error
    told("files", f"{len(FILES)} plain files with the SHA-256 that the manifest says; nothing else is there")
    return manifest


def _read(path: Path) -> bytes:
    if path.is_symlink() or (path.exists() and not path.is_file()):  # reading a pipe would wait for ever
        raise BundleError(f"{path} is not a plain file; copy the bundle again.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise _no_bundle(path, error) from error


def _parsed(path: Path, data: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(data)
        manifest["schema"], dict(manifest.get("files", {}))
        return dict(manifest)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _no_bundle(path, error) from error


def _no_bundle(path: Path, error: Exception) -> BundleError:
    return BundleError(
        f"{path.parent} is not a bundle, or is damaged: {path} cannot be read ({error!r}); give a folder that `fit` "
        "wrote."
    )


def _check_form(path: Path, data: bytes, manifest: Mapping[str, Any], schema: int) -> None:
    """Check the schema, and that the manifest has its one form, so that no byte of it can change unnoticed."""
    if manifest["schema"] != schema:
        raise BundleError(
            f"{path} has schema {manifest['schema']!r}, but this version reads {schema} only; make the bundle again "
            "from its profile with `pathprint fit`."
        )
    if data != canonical_json(sealed(manifest)):
        raise BundleError(
            f"{path} was changed after it was written: its checksum does not match. Build the bundle again."
        )


def _check_files(folder: Path, expected: Mapping[str, Any]) -> None:
    """Check that the files of a bundle are there, as they are expected, and nothing else but a signature."""
    found = {entry.name for entry in folder.iterdir()}
    missing, extra = sorted({*FILES} - found), sorted(found - {MANIFEST, SIGNATURE, *FILES})
    if missing or extra:
        absent = [f"has missing files: {', '.join(missing)}; copy the bundle again"] if missing else []
        strange = [f"has files that do not belong there: {', '.join(extra)}; remove them"] if extra else []
        raise BundleError(f"{folder} {', and '.join(absent + strange)}.")
    if set(expected) != set(FILES):
        raise BundleError(f"{folder / MANIFEST} lists other files than a bundle has; build the bundle again.")
    for name in sorted(found):
        if (folder / name).is_symlink() or not (folder / name).is_file():
            raise BundleError(f"{folder / name} is not a plain file; copy the bundle again.")
    for name in FILES:
        _check_digest(folder / name, str(expected[name]))


def _check_digest(path: Path, expected: str) -> None:
    digest = sha256_of(path)
    if digest != expected:
        raise BundleError(
            f"{path} was changed: its SHA-256 is {digest[:12]}…, the manifest says {expected[:12]}…."
            " Copy or build the bundle again."
        )
