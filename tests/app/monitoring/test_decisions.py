"""Whoever listens hears of each decision once, and cannot spoil an answer."""

from __future__ import annotations

import hashlib

import httpx
from torch import Tensor

from pathprint.app.main import create_app
from pathprint.app.monitoring.decisions import Decision, Decisions
from pathprint.profiling.detection.bundle import Bundle
from tests.app.images import digit, encoded
from tests.app.monitoring.decided import decision
from tests.app.server import post, serving


def test_each_answer_is_one_decision_with_what_the_client_was_told(bundle: Bundle) -> None:
    heard: list[tuple[Decision, Tensor | None]] = []
    app = create_app(bundle)
    data = encoded(digit(), "PNG")
    with serving(app) as address, httpx.Client(base_url=address, timeout=60) as client:
        app.state.service.decisions.listen(lambda decision, pixels: heard.append((decision, pixels)))
        answer = post(client, data).json()
        assert post(client, b"no image").status_code == 422
    ((decided, pixels),) = heard
    assert (decided.request_id, decided.sha256) == (answer["request_id"], hashlib.sha256(data).hexdigest())
    assert (decided.verdict, decided.score) == (answer["detection"]["verdict"], answer["detection"]["score"])
    assert (decided.stage, decided.inferences) == (answer["detection"]["stage"], answer["detection"]["inferences"])
    assert decided.bundle_sha256 == answer["model"]["bundle_sha256"] == bundle.sha256
    assert decided.key_id is None
    assert decided.reasons
    assert pixels is not None
    assert pixels.shape == (1, *bundle.detector.network.preprocessing.input_shape)


def test_a_listener_that_fails_keeps_nobody_from_hearing() -> None:
    heard: list[Decision] = []

    def fails(decision: Decision, pixels: Tensor | None) -> None:
        raise OSError("disk full")

    decisions = Decisions()
    decisions.listen(fails)
    decisions.listen(lambda decision, pixels: heard.append(decision))
    decisions.record(decision())
    assert heard == [decision()]
