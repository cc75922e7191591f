"""The gateway: what the settings say about a verdict is what happens to the network's answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from pathprint.app.api.gateway import action_after
from pathprint.app.main import create_app
from pathprint.app.settings import Action, Settings
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.detector import Decision
from tests.app.images import digit, encoded
from tests.app.server import problem

PNG = encoded(digit(), "PNG")
HEADERS = {"Content-Type": "image/png"}
ACTIONS = get_args(Action)
DECISIONS = get_args(Decision)


@pytest.mark.parametrize("decision", DECISIONS)
@pytest.mark.parametrize("action", ACTIONS)
def test_each_verdict_has_an_action_of_its_own(decision: Decision, action: Action) -> None:
    settings = Settings.model_validate({f"gateway_{decision}": action})
    assert action_after(decision, settings) == action
    others = {"benign": "pass", "uncertain": "flag", "adversarial": "reject"}
    for other in set(DECISIONS) - {decision}:
        assert action_after(other, settings) == others[other]


def with_threshold(bundle: Bundle, threshold: float) -> Bundle:
    """Return a bundle for which every image is far above or far below the threshold."""
    calibration = replace(bundle.detector.calibration, threshold=threshold, uncertain=(threshold, threshold))
    return replace(bundle, detector=replace(bundle.detector, calibration=calibration))


def classify(client: TestClient, **query: str) -> Any:
    return client.post("/v1/classify", content=PNG, headers=HEADERS, params=query)


@pytest.fixture(params=["benign", "adversarial"])
def judged(request: pytest.FixtureRequest, bundle: Bundle) -> tuple[str, Bundle]:
    return request.param, with_threshold(bundle, 1e6 if request.param == "benign" else -1e6)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("shadow", [False, True])
def test_the_answer_is_passed_flagged_or_withheld(judged: tuple[str, Bundle], action: Action, shadow: bool) -> None:
    decision, bundle = judged
    settings = Settings.model_validate({f"gateway_{decision}": action, "gateway_shadow": shadow})
    with TestClient(create_app(bundle, settings)) as client, capture_logs() as logs:
        response = classify(client)
        answer = client.post("/v1/detect", content=PNG, headers=HEADERS).json()
    (entry,) = [entry for entry in logs if entry["event"] == "gateway"]
    assert (entry["action"], entry["verdict"], entry["shadow"]) == (action, decision, shadow)
    if action == "reject" and not shadow:
        assert problem(response) == (403, "image_rejected")
        assert answer["prediction"]["label"] not in response.json()["detail"].split()
    else:
        assert response.status_code == 200
        assert response.json()["action"] == ("pass" if shadow else action)
        assert response.json()["prediction"] == answer["prediction"]


def test_neither_verdict_nor_score_is_told(bundle: Bundle) -> None:
    settings = Settings(gateway_adversarial="pass", gateway_uncertain="pass")
    with TestClient(create_app(bundle, settings)) as client:
        full, short = classify(client).json(), classify(client, detail="verdict").json()
    assert set(full) == set(short) == {"request_id", "model", "action", "prediction"}
    assert set(short["prediction"]) == {"class_id", "label"}


def test_each_decision_is_told_to_those_who_listen(bundle: Bundle) -> None:
    app = create_app(with_threshold(bundle, -1e6), Settings())
    with TestClient(app) as client:
        told = []
        app.state.service.decisions.listen(lambda decision, pixels: told.append((decision.verdict, pixels is not None)))
        assert classify(client).status_code == 403
    assert told == [("adversarial", True)]
