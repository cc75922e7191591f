"""Explanations: the whole evidence, in words, and only few at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest
from fastapi import FastAPI, Request

from pathprint.app.admission.context import RequestContext
from pathprint.app.api.explaining import place_to_explain
from pathprint.app.problems.reporting import install
from pathprint.app.settings import Settings
from tests.app.images import digit, encoded
from tests.app.server import problem
from tests.app.server.raw import connection

PNG = encoded(digit(), "PNG")
HEADERS = {"Content-Type": "image/png"}


def test_an_explanation_is_an_answer_with_reasons(client: httpx.Client) -> None:
    answer = client.post("/v1/detect", content=PNG, headers=HEADERS).json()
    found = client.post("/v1/explain", content=PNG, headers=HEADERS).json()
    assert set(found) - set(answer) == {"reasons"}
    assert all(found[name] == answer[name] for name in set(answer) - {"request_id", "timing_ms"})
    layers = found["evidence"]["layers"]
    assert found["reasons"] == [layer["text"] for layer in layers[:3]]
    assert all(text.endswith(".") for text in found["reasons"])


def test_an_explanation_without_evidence_is_a_contradiction(client: httpx.Client) -> None:
    response = client.post("/v1/explain?detail=score", content=PNG, headers=HEADERS)
    assert problem(response) == (422, "bad_parameter")


def test_bodies_that_never_arrive_whole_keep_no_place_from_others(client: httpx.Client, address: str) -> None:
    head = f"POST /v1/explain HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: {len(PNG)}\r\n\r\n"
    with ExitStack() as held:
        for _ in range(Settings().explain_concurrency):
            held.enter_context(connection(address)).sendall(head.encode() + PNG[:10])
        assert client.get("/livez").status_code == 200  # connections are taken in order
        assert client.post("/v1/explain", content=PNG, headers=HEADERS).status_code == 200


@contextmanager
def waiting(places: int) -> Iterator[tuple[FastAPI, asyncio.Event]]:
    """Yield an application that explains until it is told to stop."""
    app, stop = FastAPI(), asyncio.Event()
    app.add_middleware(RequestContext)
    install(app)

    @app.post("/explain")
    async def explain(request: Request) -> str:
        with place_to_explain(request, places):
            await stop.wait()
        return "explained"

    yield app, stop


@pytest.mark.parametrize("places", [1, 3])
def test_more_explanations_than_places_are_refused_at_once(places: int) -> None:
    async def run() -> None:
        with waiting(places) as (app, stop):
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
                held = [asyncio.create_task(client.post("/explain")) for _ in range(places)]
                while getattr(app.state, "explaining", 0) < places:
                    await asyncio.sleep(0)
                refused = await client.post("/explain")
                assert problem(refused) == (503, "explain_busy")
                assert refused.headers["retry-after"] == "1"
                held[0].cancel()
                await asyncio.wait(held[:1])
                held[0] = asyncio.create_task(client.post("/explain"))
                await asyncio.sleep(0.01)
                stop.set()
                assert [response.status_code for response in await asyncio.gather(*held)] == [200] * places
            assert app.state.explaining == 0

    asyncio.run(run())
