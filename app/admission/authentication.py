"""Middleware that asks each request for its API key, before anything of its body is read."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from pathprint.app.admission.callers import Caller, Hardening, set_caller, with_key, without_key
from pathprint.app.admission.hosts import is_loopback_name
from pathprint.app.admission.key_file import KeyRing
from pathprint.app.admission.keys import Scope
from pathprint.app.admission.scopes import Demand, demand_of
from pathprint.app.problems.kinds import ProblemError
from pathprint.app.problems.reporting import problem_response

_HOW = "Send it as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'."
_REALM = 'Bearer realm="pathprint"'
_LONGEST = 256


@dataclass(frozen=True, slots=True)
class Anonymous:
    """What clients without a key may do.

    Attributes:
        allowed: whether they may do anything but ask for health; ``admin`` always needs a key.
        hardening: how much they are told.
        monitor: whether they may see what was decided for others, if they ask from this machine by its own name.
    """

    allowed: bool
    hardening: Hardening
    monitor: bool = False

    def may(self, wanted: Scope, headers: Headers) -> bool:
        """Return whether a request without a key is served."""
        if wanted == "monitor":
            # A page of somebody else's, whose name leads to this machine, is asked for by that name.
            return self.monitor and is_loopback_name(headers.get("host", ""))
        return self.allowed and wanted != "admin"


class Authentication:
    """Lets a request pass if its key has the scope that its address needs; says who sent it, and how much to answer."""

    def __init__(self, app: ASGIApp, ring: KeyRing, anonymous: Anonymous) -> None:
        self.app, self._ring, self._anonymous = app, ring, anonymous

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                self._admit(scope)
            except ProblemError as problem:
                await problem_response(Request(scope), problem)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _admit(self, scope: Connection) -> None:
        state = scope.setdefault("state", {})
        demand = demand_of(scope["method"], scope["path"])
        caller = self._caller(scope, demand)
        if caller.key:
            state["key"] = caller.key
            state["hardening"] = Hardening(caller.key.detail, caller.key.digits)
        else:
            state["hardening"] = self._anonymous.hardening
        state["caller"] = caller
        set_caller(caller)

    def _caller(self, scope: Connection, demand: Demand) -> Caller:
        if demand.scope is None:
            return self._known(scope) if demand.cost else without_key(scope)
        sent = Headers(scope=scope)
        secret = _presented(sent) if self._ring else None
        if secret is None:
            if self._anonymous.may(demand.scope, sent):
                return without_key(scope)
            raise ProblemError("missing_key", self._needs(demand.scope), {"WWW-Authenticate": _REALM})
        key = self._ring.find(secret)
        if key is None:
            raise _invalid("The API key is unknown, expired or not valid yet.")
        if demand.scope not in key.scopes:
            headers = {"WWW-Authenticate": f'{_REALM}, error="insufficient_scope", scope="{demand.scope}"'}
            raise ProblemError("insufficient_scope", f"The API key lacks the scope {demand.scope!r}.", headers)
        return with_key(key)

    def _needs(self, wanted: Scope) -> str:
        if wanted == "monitor" and not self._ring:
            return (
                "What was decided for all clients is shown without a key only on the machine itself, as localhost; "
                "elsewhere the service needs a key file, and a key with the scope 'monitor'."
            )
        return f"This address needs an API key. {_HOW}"

    def _known(self, scope: Connection) -> Caller:
        """Return the caller of what needs no key: the key all the same if a good one is presented, for the rate."""
        with suppress(ProblemError):
            key = self._ring.find(_presented(Headers(scope=scope)) or "") if self._ring else None
            if key is not None:
                return with_key(key)
        return without_key(scope)


def _presented(headers: Headers) -> str | None:
    """Return the key that a request presents, in either header; None if it presents none."""
    found = set(headers.getlist("x-api-key"))
    for value in headers.getlist("authorization"):
        kind, _, rest = value.partition(" ")
        if kind.lower() == "bearer":  # other kinds are for a proxy in front
            found.add(rest.strip())
    if len(found) > 1:
        raise _invalid(f"The request presents several API keys. {_HOW}")
    secret = found.pop() if found else None
    if secret is not None and not 0 < len(secret) <= _LONGEST:
        raise _invalid("The API key is empty or too long.")
    return secret


def _invalid(detail: str) -> ProblemError:
    return ProblemError("invalid_key", detail, {"WWW-Authenticate": f'{_REALM}, error="invalid_token"'})
