"""Options: in the address or in the body, never in both, and never misspelt in silence."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import httpx
import numpy as np
import pytest

from pathprint.profiling.detection.bundle import Bundle
from tests.app.images import digit, encoded
from tests.app.server import post, problem

PNG = encoded(digit(), "PNG")
B64 = base64.b64encode(PNG).decode()


def in_json(client: httpx.Client, body: Any, path: str = "/v1/detect") -> httpx.Response:
    return client.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})


def settled(response: httpx.Response) -> Any:
    return {name: value for name, value in response.json().items() if name not in ("timing_ms", "request_id")}


@pytest.mark.parametrize("options", [{}, {"detail": "score"}, {"top_k": 1}, {"include_timing": False}])
def test_options_mean_the_same_everywhere(client: httpx.Client, options: dict[str, Any]) -> None:
    query = {name: json.dumps(value).strip('"') for name, value in options.items()}
    address = post(client, PNG, **query)
    assert address.status_code == 200
    body = in_json(client, {"image": {"b64": B64}, "options": options})
    text = ("options", (None, json.dumps(options).encode()))
    file = ("options", ("options.json", json.dumps(options).encode(), "application/json"))
    forms = [client.post("/v1/detect", files=[("file", ("a", PNG)), part]) for part in (text, file)]
    for response in (body, *forms):
        assert settled(response) == settled(address)
        assert ("timing_ms" in response.json()) == options.get("include_timing", True)


@pytest.mark.parametrize(
    "query",
    [
        {"detial": "verdict"},
        {"detail": ["verdict", "evidence"]},
        {"detail": ["verdict", "verdict"]},
        {"top_k": "0"},
        {"top_k": "1.5"},
        {"top_k": "many"},
        {"include_timing": "maybe"},
        {"model": ""},
        {"version": "x" * 129},
    ],
)
def test_a_wrong_option_in_the_address_is_refused(client: httpx.Client, query: dict[str, Any]) -> None:
    response = client.post("/v1/detect", content=PNG, params=query, headers={"Content-Type": "image/png"})
    assert problem(response) == (422, "bad_parameter")
    assert {error["parameter"] for error in response.json()["errors"]} == set(query)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "image"),
        ({"image": {}}, "image.b64"),
        ({"image": {"b64": 1}}, "image.b64"),
        ({"image": {"b64": B64, "name": "a.png"}}, "image.name"),
        ({"image": B64}, "image"),
        ({"image": {"b64": B64}, "detail": "score"}, "detail"),
        ({"image": {"b64": B64}, "options": {"top_k": "1"}}, "options.top_k"),
        ({"image": {"b64": B64}, "options": {"top_k": True}}, "options.top_k"),
        ({"image": {"b64": B64}, "options": {"include_timing": "yes"}}, "options.include_timing"),
        ({"image": {"b64": B64}, "options": {"detial": "score"}}, "options.detial"),
        ([], "the whole"),
    ],
)
def test_a_wrong_member_is_refused_by_its_place(client: httpx.Client, body: Any, place: str) -> None:
    response = in_json(client, body)
    assert problem(response) == (422, "bad_member")
    assert [error["parameter"] for error in response.json()["errors"]] == [place]


def test_an_option_in_two_places_is_refused(client: httpx.Client) -> None:
    body = {"image": {"b64": B64}, "options": {"detail": "score"}}
    assert problem(in_json(client, body, "/v1/detect?detail=score")) == (422, "bad_parameter")
    assert in_json(client, body, "/v1/detect?top_k=1").status_code == 200


@pytest.mark.parametrize("text", [B64[:-1], B64 + "\n", "data:image/png;base64," + B64, "%%%", "é", B64 + "=", "_-"])
def test_what_is_not_base64_is_refused(client: httpx.Client, text: str) -> None:
    assert problem(in_json(client, {"image": {"b64": text}})) == (422, "invalid_base64")


def test_empty_base64_is_an_empty_image(client: httpx.Client) -> None:
    assert problem(in_json(client, {"image": {"b64": ""}})) == (422, "empty_input")


@pytest.mark.parametrize("options", [b"", b"{", b"[]", b'{"top_k": 1, "top_k": 2}', b"\xff", b'{"more": 1}'])
def test_wrong_options_in_a_form_are_refused(client: httpx.Client, options: bytes) -> None:
    response = client.post("/v1/detect", files=[("file", ("a", PNG)), ("options", ("o", options))])
    assert response.status_code in (400, 422)
    assert problem(response)[1] in ("malformed_json", "bad_member")


def test_a_model_is_named_by_name_and_version(client: httpx.Client, bundle: Bundle) -> None:
    name, version = bundle.detector.network.name, bundle.sha256[:12]
    for asked in ({"model": name}, {"version": version}, {"model": name, "version": version}):
        assert post(client, PNG, **asked).json()["model"]["version"] == version
    assert problem(post(client, PNG, model="other")) == (404, "model_not_found")
    assert problem(post(client, PNG, model=name, version="1")) == (404, "version_not_found")


def test_numbers_are_judged_as_the_image_of_them_is(client: httpx.Client) -> None:
    pixels = np.array(digit(), np.uint8)
    answers = []
    for array in (pixels[:, :, None], (pixels.astype(np.float32) / 255)[None]):
        buffer = io.BytesIO()
        np.save(buffer, array)
        for media_type in ("application/x-npy", "application/octet-stream"):
            response = post(client, buffer.getvalue(), media_type)
            assert response.json()["input"]["media_type"] == "application/x-npy"
            answers.append(response.json())
    image = post(client, PNG).json()
    assert all(answer["detection"] == image["detection"] for answer in answers)
    assert all(answer["input"]["transforms"] == [] for answer in answers)


def test_numbers_declared_as_an_image_and_an_image_declared_as_numbers_are_refused(client: httpx.Client) -> None:
    assert problem(post(client, PNG, "application/x-npy")) == (422, "invalid_npy")
