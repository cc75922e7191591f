"""Which scope each address of the service needs, and what a request to it costs of a client's rate."""

from __future__ import annotations

import re
from typing import NamedTuple

from pathprint.app.admission.keys import Scope


class Demand(NamedTuple):
    """What a request demands.

    Attributes:
        scope: None if it needs no key.
        cost: what it takes from the client's rate before its body is read; 0 if it is free.
    """

    scope: Scope | None
    cost: int


OPEN = Demand(None, 0)
_DEMANDS = tuple(
    (re.compile(pattern), demand)
    for pattern, demand in (
        (r"/livez|/readyz|/v2/health/(live|ready)|/v2/models/[^/]+(/versions/[^/]+)?/ready", OPEN),
        (r"/|/console/[^/]+", OPEN),  # files that are alike in every installation
        (r"/docs(/.*)?|/openapi\.json", Demand(None, 1)),  # they say nothing of the models
        (r"/v1/(detect|classify)", Demand("detect", 1)),
        # Of these, further images are charged when their number is known.
        (r"/v1/(detect|classify)/batch", Demand("detect", 1)),
        (r"/v2/models/[^/]+(/versions/[^/]+)?/infer", Demand("detect", 1)),
        (r"/v1/(explain|picture)", Demand("explain", 4)),
        (r"/v2/repository/index", Demand("read", 1)),
        (r"/v1/monitor(/.*)?", Demand("monitor", 1)),
        (r"/v1/admin(/.*)?|/v2/repository(/.*)?", Demand("admin", 1)),
    )
)
_READ, _ADMIN = Demand("read", 1), Demand("admin", 1)


def demand_of(method: str, path: str) -> Demand:
    """Return what a request demands. What is listed nowhere needs ``read`` to look at and ``admin`` to change."""
    for pattern, demand in _DEMANDS:
        if pattern.fullmatch(path):
            return demand
    return _READ if method in ("GET", "HEAD", "OPTIONS") else _ADMIN
