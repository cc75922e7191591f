"""The OpenAPI document: it names every route, media type and problem."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pathprint.app.api.describing_models import ModelClasses, ModelDescription, ModelList
from pathprint.app.api.examples import recorded
from pathprint.app.api.open_inference.schemas import InferAnswer, ServerMetadata
from pathprint.app.api.picture_schemas import PictureAnswer
from pathprint.app.api.schemas import Answer, Answers, Classified, Explanation
from pathprint.app.problems.document import Problem
from pathprint.app.problems.kinds import KINDS, Stage
from pathprint.app.schema import Schema

EVERY = {
    Stage.ANYWHERE,
    Stage.READINESS,
    Stage.ADMISSION,
    Stage.OPTIONS,
    Stage.MODEL,
    Stage.BODY,
    Stage.JSON,
    Stage.FORM,
}
STAGES = {
    "/v1/detect": EVERY | {Stage.BASE64, Stage.IMAGE, Stage.NUMBERS},
    "/v1/detect/batch": EVERY | {Stage.BATCH},
    "/v1/classify": EVERY | {Stage.BASE64, Stage.IMAGE, Stage.NUMBERS, Stage.GATEWAY},
    "/livez": {Stage.ANYWHERE, Stage.LIVENESS},
    "/readyz": {Stage.ANYWHERE, Stage.READINESS},
}


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
        ("/v1/detect/batch", "post"),
        ("/v1/explain", "post"),
        ("/v1/picture", "post"),
        ("/v1/classify", "post"),
        ("/v1/models", "get"),
        ("/v1/models/{model}", "get"),
        ("/v1/models/{model}/classes", "get"),
        ("/v1/models/{model}/figures", "get"),
        ("/v1/models/{model}/similarity", "get"),
        ("/v1/models/{model}/report", "get"),
        ("/v1/models/{model}/examples/{number}/{kind}", "get"),
        ("/v1/monitor", "get"),
        ("/v2", "get"),
        ("/v2/health/live", "get"),
        ("/v2/health/ready", "get"),
        ("/v2/models/{model}", "get"),
        ("/v2/models/{model}/infer", "post"),
        ("/v2/models/{model}/ready", "get"),
        ("/v2/models/{model}/versions/{version}", "get"),
        ("/v2/models/{model}/versions/{version}/infer", "post"),
        ("/v2/models/{model}/versions/{version}/ready", "get"),
        ("/livez", "get"),
        ("/readyz", "get"),
        ("/v1/models/{model}/health", "get"),
    }
    assert all(operation["summary"] and operation["description"] for operation in operations.values())


def test_it_lists_the_accepted_media_types(document: dict[str, Any]) -> None:
    body = document["paths"]["/v1/detect"]["post"]["requestBody"]
    assert set(body["content"]) == {
        "application/json",
        "application/x-npy",
        "image/png",
        "image/jpeg",
        "image/bmp",
        "image/webp",
        "application/octet-stream",
        "multipart/form-data",
    }


@pytest.mark.parametrize("path", STAGES)
def test_it_lists_every_problem_under_its_status(document: dict[str, Any], path: str) -> None:
    (operation,) = document["paths"][path].values()
    responses = dict(operation["responses"])
    assert set(responses.pop("200")["content"]) == {"application/json"}
    assert all(set(response["content"]) == {"application/problem+json"} for response in responses.values())
    found = {
        (int(status), code)
        for status, response in responses.items()
        for code in response["content"]["application/problem+json"]["examples"]
    }
    assert found == {(kind.status, code) for code, kind in KINDS.items() if kind.stage in STAGES[path]}


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


RECORDED: dict[str, type[Schema]] = {
    "detect": Answer,
    "detect_batch": Answers,
    "explain": Explanation,
    "picture": PictureAnswer,
    "classify": Classified,
    "models": ModelList,
    "model": ModelDescription,
    "classes": ModelClasses,
    "v2": ServerMetadata,
    "v2_infer": InferAnswer,
}


@pytest.mark.parametrize("name", RECORDED)
def test_an_example_is_a_possible_answer(name: str) -> None:
    answer = RECORDED[name].model_validate(recorded(name))
    assert answer.model_dump(exclude_none=True, mode="json") == recorded(name)


@pytest.mark.parametrize("name", ["detect", "explain"])
def test_the_evidence_of_an_example_adds_up(name: str) -> None:
    found = recorded(name)
    excess = sum(layer["contribution"] for layer in found["evidence"]["layers"])
    assert excess == pytest.approx(found["detection"]["score"] - found["detection"]["usual_score"])


def test_examples_of_problems_are_possible_problems() -> None:
    problems = recorded("problems")
    assert {"wrong_shape", "bad_member", "truncated_image", "image_rejected"} <= set(problems)
    for code, found in problems.items():
        parts = {name: value for name, value in found.items() if name != "error"}
        assert Problem.model_validate(parts).model_dump(exclude_none=True) == found
        assert (found["code"], found["status"], found["title"]) == (code, KINDS[code].status, KINDS[code].title)
