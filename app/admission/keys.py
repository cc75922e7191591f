"""API keys: who may ask for what, and in how much detail they are answered."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pathprint.app.settings import RateText

Scope: TypeAlias = Literal["detect", "explain", "read", "monitor", "admin"]
Detail: TypeAlias = Literal["verdict", "score", "evidence"]
Similar: TypeAlias = Literal["alert", "refuse", "ignore"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
DETAILS: tuple[Detail, ...] = get_args(Detail)
"""How much an answer says, the least first."""
PREFIX = "pathprint_"
"""How each key begins, so that programs that search for leaked secrets recognise it."""
_ENDS = datetime(9999, 12, 31, tzinfo=UTC)


def _dated(value: object) -> object:
    # TOML and JSON name a day without time or zone; it begins at midnight UTC.
    text = str(value) if not isinstance(value, datetime) else value.isoformat()
    return f"{text}T00:00:00Z" if len(text) == len("2026-11-27") else text


Moment: TypeAlias = Annotated[AwareDatetime, BeforeValidator(_dated)]


class Key(BaseModel):
    """An API key as the key file has it: never the key itself, only its SHA-256.

    Attributes:
        id: names the client in logs and limits. Two keys may share it, so that one can replace the other.
        detail: the most that an answer says: ``verdict``, ``score``, or ``evidence``.
        digits: decimals of scores, p-values and evidence; all of them if None.
        rate: such as ``600/minute``; what the service's settings say if None.
        similar: what many similar queries lead to; what the service's settings say if None.
        not_before, expires: the key is accepted from the first until before the second.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", repr=False)]
    scopes: Annotated[frozenset[Scope], Field(min_length=1)] = frozenset(("detect",))
    detail: Detail = "evidence"
    digits: Annotated[int, Field(strict=True, ge=0, le=6)] | None = None
    rate: RateText | None = None
    similar: Similar | None = None
    not_before: Moment | None = None
    expires: Moment | None = None

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Key:
        if self.not_before and self.expires and self.not_before >= self.expires:
            raise ValueError("not_before must be earlier than expires")
        return self

    def valid(self, now: datetime) -> bool:
        """Return whether the key is accepted at ``now``."""
        return (self.not_before is None or self.not_before <= now) and not self.expired(now)

    def expired(self, now: datetime) -> bool:
        """Return whether the key is accepted no more at ``now``."""
        return now >= (self.expires or _ENDS)


def new_secret() -> str:
    """Return a new key, of 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return the SHA-256 by which a key file knows a key; 256 random bits need neither salt nor stretching."""
    return hashlib.sha256(secret.encode()).hexdigest()


def find(secret: str, keys: Sequence[Key], now: datetime) -> Key | None:
    """Return the key that a client presented, if it is accepted at ``now``.

    The secret is compared with all keys, in a time that depends on their number only.
    """
    given, found = digest(secret), None
    for key in keys:
        if hmac.compare_digest(given, key.sha256) and key.valid(now):
            found = key
    return found
