"""How often a client may ask: rates such as ``600/minute``, and what each client has spent of its own."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from math import ceil
from time import monotonic
from typing import TypeAlias

from limits import RateLimitItem

Rate: TypeAlias = RateLimitItem
_PARTS = 64
"""Parts of a window. What a client spends within one part becomes free together, a part later than a window."""
_CLIENTS = 20_000


class _Spent:
    """What a client spent lately: the cost of each part of the window, the oldest first, and their sum."""

    __slots__ = ("parts", "total")

    def __init__(self) -> None:
        self.parts: deque[tuple[float, int]] = deque()
        self.total = 0

    def forget(self, until: float) -> None:
        while self.parts and self.parts[0][0] <= until:
            self.total -= self.parts.popleft()[1]

    def spend(self, part: float, cost: int) -> None:
        before = self.parts.pop()[1] if self.parts and self.parts[-1][0] == part else 0
        self.parts.append((part, before + cost))
        self.total += cost


class BoundedStorage:
    """Memory of the moving windows of the clients who asked last; each length of window has its own.

    The storage of ``limits`` keeps an entry for each request and each client for ever, starts a thread at each request,
    follows the wall clock, and counts a client anew for each of its rates. This one is bounded for each client and in
    the number of clients, and whoever has two keys with different rates spends of both with either.
    """

    def __init__(self, clients: int = _CLIENTS) -> None:
        self._clients = clients
        self._spent: OrderedDict[str, dict[int, _Spent]] = OrderedDict()

    def spend(self, client: str, rate: Rate, cost: int) -> bool:
        """Spend ``cost`` if no more than the rate is then spent within its window."""
        if self._recent(client, rate).total + cost > rate.amount:
            return False
        for expiry, spent in self._spent[client].items():
            width = expiry / _PARTS
            spent.spend(monotonic() // width * width + width, cost)
            spent.forget(monotonic() - expiry)
        return True

    def total(self, client: str, rate: Rate) -> int:
        """Return what a client spent within the rate's window."""
        return self._recent(client, rate).total

    def seconds_until(self, client: str, amount: int, rate: Rate) -> float:
        """Return in how many seconds ``amount`` can be spent if nothing else is."""
        spent = self._recent(client, rate)
        needed, free = spent.total + amount - rate.amount, 0.0
        for part, cost in spent.parts:
            if needed <= 0:
                break
            needed, free = needed - cost, part + rate.get_expiry()
        return max(0.0, free - monotonic())

    def _recent(self, client: str, rate: Rate) -> _Spent:
        windows = self._spent.setdefault(client, {})
        self._spent.move_to_end(client)
        if len(self._spent) > self._clients:
            self._spent.popitem(last=False)
        spent = windows.setdefault(rate.get_expiry(), _Spent())
        spent.forget(monotonic() - rate.get_expiry())
        return spent


@dataclass(frozen=True, slots=True)
class Charge:
    """Whether a request was paid for, and what is left.

    Attributes:
        left: what the client can spend now.
        seconds: until the client has more, or, if the request was not paid for, until it could be.
    """

    rate: Rate
    paid: bool
    left: int
    seconds: int


class Rates:
    """What clients spent of their rates. One event loop uses it; it is not locked."""

    def __init__(self, clients: int = _CLIENTS) -> None:
        self._storage = BoundedStorage(clients)

    def charge(self, client: str, rate: Rate, cost: int, paid_before: int = 0) -> Charge:
        """Let a client spend ``cost``, of which ``paid_before`` is paid; a cost above the rate counts as all of it."""
        cost = min(cost, rate.amount)
        paid = self._storage.spend(client, rate, max(0, cost - paid_before))
        left = max(0, rate.amount - self._storage.total(client, rate))
        return Charge(rate, paid, left, ceil(self._storage.seconds_until(client, 1 if paid else cost, rate)))
