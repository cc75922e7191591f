"""Requests are let in only where there is room; refusals come at once, and every slot becomes free again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from pathprint.app.admission.room import Room
from pathprint.app.admission.slots import Slots
from pathprint.app.settings import Settings
from tests.app.admission.asking import Asking

SETTINGS = Settings()
Route = Callable[[Request], Awaitable[None]]


def layer(room: Room, route: Route, settings: Settings = SETTINGS) -> Slots:
    """Return the layer around a route that reads the body, does something, and answers."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if scope["method"] == "POST":
            await request.body()
        await route(request)
        await JSONResponse({"deadline": scope["state"].get("deadline")})(scope, receive, send)

    return Slots(app, room, settings)


def roomy(most_inside: int = 100, most_working: int = 100) -> Room:
    return Room(most_inside, most_working)


def empty(room: Room) -> bool:
    return (room.inside, room.working) == (0, 0)


async def nothing(request: Request) -> None:
    pass


class Gate:
    """A route that waits until it is opened; it notes who came in, who was done, and who was given up."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.came = self.done = self.gone = 0

    async def __call__(self, request: Request) -> None:
        self.came += 1
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.gone += 1
            raise
        self.done += 1


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0)


def test_whoever_finds_no_room_is_refused_before_the_body_is_read() -> None:
    async def scenario() -> None:
        room, gate = roomy(most_working=2), Gate()
        slots = layer(room, gate)
        inside = [asyncio.create_task(Asking().body().of(slots)) for _ in range(2)]
        await until(lambda: gate.came == 2)
        refused = await Asking().body().of(slots)
        assert (refused.status, refused.problem["code"], refused.read) == (503, "overloaded", 0)
        assert int(refused.answer_headers["retry-after"]) >= 1
        gate.open.set()
        assert [asking.status for asking in await asyncio.gather(*inside)] == [200, 200]
        assert empty(room)
        assert (await Asking().body().of(slots)).status == 200

    asyncio.run(scenario())


def test_bodies_that_are_still_arriving_leave_room_for_others_up_to_a_number() -> None:
    async def scenario() -> None:
        room = roomy(most_inside=3, most_working=1)
        slots = layer(room, nothing)
        slow = [Asking().body(more=True) for _ in range(3)]
        asked = [asyncio.create_task(asking.of(slots)) for asking in slow[:2]]
        await until(lambda: room.inside == 2)
        assert (await Asking().body().of(slots)).status == 200
        asked.append(asyncio.create_task(slow[2].of(slots)))
        await until(lambda: room.inside == 3)
        assert (await Asking().body().of(slots)).problem["code"] == "overloaded"
        for asking in slow:
            asking.body()
        await asyncio.gather(*asked)
        assert [asking.status for asking in slow] == [200] * 3
        assert empty(room)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/livez"), ("GET", "/metrics"), ("HEAD", "/readyz"), ("POST", "/v1/admin/reload")]
)
def test_probes_metrics_and_administration_need_no_room(method: str, path: str) -> None:
    async def scenario() -> None:
        found = await Asking(path, method).body().of(layer(roomy(0, 0), nothing))
        assert found.status == 200

    asyncio.run(scenario())


def test_what_cannot_be_met_is_refused_at_once() -> None:
    async def scenario() -> None:
        room, gate = roomy(), Gate()
        slots = layer(room, gate)
        first = asyncio.create_task(Asking().body().of(slots))
        await until(lambda: gate.came == 1)
        await asyncio.sleep(0.05)  # the first answer takes so long
        gate.open.set()
        await first
        assert room.seconds_per_answer >= 0.05
        gate.open.clear()
        waiting = [asyncio.create_task(Asking().body().of(slots)) for _ in range(3)]
        await until(lambda: gate.came == 4)
        hasty = await Asking(headers={"X-Request-Timeout-Ms": "100"}).body().of(slots)
        assert (hasty.status, hasty.problem["code"]) == (503, "overloaded")
        patient = asyncio.create_task(Asking(headers={"X-Request-Timeout-Ms": "9000"}).body().of(slots))
        await until(lambda: gate.came == 5)
        gate.open.set()
        await asyncio.gather(*waiting, patient)
        assert patient.result().status == 200
        assert empty(room)

    asyncio.run(scenario())


def test_retry_after_is_how_long_the_requests_inside_will_take() -> None:
    room = roomy(most_working=1)
    room.inside = room.working = 7
    room._busy, room._answers = 10.0, 4.0
    assert room.refusal("Full.").headers == {"Retry-After": "20"}


@pytest.mark.parametrize("arrived", [True, False], ids=["working", "receiving"])
def test_a_deadline_that_passes_is_answered_and_stops_the_work(arrived: bool) -> None:
    async def scenario() -> None:
        room, gate = roomy(), Gate()
        asking = Asking(headers={"X-Request-Timeout-Ms": "30"}).body(more=not arrived)
        await asking.of(layer(room, gate))
        assert (asking.status, asking.problem["code"]) == (504, "deadline_exceeded")
        assert (gate.came, gate.gone) == ((1, 1) if arrived else (0, 0))
        assert empty(room)

    asyncio.run(scenario())


def test_the_time_of_those_who_say_nothing_begins_when_the_body_is_there() -> None:
    async def scenario() -> None:
        slow = Asking().body(more=True)
        asked = asyncio.create_task(slow.of(layer(roomy(), nothing, Settings(request_seconds=0.05))))
        await asyncio.sleep(0.2)
        slow.body()
        assert (await asked).status == 200

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("said", "seconds"), [(None, 2.0), ("1500", 1.5), (" 1500 ", 1.5), ("999999999999999", 5.0), ("5001", 5.0)]
)
def test_a_deadline_is_what_the_client_says_up_to_what_is_allowed(said: str | None, seconds: float) -> None:
    async def scenario() -> None:
        headers = {} if said is None else {"X-Request-Timeout-Ms": said}
        began = monotonic()
        found = (
            await Asking(headers=headers)
            .body()
            .of(layer(roomy(), nothing, Settings(request_seconds=2, max_request_seconds=5)))
        )
        assert 0 <= found.problem["deadline"] - began - seconds < 1

    asyncio.run(scenario())


@pytest.mark.parametrize("said", ["", "0", "-1", "1.5", "1e3", "abc", "٣", "1,2", "0x10"])
def test_a_deadline_that_is_no_number_is_refused(said: str) -> None:
    async def scenario() -> None:
        room = roomy()
        found = await Asking(headers={"X-Request-Timeout-Ms": said}).body().of(layer(room, nothing))
        assert (found.status, found.problem["code"]) == (422, "bad_parameter")
        assert empty(room)

    asyncio.run(scenario())


def test_the_work_of_clients_that_leave_is_stopped() -> None:
    async def scenario() -> None:
        room, gate = roomy(), Gate()
        slots = layer(room, gate)
        leaving, staying = Asking().body(), Asking().body()
        asked = [asyncio.create_task(asking.of(slots)) for asking in (leaving, staying)]
        await until(lambda: gate.came == 2)
        leaving.leave()
        await asked[0]
        assert (gate.gone, room.working) == (1, 1)
        assert leaving.status == 499  # for the log: the connection is gone
        gate.open.set()
        await asked[1]
        assert staying.status == 200
        assert empty(room)

    asyncio.run(scenario())


def test_whoever_cancels_from_outside_cancels() -> None:
    async def scenario() -> None:
        room, gate = roomy(), Gate()
        asked = asyncio.create_task(Asking().body().of(layer(room, gate)))
        await until(lambda: gate.came == 1)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert empty(room)

    asyncio.run(scenario())


def test_a_route_that_fails_leaves_its_slot() -> None:
    async def scenario() -> None:
        async def fails(request: Request) -> None:
            raise TimeoutError("of its own")

        room = roomy()
        with pytest.raises(TimeoutError, match="of its own"):
            await Asking().body().of(layer(room, fails))
        assert empty(room)

    asyncio.run(scenario())


@pytest.mark.parametrize(("length", "read"), [("1", 1), ("65536", 1), ("65537", 0), ("", 0), ("x", 0)])
def test_small_refused_bodies_are_received_for_the_connections_sake(length: str, read: int) -> None:
    async def scenario() -> None:
        asking = Asking(headers={"Content-Length": length} if length else {}).body()
        await asking.of(layer(roomy(0), nothing))
        assert (asking.status, asking.read) == (503, read)

    asyncio.run(scenario())


def test_stalled_bodies_give_way_to_others_the_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        room = roomy(most_inside=3)
        slots, passed = layer(room, nothing), [0.0]
        monkeypatch.setattr("pathprint.app.admission.slots.monotonic", lambda: monotonic() + passed[0])
        monkeypatch.setattr("pathprint.app.admission.room.monotonic", lambda: monotonic() + passed[0])
        asked = [Asking().body(more=True) for _ in range(3)]
        halves = []
        for asking in asked:
            halves.append(asyncio.create_task(asking.of(slots)))
            await until(lambda asking=asking: asking.read == 1)  # type: ignore[misc]
            passed[0] += 0.1
        assert (await Asking().body().of(slots)).status == 503  # none has stalled for long enough
        passed[0] += 10
        asked[0].body(b"x" * 100_000, more=True)  # gets on
        asked[1].body(b"x", more=True)  # does not
        await until(lambda: asked[0].read == asked[1].read == 2)
        assert (await Asking().body().of(slots)).status == 200
        stalled = await halves[1]
        assert (stalled.status, stalled.problem["code"]) == (503, "overloaded")
        assert stalled.answer_headers["connection"] == "close"
        assert room.inside == 2
        for asking in (asked[0], asked[2]):
            asking.body()
        assert [(await halves[number]).status for number in (0, 2)] == [200, 200]
        assert empty(room) and not room.arriving

    asyncio.run(run())
