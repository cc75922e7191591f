"""How often a client may ask: rates such as ``600/minute``, and what each client has spent of its own."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from math import ceil
from time import monotonic
from typing import TypeAlias

from limits import RateLimitItem
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

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


class BoundedStorage(MemoryStorage):
    """Memory of the moving windows of the clients who asked last.

    The storage of ``limits`` keeps an entry for each request and each client for ever, starts a thread at each request,
    and follows the wall clock. This one is bounded for each client and in the number of clients.
    """

    def __init__(self, clients: int = _CLIENTS) -> None:
        super().__init__()
        self._clients = clients
        self._spent: OrderedDict[str, _Spent] = OrderedDict()

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Spend ``amount`` if no more than ``limit`` is then spent within the last ``expiry`` seconds."""
        spent = self._recent(key, expiry)
        if spent.total + amount > limit:
            return False
        width = expiry / _PARTS
        spent.spend(monotonic() // width * width + width, amount)
        return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """Return when the oldest part of the window began, by the monotonic clock, and what is spent in all parts."""
        spent = self._recent(key, expiry)
        return (spent.parts[0][0] if spent.parts else monotonic()), spent.total

    def seconds_until(self, key: str, amount: int, rate: Rate) -> float:
        """Return in how many seconds ``amount`` can be spent if nothing else is."""
        spent = self._recent(key, rate.get_expiry())
        needed, free = spent.total + amount - rate.amount, 0.0
        for part, cost in spent.parts:
            if needed <= 0:
                break
            needed, free = needed - cost, part + rate.get_expiry()
        return max(0.0, free - monotonic())

    def _recent(self, key: str, expiry: int) -> _Spent:
        spent = self._spent.setdefault(key, _Spent())
        self._spent.move_to_end(key)
        if len(self._spent) > self._clients:
            self._spent.popitem(last=False)
        spent.forget(monotonic() - expiry)
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
        self._limiter = MovingWindowRateLimiter(self._storage)

    def charge(self, client: str, rate: Rate, cost: int) -> Charge:
        """Let a client spend ``cost``; a cost above the whole rate counts as all of it."""
        cost = min(cost, rate.amount)
        paid = self._limiter.hit(rate, client, cost=cost)
        key = rate.key_for(client)
        _, spent = self._storage.get_moving_window(key, rate.amount, rate.get_expiry())
        needed = 1 if paid else cost
        return Charge(rate, paid, rate.amount - spent, ceil(self._storage.seconds_until(key, needed, rate)))
