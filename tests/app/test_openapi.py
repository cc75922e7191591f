"""The OpenAPI document: it names every route, media type and problem."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pathprint.app.api.examples import ANSWER
from pathprint.app.api.schemas import Answer
from pathprint.app.problems.kinds import KINDS

SERVER = {
    "duplicate_header",
    "head_timeout",
    "head_too_large",
    "overloaded",
    "request_line_too_long",
    "stopping",
    "too_many_connections",
    "unsupported_http_version",
    "unsupported_transfer_encoding",
}
"""Codes of the HTTP server, which any request may get."""
UNDOCUMENTED = {"bad_request", "not_found", "method_not_allowed", "client_disconnected", "not_alive"} | SERVER
"""Codes that belong to no route, or to nobody who could read them."""
ELSEWHERE = {
    "insufficient_scope",
    "model_required",
    "model_not_found",
    "version_not_found",
    "reload_failed",
    "reload_in_progress",
}
"""Codes of other routes."""


@pytest.fixture
def document(client: httpx.Client) -> dict[str, Any]:
    response = client.get("/openapi.json")
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


def test_it_lists_the_routes_with_summaries_and_descriptions(document: dict[str, Any]) -> None:
    operations = {path: next(iter(item.values())) for path, item in document["paths"].items()}
    assert {(path, *item) for path, item in document["paths"].items()} == {
        ("/v1/detect", "post"),
        ("/livez", "get"),
        ("/readyz", "get"),
        ("/v1/models/{model}/health", "get"),
    }
    assert all(operation["summary"] and operation["description"] for operation in operations.values())


def test_it_lists_the_accepted_media_types(document: dict[str, Any]) -> None:
    body = document["paths"]["/v1/detect"]["post"]["requestBody"]
    assert set(body["content"]) == {
        "image/png",
        "image/jpeg",
        "image/bmp",
        "image/webp",
        "application/octet-stream",
        "multipart/form-data",
    }


def test_it_lists_every_problem_under_its_status(document: dict[str, Any]) -> None:
    responses = dict(document["paths"]["/v1/detect"]["post"]["responses"])
    assert set(responses.pop("200")["content"]) == {"application/json"}
    assert all(set(response["content"]) == {"application/problem+json"} for response in responses.values())
    found = {
        (int(status), code)
        for status, response in responses.items()
        for code in response["content"]["application/problem+json"]["examples"]
    }
    assert found == {(kind.status, code) for code, kind in KINDS.items() if code not in UNDOCUMENTED | ELSEWHERE}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(value: Any) -> set[str]:
        match value:
            case {"$ref": str(target)}:
                return {target}
            case dict():
                return set().union(*map(references, value.values()))
            case list():
                return set().union(*map(references, value))
        return set()

    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) <= known
    assert "#/components/schemas/Problem" in references(document)


def test_the_example_is_a_possible_answer() -> None:
    answer = Answer.model_validate(ANSWER)
    assert answer.evidence is not None
    excess = sum(layer.contribution for layer in answer.evidence.layers)
    assert excess == pytest.approx(answer.detection.score - answer.detection.usual_score, abs=1e-4)
    assert answer.model_dump(exclude_none=True, mode="json") == ANSWER
