"""Whether the service may listen on an address: where others reach it, it wants keys, or to be told that none are."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from pydantic import ValidationError

from pathprint.app.settings import Settings


def refusal_to_listen(host: str) -> str | None:
    """Return why the service does not listen on ``host``; None if it may.

    Listening elsewhere than on the loopback interface takes a key file, or the setting that allows anonymous clients.
    """
    try:
        settings = Settings()
    except ValidationError:
        return None  # whatever loads the service names each setting that is wrong
    if settings.keys or settings.allow_anonymous or _is_loopback(host):
        return None
    return (
        f"does not listen on {host or 'every network'} without API keys, as anybody there could use it: set "
        "PATHPRINT_KEYS to a key file (`pathprint keys new ID` makes its first line), or say with "
        "PATHPRINT_ALLOW_ANONYMOUS=true that clients need none."
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        pass
    if not host:
        return False  # an empty host means all interfaces
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return bool(found) and all(ip_address(one.partition("%")[0]).is_loopback for one in found)
