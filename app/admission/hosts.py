"""Middleware that answers under the host names of the service only, so that no web page can borrow its address."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from pathprint.app.admission.scopes import demand_of
from pathprint.app.problems.kinds import ProblemError
from pathprint.app.problems.reporting import problem_response


def host_names(text: str | None) -> tuple[str, ...]:
    """Return the names in a setting such as ``detector.example.org, *.internal``; none if nothing is set."""
    return tuple(name.strip().lower() for name in (text or "").split(",") if name.strip())


class TrustedHosts:
    """Refuses requests for other hosts. Probes and documents pass: whoever runs the service asks it by its address.

    ``starlette.middleware.trustedhost`` answers in plain text and may redirect.
    """

    def __init__(self, app: ASGIApp, names: Sequence[str]) -> None:
        self.app, self._names = app, tuple(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._trusted(scope):
            problem = ProblemError(
                "unknown_host", "The Host header must be one of the names that the service was set up for."
            )
            await problem_response(Request(scope), problem)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _trusted(self, scope: Scope) -> bool:
        if demand_of(scope["method"], scope["path"]).scope is None:
            return True
        given = Headers(scope=scope).getlist("host")
        return len(given) == 1 and any(_matches(_name(given[0]), name) for name in self._names)


def _name(host: str) -> str:
    """Return a Host header without its port, in lower case."""
    host = host.strip().lower().rstrip(".")
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def is_loopback_name(host: str) -> bool:
    """Return whether a Host header is a name of this machine that leads to it alone."""
    name = _name(host)
    with suppress(ValueError):
        return ip_address(name.strip("[]")).is_loopback
    return name == "localhost" or name.endswith(".localhost")


def _matches(host: str, name: str) -> bool:
    return host == name or (name.startswith("*.") and host.endswith(name[1:]) and len(host) > len(name) - 1)
