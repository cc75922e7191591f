"""Several images in one request: each gets the answer that it would get alone, in order, and its own problem."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import httpx
import numpy as np
import pytest

from pathprint.app.main import create_app
from pathprint.app.problems.document import Problem
from pathprint.app.settings import Settings
from pathprint.profiling.detection.bundle import Bundle
from tests.app.images import digit, encoded
from tests.app.server import post, problem, serving

PNG = [encoded(digit(index), "PNG") for index in range(6)]
NPY = io.BytesIO()
np.save(NPY, np.array(digit(5), np.uint8)[:, :, None])
MIXED = [PNG[0], b"", PNG[1], PNG[2][:60], b"text", NPY.getvalue(), PNG[3]]
STATUSES = [200, 422, 200, 422, 422, 200, 200]


def in_json(files: list[bytes]) -> dict[str, Any]:
    return {"images": [{"b64": base64.b64encode(data).decode()} for data in files]}


def in_form(files: list[bytes]) -> list[tuple[str, tuple[str, bytes, str]]]:
    return [("file", ("a", data, "application/octet-stream")) for data in files]


def batch(client: httpx.Client, files: list[bytes], form: bool, **query: str) -> httpx.Response:
    body: dict[str, Any] = {"files": in_form(files)} if form else {"json": in_json(files)}
    return client.post("/v1/detect/batch", params=query, **body)


def settled(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in ("timing_ms", "request_id", "instance")}


@pytest.mark.parametrize("form", [True, False], ids=["form", "json"])
def test_each_image_gets_the_answer_that_it_would_get_alone(client: httpx.Client, form: bool) -> None:
    body = batch(client, MIXED, form).json()
    assert [(item["index"], item["status"]) for item in body["results"]] == list(enumerate(STATUSES))
    for item, data in zip(body["results"], MIXED, strict=True):
        alone = post(client, data, "application/octet-stream")
        together = item["result"] if item["status"] == 200 else item["problem"]
        assert set(item) == {"index", "status", "result" if item["status"] == 200 else "problem"}
        tolerance = together["detection"]["tolerance"] if item["status"] == 200 else 0
        assert equal(settled(together), settled(alone.json()), tolerance)


def equal(one: Any, other: Any, tolerance: float) -> bool:
    """Compare answers; numbers may differ by the tolerance that the answer itself states."""
    match one, other:
        case (dict(), dict()):
            return one.keys() == other.keys() and all(equal(one[name], other[name], tolerance) for name in one)
        case (list(), list()):
            return len(one) == len(other) and all(equal(a, b, tolerance) for a, b in zip(one, other, strict=True))
        case (float(), float()):
            return abs(one - other) <= tolerance
    return bool(one == other)


def test_the_summary_counts_the_results(client: httpx.Client) -> None:
    body = batch(client, MIXED, True).json()
    found = [item["result"]["detection"]["verdict"] for item in body["results"] if "result" in item]
    expected = {name: found.count(name) for name in ("benign", "adversarial", "uncertain")}
    assert body["summary"] == {"images": 7, "failed": 3, **expected}


def test_problems_of_images_are_problem_documents(client: httpx.Client) -> None:
    response = batch(client, MIXED, False)
    problems = [item["problem"] for item in response.json()["results"] if "problem" in item]
    for found in problems:
        alike = {name: value for name, value in found.items() if name != "error"}
        assert Problem.model_validate(alike).model_dump(exclude_none=True) == found
        assert found["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize("form", [True, False], ids=["form", "json"])
@pytest.mark.parametrize("images", [32, 33])
def test_at_most_32_images_are_taken(client: httpx.Client, form: bool, images: int) -> None:
    response = batch(client, [b""] * images, form)
    if images == 32:
        assert [item["status"] for item in response.json()["results"]] == [422] * 32
    else:
        assert problem(response) == (413, "too_many_images")


def test_no_image_is_refused(client: httpx.Client) -> None:
    assert problem(batch(client, [], False)) == (422, "bad_member")
    assert problem(client.post("/v1/detect/batch", files=[("other", ("a", PNG[0]))])) == (400, "malformed_multipart")


@pytest.mark.parametrize("media_type", ["image/png", "application/octet-stream", "text/plain", ""])
def test_a_batch_is_a_form_or_json(client: httpx.Client, media_type: str) -> None:
    response = client.post("/v1/detect/batch", content=PNG[0], headers={"Content-Type": media_type})
    assert problem(response) == (415, "unsupported_media_type")
    assert response.headers["accept-post"] == "multipart/form-data, application/json"


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ({"b64": "%"}, "invalid_base64"),
        ({"b64": "iVBO", "media_type": "image/gif"}, "unsupported_media_type"),
        ({"b64": base64.b64encode(PNG[0]).decode(), "media_type": "image/jpeg"}, "media_type_mismatch"),
    ],
)
def test_a_file_that_cannot_be_read_fails_alone(client: httpx.Client, file: dict[str, str], code: str) -> None:
    body = client.post("/v1/detect/batch", json={"images": [file, *in_json(PNG[:1])["images"]]}).json()
    assert body["results"][0]["problem"]["code"] == code
    assert body["results"][1]["status"] == 200


def test_options_stand_in_the_form_in_the_json_or_in_the_address(client: httpx.Client) -> None:
    options = {"detail": "verdict", "include_timing": False}
    form = client.post("/v1/detect/batch", files=[*in_form(PNG[:2]), ("options", (None, json.dumps(options)))])
    body = client.post("/v1/detect/batch", json={**in_json(PNG[:2]), "options": options})
    query = batch(client, PNG[:2], True, detail="verdict", include_timing="false")
    for response in (form, body, query):
        for item in response.json()["results"]:
            assert "score" not in item["result"]["detection"]
            assert "timing_ms" not in item["result"]


@pytest.mark.parametrize("way", ["form", "json", "v2"])
def test_an_image_of_several_may_be_no_larger_than_one_alone(bundle: Bundle, way: str) -> None:
    settings = Settings(pause_seconds=0, max_body_bytes=2000)
    large = encoded(digit(), "PNG") + bytes(2000)  # what follows an image is not looked at, but counts
    with (
        serving(create_app(bundle, settings), settings=settings) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        if way == "v2":
            name = client.get("/readyz").json()["model"]["name"]
            texts = [base64.b64encode(data).decode() for data in (PNG[0], large)]
            tensor = {
                "name": "image",
                "datatype": "BYTES",
                "shape": [2],
                "data": texts,
                "parameters": {"content_type": "base64"},
            }
            assert problem(client.post(f"/v2/models/{name}/infer", json={"inputs": [tensor]})) == (
                413,
                "body_too_large",
            )
            return
        results = batch(client, [PNG[0], large], form=way == "form").json()["results"]
    assert [(item["status"], item.get("problem", {}).get("code")) for item in results] == [
        (200, None),
        (413, "body_too_large"),
    ]
