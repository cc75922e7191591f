"""How many connections are open, in all and from each client, and which have to make room for others."""

from __future__ import annotations

import ipaddress
import os
import resource
from collections import Counter
from typing import Any, Protocol

from pathprint.app.settings import Settings

_RESERVED = 32
"""Descriptors for what is no connection: files, pipes, and the libraries that are still to be loaded."""
_FEWEST = 8


class Member(Protocol):
    """A connection as the crowd sees it. It waits since ``waiting_since`` unless it is busy with a request."""

    client_key: str
    waiting_since: float

    @property
    def is_busy(self) -> bool: ...

    def evict(self) -> None: ...


class Crowd:
    """Counts open connections. Those without a request are closed to let others in, the longest waiting first."""

    def __init__(self, settings: Settings) -> None:
        self._most = most_connections(settings.max_connections)
        self._most_per_client = settings.max_connections_per_client
        self._by_client: Counter[str] = Counter()
        self._members: set[Member] = set()

    def enter(self, member: Member) -> bool:
        """Count a new connection, or return False if there is no room for it."""
        client = member.client_key
        room = (self._by_client[client] < self._most_per_client or self.make_room(client)) and (
            len(self._members) < self._most or self.make_room()
        )
        if room:
            self._by_client[client] += 1
            self._members.add(member)
        return room

    def leave(self, member: Member) -> None:
        """Count a connection no more, if it is counted."""
        if member in self._members:
            self._members.remove(member)
            self._by_client[member.client_key] -= 1
            if not self._by_client[member.client_key]:
                del self._by_client[member.client_key]

    def make_room(self, client: str | None = None) -> bool:
        """Close the connection that has waited longest, of one client or of all; return whether there was one."""
        waiting = [member for member in self._members if not member.is_busy and client in (None, member.client_key)]
        if not waiting:
            return False
        longest = min(waiting, key=lambda member: member.waiting_since)
        self.leave(longest)
        longest.evict()
        return True


def client_key(address: Any) -> str:
    """Return what counts as one client: an IPv4 address, or the 64 bits of an IPv6 address that one line gets."""
    try:
        found = ipaddress.ip_address(str(address[0]).partition("%")[0])
    except (ValueError, IndexError):
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def most_connections(wanted: int) -> int:
    """Return how many of ``wanted`` connections the process may have, after raising its limit on descriptors."""
    taken = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else _RESERVED  # noqa: PTH112, PTH208
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + taken + _RESERVED
    if resource.RLIM_INFINITY != soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return wanted
    return min(wanted, max(_FEWEST, soft - taken - _RESERVED))
