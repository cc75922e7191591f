"""How much an answer says: never more than the key allows, and the answer says how much."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from pathprint.app.admission.keys import DETAILS, Detail
from pathprint.app.api.options import Options
from pathprint.app.api.shown import Shown, shown, shown_in_full
from pathprint.app.problems.kinds import ProblemError


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
