"""Middleware that charges each request to its caller's rate, and turns away callers who are in quarantine."""

from __future__ import annotations

from collections import OrderedDict
from math import ceil
from time import monotonic

from limits import parse
from starlette.datastructures import MutableHeaders, State
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pathprint.app.admission.callers import Caller
from pathprint.app.admission.rates import Charge, Rate, Rates
from pathprint.app.admission.scopes import demand_of
from pathprint.app.problems.kinds import ProblemError
from pathprint.app.problems.reporting import problem_response


class Quarantine:
    """Callers who are turned away for a while, the most recent ones up to a fixed number."""

    def __init__(self, callers: int = 10_000) -> None:
        self._callers = callers
        self._until: OrderedDict[str, float] = OrderedDict()

    def add(self, caller: str, seconds: float) -> None:
        """Turn a caller away for ``seconds`` from now on."""
        self._until[caller] = monotonic() + seconds
        self._until.move_to_end(caller)
        if len(self._until) > self._callers:
            self._until.popitem(last=False)

    def seconds_left(self, caller: str) -> float:
        """Return for how long a caller is turned away yet; 0 if it is not."""
        until = self._until.get(caller)
        if until is None:
            return 0.0
        left = until - monotonic()
        if left <= 0:
            del self._until[caller]
        return max(0.0, left)


class Bill:
    """What a request costs its caller.

    Attributes:
        charge: the latest of it.
    """

    def __init__(self, rates: Rates, client: str, rate: Rate, cost: int) -> None:
        self._rates, self._client, self._rate, self._cost = rates, client, rate, cost
        self.charge: Charge = rates.charge(client, rate, cost)

    def pay(self) -> None:
        """Check that the request is paid for.

        Raises:
            ProblemError: it is not.
        """
        if not self.charge.paid:
            counts = min(self._cost, self._rate.amount)
            detail = f"The limit is {_words(self._rate)}, and this request counts {counts:,}."
            raise ProblemError("rate_limited", detail, {"Retry-After": str(self.charge.seconds)})

    def raise_to(self, cost: int) -> None:
        """Have the request cost more than was known before its body was read.

        Raises:
            ProblemError: that is beyond the caller's rate.
        """
        if cost > self._cost:
            before, self._cost = min(self._cost, self._rate.amount), cost
            self.charge = self._rates.charge(self._client, self._rate, cost, before)
            self.pay()


def charge_for(state: State, images: int) -> None:
    """Charge the caller of a request, of which one image is paid, for all its images.

    Raises:
        ProblemError: they are beyond the caller's rate.
    """
    bill: Bill | None = getattr(state, "bill", None)
    if bill is not None:
        bill.raise_to(images)


class Charging:
    """Charges requests, and adds ``RateLimit`` headers to the answers of callers who have a rate.

    Args:
        rates: of keys that name no rate of their own, and of callers without a key; None for no limit.
    """

    def __init__(
        self, app: ASGIApp, quarantine: Quarantine, rate: Rate | None = None, anonymous_rate: Rate | None = None
    ) -> None:
        self.app, self._quarantine = app, quarantine
        self._rate, self._anonymous_rate = rate, anonymous_rate
        self._rates = Rates()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        cost = demand_of(scope["method"], scope["path"]).cost if scope["type"] == "http" else 0
        if not cost:
            await self.app(scope, receive, send)
            return
        caller: Caller = scope["state"]["caller"]
        rate = self._rate_of(caller)
        bill = scope["state"]["bill"] = Bill(self._rates, caller.name, rate, cost) if rate else None
        sending = _with_headers(send, bill) if bill else send
        try:
            self._turn_away(caller)
            if bill:
                bill.pay()
        except ProblemError as problem:
            await problem_response(Request(scope), problem)(scope, receive, sending)
            return
        await self.app(scope, receive, sending)

    def _rate_of(self, caller: Caller) -> Rate | None:
        if caller.key is None:
            return self._anonymous_rate
        return parse(caller.key.rate) if caller.key.rate else self._rate

    def _turn_away(self, caller: Caller) -> None:
        left = self._quarantine.seconds_left(caller.name)
        if left:
            detail = (
                "Too many of the images that were sent are nearly alike, as in attacks; ask whoever runs the service."
            )
            raise ProblemError("query_attack", detail, {"Retry-After": str(ceil(left))})


def _words(rate: Rate) -> str:
    return f"{rate.amount:,} in {rate.get_expiry():,} seconds"


def _with_headers(send: Send, bill: Bill) -> Send:
    """Return ``send`` with the headers of draft-ietf-httpapi-ratelimit-headers."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            charge = bill.charge
            headers = MutableHeaders(scope=message)
            headers["RateLimit-Policy"] = f'"caller";q={charge.rate.amount};w={charge.rate.get_expiry()}'
            headers["RateLimit"] = f'"caller";r={charge.left};t={charge.seconds}'
        await send(message)

    return sending
