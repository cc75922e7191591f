"""What answers leave out: a rounded number never contradicts the verdict."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathprint.app.admission.hardening import least_detail, rounded
from pathprint.app.admission.keys import DETAILS, Detail

numbers = st.floats(-1e6, 1e6, allow_nan=False)


@given(value=numbers, bound=numbers, digits=st.integers(0, 6))
def test_a_rounded_number_stays_on_its_side_of_the_bound(value: float, bound: float, digits: int) -> None:
    found = rounded(value, digits, bound)
    assert (found > bound) == (value > bound)
    assert abs(found - value) <= 10.0**-digits * (1 + 1e-9)


@given(bound=numbers, digits=st.integers(0, 6), steps=st.integers(-3, 3))
def test_that_holds_beside_the_bound_too(bound: float, digits: int, steps: int) -> None:
    value = bound + steps * 1e-9
    assert (rounded(value, digits, bound) > bound) == (value > bound)


@given(value=numbers, digits=st.integers(0, 6))
def test_a_rounded_number_has_so_many_decimals(value: float, digits: int) -> None:
    assert float(f"{rounded(value, digits, value):.{digits}f}") == rounded(value, digits, value)


@pytest.mark.parametrize(
    ("value", "bound", "found"),
    [(1.04, 1.03, 1.1), (1.02, 1.03, 1.0), (1.03, 1.03, 1.0), (1.4, 1.03, 1.4), (0.96, 0.97, 0.9), (-0.04, -0.05, 0.0)],
)
def test_it_is_rounded_to_nearest_unless_that_contradicts(value: float, bound: float, found: float) -> None:
    assert rounded(value, 1, bound) == found


def test_without_digits_nothing_is_rounded() -> None:
    assert rounded(0.123456789, None, 0.1) == 0.123456789


@pytest.mark.parametrize(("asked", "allowed", "found"), [(a, b, min(a, b)) for a in range(3) for b in range(3)])
def test_an_answer_says_no_more_than_was_asked_and_is_allowed(asked: int, allowed: int, found: int) -> None:
    details: tuple[Detail, ...] = DETAILS
    assert least_detail(details[asked], details[allowed]) == details[found]
