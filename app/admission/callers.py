"""Who sends a request: an API key, or for want of one a network address."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.types import Scope

from pathprint.app.admission.keys import Detail, Key, Similar

_IPV6_PREFIX = 64
"""Bits of an IPv6 address that stand for one client: providers hand out whole networks of this size."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is behind a request, for limits and for what is watched over several requests.

    Attributes:
        name: unique among callers; holds an address if there is no key, so it is never logged.
        key: None if the caller has none.
    """

    name: str
    key: Key | None = None

    @property
    def similar(self) -> Similar | None:
        """What many similar queries of this caller lead to; None if its key does not say."""
        return self.key.similar if self.key else None


@dataclass(frozen=True, slots=True)
class Hardening:
    """How much an answer may say.

    Attributes:
        digits: decimals of scores, p-values and evidence; all if None.
    """

    detail: Detail = "evidence"
    digits: int | None = None


_CALLER: ContextVar[Caller | None] = ContextVar("caller", default=None)


def set_caller(caller: Caller) -> None:
    """Say who is behind the request that this task answers."""
    _CALLER.set(caller)


def current_caller() -> Caller | None:
    """Return who is behind the request that this task answers; None outside of requests."""
    return _CALLER.get()


def with_key(key: Key) -> Caller:
    """Return the caller behind a key. Two keys with one id are one caller."""
    return Caller(f"key {key.id}", key)


def without_key(scope: Scope) -> Caller:
    """Return the caller behind a network address; uvicorn puts that of a trusted proxy's client there."""
    client = scope.get("client")
    host = client[0] if client else ""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return Caller("address unknown")  # one caller: else whoever may write this name had a new rate with each
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return Caller(f"address {address.ipv4_mapped}")
        return Caller(f"address {ip_network((address, _IPV6_PREFIX), strict=False)}")
    return Caller(f"address {address}")
