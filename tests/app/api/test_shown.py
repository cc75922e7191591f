"""How much an answer says: never more than the key allows, and the answer says how much."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from pathprint.app.admission.keys import DETAILS, Detail
from pathprint.app.api.open_inference.outputs import tensors
from pathprint.app.api.options import Options
from pathprint.app.api.shown import Shown, shown, shown_in_full
from pathprint.app.client.answers import answer_of
from pathprint.app.main import create_app
from pathprint.app.problems.kinds import ProblemError
from pathprint.app.settings import Settings
from pathprint.profiling.detection.bundle import Bundle
from tests.app.images import digit, encoded
from tests.app.server import serving
from tests.app.test_detect import verdict_on

PNG = encoded(digit(), "PNG")


def request(detail: Detail | None = None, digits: int | None = None) -> Request:
    state = {} if detail is None else {"hardening": SimpleNamespace(detail=detail, digits=digits)}
    return Request({"type": "http", "state": state})


@pytest.mark.parametrize(("asked", "allowed"), list(product(DETAILS, DETAILS)))
def test_an_answer_has_the_lesser_of_what_is_asked_and_allowed(asked: Detail, allowed: Detail) -> None:
    found = shown(request(allowed), Options(detail=asked)).detail
    assert DETAILS.index(found) == min(DETAILS.index(asked), DETAILS.index(allowed))


def test_without_a_key_all_is_shown() -> None:
    assert shown(request(), Options()) == Shown("evidence", None, None, True)


@pytest.mark.parametrize("allowed", DETAILS)
def test_an_explanation_needs_the_whole_evidence(allowed: Detail) -> None:
    if allowed == "evidence":
        assert shown_in_full(request(allowed), Options()).evidence
        return
    with pytest.raises(ProblemError) as found:
        shown_in_full(request(allowed), Options())
    assert found.value.code == "detail_not_allowed"


def test_numbers_have_as_many_decimals_as_the_key_allows() -> None:
    assert shown(request("score", 2), Options()).round(0.123456) == 0.12
    assert shown(request("score"), Options()).round(0.123456) == 0.123456


@given(st.floats(-100, 100), st.floats(-1, 1), st.integers(0, 6))
def test_a_rounded_score_is_on_the_same_side_of_the_threshold(threshold: float, beyond: float, digits: int) -> None:
    score = threshold + beyond
    found = Shown(digits=digits).round(score, threshold)
    assert (found > threshold) == (score > threshold)
    assert abs(found - score) <= 1.5 * 10.0**-digits
    assert round(found, digits) == found


def test_a_rounded_p_value_of_the_open_inference_protocol_is_on_the_same_side_of_the_promise(bundle: Bundle) -> None:
    verdict = verdict_on(bundle, PNG)
    for p_value, target, digits in product((0.0499, 0.0501, 0.05, 0.3, 1.0), (0.05, 0.01, 0.3), range(7)):
        ((found,), _) = tensors([replace(verdict, p_value=p_value)], {"p_value": False}, Shown(digits=digits), target)
        assert found.data is not None
        assert (found.data[0] > target) == (p_value > target)


@pytest.mark.parametrize("decimals", [0, 2])
def test_no_sentence_tells_what_is_rounded_away(bundle: Bundle, decimals: int) -> None:
    with (
        serving(create_app(bundle, Settings(pause_seconds=0, anonymous_digits=decimals))) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        bodies = [
            client.post(path, content=PNG, headers={"Content-Type": "image/png"}).json()
            for path in ("/v1/detect", "/v1/explain")
        ]
    for body in bodies:
        assert body["evidence"]["layers"]
        assert not re.search(r"[0-9]\.[0-9]", " ".join(sentences_in(body)))
        found = answer_of(body)
        assert found.reasons == ()
        for layer in found.layers:
            assert (layer.text, layer.value) == ("", round(layer.value, decimals))


def sentences_in(value: Any) -> list[str]:
    """Return all texts with spaces in an answer."""
    if isinstance(value, str):
        return [value] if " " in value else []
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for one in inner for text in sentences_in(one)]
