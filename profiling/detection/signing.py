"""Signatures of bundles by OpenSSF model signing, with keys of elliptic curves; nothing asks the network.

A signature names the SHA-256 of every file in the bundle, the manifest included. ``model_signing verify key`` checks
it as well.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pathprint.profiling.detection.bundle_files import SIGNATURE
from pathprint.profiling.errors import BundleError, MissingExtraError, OptionsError
from pathprint.profiling.writing.places import PREFIX
from pathprint.profiling.writing.whole import whole_file

if TYPE_CHECKING:
    from model_signing.hashing import Config

CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
"""The curves of keys that can be used, by OpenSSL's name and by NIST's."""
_LARGEST = 1 << 20
"""Bytes of a signature from which on it is none: real ones have about 2,000."""
_CHANGED = re.compile(r"Hash mismatch for \\*'([^'\\]+)")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key in a PEM file.

    Attributes:
        id: SHA-256 of the key in PEM, by which signatures name it; ``openssl pkey -pubin -in FILE | sha256sum``.
    """

    path: Path
    id: str

    @property
    def said(self) -> str:
        """What people are told of a signature by this key."""
        return f"by the key {self.id[:16]}… in {self.path}"


def check_extra() -> None:
    """Check that what signs and verifies is installed.

    Raises:
        MissingExtraError: it is not.
    """
    if not all(map(find_spec, ("model_signing", "OpenSSL"))):
        raise MissingExtraError(
            "signatures of bundles need model-signing; install the extra: pip install 'pathprint[sign]'."
        )


def public_keys(files: Sequence[Path | str]) -> tuple[PublicKey, ...]:
    """Return the public keys in PEM files, one in each.

    Raises:
        OptionsError: there is no file, or one holds no public key that can be used.
        MissingExtraError: the extra ``sign`` is not installed.
    """
    check_extra()
    if not files:
        raise OptionsError("no public keys are named, so nobody could have signed the bundle; name one at least.")
    return tuple(_public_key(Path(file)) for file in files)


def sign(folder: Path, private_key: Path, password: bytes | None = None) -> PublicKey:
    """Sign what is in a bundle's folder, in place of an older signature; return the public key, under the private one.

    Raises:
        OptionsError: the file holds no private key that can be used, or the password is not its own.
        MissingExtraError: the extra ``sign`` is not installed.
        OutputError: the signature cannot be written.
    """
    check_extra()
    key = PublicKey(private_key, _private_key_id(private_key, password))
    from model_signing.signing import Config

    signer = Config().set_hashing_config(_every_file())
    # The library hands the password on as it is, and what it hands it to takes bytes.
    signer.use_elliptic_key_signer(private_key=private_key, password=password)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory(prefix=PREFIX) as elsewhere:
        signer.sign(folder.resolve(), made := Path(elsewhere) / SIGNATURE)
        with whole_file(folder / SIGNATURE) as partial:
            partial.write_bytes(made.read_bytes())
    return key


def check_signature(folder: Path, trusted: Iterable[PublicKey], file: Path | None = None) -> PublicKey:
    """Check that one of the trusted keys has signed exactly the files that are in a folder; return that key.

    Args:
        file: where the signature is; None for the one in the folder.

    Raises:
        BundleError: there is no signature, it is by another key, or the files are others than those that were signed.
    """
    path = file or folder / SIGNATURE
    signer = _signer(folder, path)
    by = {key.id: key for key in trusted}
    key = by.get(signer)
    if key is None:
        names = ", ".join(str(one.path) for one in by.values())
        raise BundleError(
            f"{path} is by the key {signer[:16]}…, which is not trusted; trusted are the keys in {names}. Sign the "
            "bundle with one of these, or trust that key."
        )
    _verify(folder, path, key)
    return key


def _verify(folder: Path, path: Path, key: PublicKey) -> None:
    from model_signing.verifying import Config

    verifier = Config().set_hashing_config(_every_file())
    try:
        verifier.use_elliptic_key_verifier(public_key=key.path).verify(folder.resolve(), path)
    except Exception as error:  # whatever a forged signature leads to, it is not accepted
        raise BundleError(
            f"{folder} is not what was signed: {path} does not fit it under the key in {key.path} "
            f"({_reason(error)}). Copy the bundle again, or have it signed anew."
        ) from error


def _reason(error: Exception) -> str:
    """Return what is wrong in a few words; of files that differ, the names without what the library says beside."""
    text = " ".join(str(error).split())
    changed = _CHANGED.findall(text)
    return f"changed: {', '.join(changed)}" if changed else text[:300] or type(error).__name__


def _signer(folder: Path, path: Path) -> str:
    """Return the id of the key that a signature says it is by; nothing is checked yet."""
    if not path.exists():
        raise BundleError(
            f"{folder} is not signed: there is no {path}. Sign it with `pathprint sign`, or copy its signature, too."
        )
    if not path.is_file() or path.stat().st_size > _LARGEST:
        raise BundleError(f"{path} is no signature: it is no file, or too large; sign the bundle anew.")
    try:
        signer = json.loads(path.read_bytes())["verificationMaterial"]["publicKey"]["hint"]
        bytes.fromhex(signer)
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise BundleError(
            f"{path} is no signature by a key ({type(error).__name__}); sign the bundle with `pathprint sign`, or "
            "with `model_signing sign key`."
        ) from error
    return str(signer)


def _every_file() -> Config:
    """Return what lists the files of a folder: every one but the signature, whatever a signature leaves out."""
    from model_signing.hashing import Config

    class EveryFile(Config):
        def add_ignored_paths(self, **_: Any) -> None:
            """Leave out nothing more."""

    every: Config = EveryFile().use_file_serialization()
    return every.set_ignored_paths(paths=[SIGNATURE], ignore_git_paths=False)


def _public_key(path: Path) -> PublicKey:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    with _refusals(path, "public key"):
        data = path.read_bytes()
        if data.count(b"-----BEGIN") > 1:
            raise ValueError("it holds several keys, where one is expected")
        return PublicKey(path, _id(load_pem_public_key(data)))


def _private_key_id(path: Path, password: bytes | None) -> str:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    with _refusals(path, "private key"):
        return _id(load_pem_private_key(path.read_bytes(), password).public_key())


def _id(key: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    curve = getattr(getattr(key, "curve", None), "name", type(key).__name__)
    if curve not in CURVES:
        raise ValueError(f"it is of the kind {curve}")
    return hashlib.sha256(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


@contextmanager
def _refusals(path: Path, what: str) -> Iterator[None]:
    """Turn what is wrong with a key's file into an OptionsError."""
    try:
        yield
    except OSError as error:
        raise OptionsError(f"{path} cannot be read: {error.strerror}; name a readable file.") from error
    except Exception as error:
        raise OptionsError(
            f"{path} holds no {what} that can be used ({_reason(error)}); it has to be a PEM file with one {what} on "
            f"one of the curves {', '.join(CURVES.values())}."
        ) from error
