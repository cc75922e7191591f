"""Pictures: an explanation with all that it takes to draw it, for those who may see evidence in full."""

from __future__ import annotations

import asyncio
import base64
import io
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from pathprint.app.main import create_app
from pathprint.app.runtime.batching import Judged, ModelThread
from pathprint.app.runtime.models import Loaded
from pathprint.app.settings import Settings
from pathprint.profiling.detection.bundle import Bundle
from tests.app.images import digit, encoded
from tests.app.server import problem

PNG = encoded(digit(), "PNG")
HEADERS = {"Content-Type": "image/png"}


def test_a_picture_is_an_explanation_with_what_it_takes_to_draw_it(client: httpx.Client) -> None:
    explanation = client.post("/v1/explain", content=PNG, headers=HEADERS).json()
    found = client.post("/v1/picture", content=PNG, headers=HEADERS).json()
    assert set(found) - set(explanation) == {"picture"}
    assert all(found[name] == explanation[name] for name in set(explanation) - {"request_id", "timing_ms"})
    picture = found["picture"]
    assert picture["reasons"][:3] == found["reasons"]
    assert picture["score"]["value"] == found["detection"]["score"]
    contributions = {layer["layer"]: layer["contribution"] for layer in found["evidence"]["layers"]}
    contributions.pop(picture.get("answer", {}).get("layer"), None)
    assert {layer["name"]: layer["contribution"] for layer in picture["layers"]} == contributions


def test_the_image_of_a_picture_is_what_the_network_saw(client: httpx.Client) -> None:
    maps = client.post("/v1/picture", content=PNG, headers=HEADERS).json()["picture"]["maps"]
    data = base64.b64decode(maps["image"]["png"].partition(",")[2])
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), np.asarray(digit()))


def test_numbers_are_pictured_too(client: httpx.Client) -> None:
    file = io.BytesIO()
    np.save(file, np.zeros((1, 8, 8), np.float32))
    response = client.post("/v1/picture", content=file.getvalue(), headers={"Content-Type": "application/x-npy"})
    assert response.status_code == 200
    assert response.json()["input"]["media_type"] == "application/x-npy"


@pytest.mark.parametrize("query", ["?detail=score", "?detail=verdict"])
def test_a_picture_of_less_than_the_evidence_is_a_contradiction(client: httpx.Client, query: str) -> None:
    assert problem(client.post(f"/v1/picture{query}", content=PNG, headers=HEADERS)) == (422, "bad_parameter")


@pytest.mark.parametrize("limit", [{"anonymous_digits": 2}, {"anonymous_detail": "score"}])
def test_whoever_may_not_see_evidence_in_full_gets_no_picture(bundle: Bundle, limit: dict[str, Any]) -> None:
    with TestClient(create_app(bundle, Settings(pause_seconds=0, **limit))) as client:
        response = client.post("/v1/picture", content=PNG, headers=HEADERS)
    assert (response.status_code, response.json()["code"]) == (403, "detail_not_allowed")


def test_an_image_that_is_pictured_is_examined_alone_and_in_its_turn(bundle: Bundle) -> None:
    """Verdicts that wait beside it are given together, and none is lost."""
    thread, loaded = ModelThread(most=4, delay=0.2), Loaded.of(bundle)
    pixels = bundle.golden

    async def asked() -> list[Judged]:
        futures = [thread.examine(pixels, loaded, None, pictured=at == 2) for at in range(5)]
        return list(await asyncio.gather(*map(asyncio.wrap_future, futures)))

    found = asyncio.run(asked())
    thread.close()
    assert [judged.explained is not None for judged in found] == [False, False, True, False, False]
    assert found[2].batch == 1
    assert all(judged.batch > 1 for at, judged in enumerate(found) if at != 2)
    assert len({judged.verdict.predicted for judged in found}) == 1
