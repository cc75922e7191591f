"""Verify a bundle and say what was checked: all that loading checks, and who else may change the files."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pathprint.profiling.detection.bundle import load_bundle
from pathprint.profiling.detection.bundle_files import SIGNATURE
from pathprint.profiling.detection.signing import check_signature, public_keys
from pathprint.profiling.errors import BundleError


@dataclass(frozen=True, slots=True)
class Verification:
    """What became of verifying a bundle.

    Attributes:
        checks: what was checked and found to be as it should, in that order, with what was found.
        warnings: what does not make the bundle wrong, but unsafe where it lies.
        sha256: the manifest's checksum; empty if the bundle is refused.
        error: why the bundle is refused; empty if it is not.
    """

    folder: Path
    checks: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...] = ()
    sha256: str = ""
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return what was found as JSON-able data."""
        return {
            "bundle": str(self.folder),
            "verified": not self.error,
            "bundle_sha256": self.sha256 or None,
            "checks": [{"check": name, "found": found} for name, found in self.checks],
            "warnings": list(self.warnings),
            "error": self.error or None,
        }


def verify(
    folder: Path, trusted_keys: Sequence[Path | str] | None = None, signature: Path | None = None
) -> Verification:
    """Load a bundle as every command and the service do, and say what was checked.

    Args:
        trusted_keys: files of public keys, one of which must have signed the bundle; None checks no signature.
        signature: where the signature is; None for the one in the bundle.

    Raises:
        OptionsError: a file of ``trusted_keys`` holds no public key that can be used.
        MissingExtraError: signatures are asked for, and the extra ``sign`` is not installed.
    """
    keys = None if trusted_keys is None else public_keys(trusted_keys)
    checks: list[tuple[str, str]] = []

    def told(name: str, found: str) -> None:
        checks.append((name, found))

    try:
        if keys is not None and signature is not None:
            told("signature", f"in {signature}, {check_signature(folder, keys, signature).said}")
        bundle = load_bundle(folder, trusted_keys=None if signature else trusted_keys, told=told)
    except BundleError as error:
        return Verification(folder, tuple(checks), error=str(error))
    return Verification(folder, tuple(checks), tuple(_warnings(folder, keys is not None)), bundle.sha256)


def _warnings(folder: Path, signature_checked: bool) -> Iterator[str]:
    if not signature_checked and (folder / SIGNATURE).exists():
        yield f"{folder / SIGNATURE} was not checked; name the key that it should be by with --public-key."
    yield from _open_to_others(folder.resolve())


def _open_to_others(folder: Path) -> Iterator[str]:
    """Yield a sentence on each way in which other users of the machine can change a bundle."""
    above = folder.parent.stat().st_mode
    if above & stat.S_IWOTH and not above & stat.S_ISVTX:
        yield f"every user may replace {folder}, as {folder.parent} is writable for all; take that right away."
    for path in (folder, *sorted(folder.iterdir())):
        found = path.stat()
        if found.st_mode & stat.S_IWOTH:
            yield f"every user may write to {path}; take that right away (chmod o-w)."
        if not stat.S_ISDIR(found.st_mode) and found.st_nlink > 1:
            yield f"{path} has {found.st_nlink} names; whoever may write to one of them changes the bundle. Copy it."
