"""The file of API keys: JSON or TOML, read when the service starts and again on SIGHUP."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pathprint.app.admission.keys import Key, find

log = structlog.get_logger("app")
_MOST_BYTES = 4 * 1024 * 1024
_ACTIVE = 2
"""Keys of one client that may be unexpired together: the old one and the one that replaces it."""


class KeyFileError(Exception):
    """A key file that cannot be used; the message says what is wrong with which entry of it."""


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: Annotated[list[Key], Field(min_length=1)]


def read_keys(path: Path) -> tuple[Key, ...]:
    """Return the keys in a file; TOML if its name ends in ``.toml``, else JSON.

    Raises:
        KeyFileError: it cannot be read, or holds something else than keys.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise KeyFileError(
                f"{path}: is larger than {_MOST_BYTES:,} bytes; a key file has a few lines for each key."
            )
        decoded = text.decode()
        keys = _File.model_validate(tomllib.loads(decoded) if path.suffix == ".toml" else json.loads(decoded)).keys
    except OSError as error:
        raise KeyFileError(f"{path}: the key file cannot be read: {error.strerror}.") from None
    except ValidationError as error:
        raise KeyFileError(f"{path}: {'; '.join(_wrong(error))}.") from None
    except (ValueError, RecursionError):
        kind = "TOML" if path.suffix == ".toml" else "JSON (a name that ends in .toml means TOML)"
        raise KeyFileError(f"{path}: the key file is no {kind}.") from None
    _refuse_ambiguous(path, keys)
    return tuple(keys)


def _wrong(error: ValidationError) -> list[str]:
    # Values are left out: somebody may have pasted a key in place of its SHA-256.
    return [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]


def _refuse_ambiguous(path: Path, keys: Sequence[Key]) -> None:
    now = datetime.now(UTC)
    (twice, times), *_ = Counter(key.sha256 for key in keys).most_common(1)
    if times > 1:
        names = " and ".join(sorted({key.id for key in keys if key.sha256 == twice}))
        raise KeyFileError(f"{path}: the same key stands there {times} times ({names}); each client needs its own.")
    for name, count in Counter(key.id for key in keys if not key.expired(now)).items():
        if count > _ACTIVE:
            detail = f"{name!r} has {count} keys that have not expired; at most {_ACTIVE} may overlap"
            raise KeyFileError(f"{path}: {detail}. Remove the older ones.")


class KeyRing:
    """The keys that the service accepts; reading the file again replaces all of them at once, or none."""

    def __init__(self, path: Path | None) -> None:
        """Read the file at ``path``; without one there are no keys.

        Raises:
            KeyFileError: the file cannot be used.
        """
        self._path = path
        self._keys = read_keys(path) if path else ()

    def __len__(self) -> int:
        return len(self._keys)

    def __bool__(self) -> bool:
        """Whether clients need a key: whether there is a key file."""
        return self._path is not None

    def find(self, secret: str) -> Key | None:
        """Return the key that a client presented, if it is accepted now."""
        return find(secret, self._keys, datetime.now(UTC))

    def read_again(self) -> None:
        """Take what the file holds now; if it cannot be used, the log says so and the keys stay as they are."""
        if self._path is None:
            return
        try:
            self._keys = read_keys(self._path)
        except KeyFileError as error:
            log.error("keys kept", reason=str(error), keys=len(self._keys))
        else:
            log.info("keys read", keys=len(self._keys))
