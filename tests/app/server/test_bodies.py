"""Half-sent bodies: they share a budget, and those that do not get on make room."""

from __future__ import annotations

import time
from contextlib import ExitStack

from pathprint.app.server.bodies import BodyBudget
from pathprint.app.settings import Settings
from tests.app.server import serving
from tests.app.server.raw import CLOSE, answers, connection, exchange, post, rest
from tests.app.server.small import small_app

BUDGET = 2_000_000
SETTINGS = Settings(pause_seconds=0, max_bodies_bytes=BUDGET)
HALF, WHOLE = 450_000, 900_000


def budget_of(app: object) -> BodyBudget:
    layer = app
    while not isinstance(layer, BodyBudget):
        layer = layer.middleware_stack if hasattr(layer, "middleware_stack") else layer.app  # type: ignore[attr-defined]
    return layer


def test_half_sent_bodies_do_not_pile_up_and_give_way_to_whole_ones() -> None:
    app = small_app(SETTINGS)
    with serving(app, settings=SETTINGS) as address, ExitStack() as stack:
        stalled = [stack.enter_context(connection(address)) for _ in range(20)]
        for one in stalled:
            one.sendall(post(WHOLE) + bytes(HALF))
        time.sleep(1.5)  # from now on they count as stalled
        budget = budget_of(app)
        assert budget.held <= BUDGET
        (answer,) = exchange(address, post(WHOLE).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), bytes(WHOLE))
        assert (answer.status, answer.body) == (200, b'{"bytes":900000}')
        assert budget.held <= BUDGET
        refused = [one for one in stalled if said(one)]
        assert len(refused) >= 20 - BUDGET // HALF
        for one in refused:
            assert answers(rest(one))[0].problem == (503, "overloaded")
    assert budget.held == 0


def said(connected: object) -> bool:
    connected.settimeout(0.2)  # type: ignore[attr-defined]
    try:
        return bool(connected.recv(1, 2))  # type: ignore[attr-defined]  # 2: look without taking
    except TimeoutError:
        return False


def test_a_body_alone_may_be_larger_than_the_budget() -> None:
    with serving(small_app(SETTINGS), settings=SETTINGS) as address:
        request = post(BUDGET + 1).replace(b"\r\n\r\n", f"\r\n{CLOSE}\r\n\r\n".encode())
        (answer,) = exchange(address, request, bytes(BUDGET + 1))
    assert answer.status == 200
