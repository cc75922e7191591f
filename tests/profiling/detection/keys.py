"""Keys and signed bundles for tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)


@dataclass(frozen=True)
class KeyPair:
    """A private key and its public one, in PEM files."""

    private: Path
    public: Path


def key_pair(folder: Path, name: str = "release", key: Any = None, password: bytes | None = None) -> KeyPair:
    """Write a new pair of keys; of the curve P-256 unless a key is given."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    hidden = NoEncryption() if password is None else BestAvailableEncryption(password)
    pair = KeyPair(folder / f"{name}.pem", folder / f"{name}.pub")
    pair.private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden))
    pair.public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return pair
