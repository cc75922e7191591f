"""Numbers in sentences: what differs is told apart, and what is nearly so is not told as so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathprint.profiling.detection.told_numbers import apart, percent

numbers = st.floats(-1e6, 1e6)


@given(numbers, numbers)
def test_numbers_that_differ_are_told_apart_and_in_their_order(one: float, other: float) -> None:
    told = apart(one, other)
    assert (told[0] == told[1]) == (one == other)
    assert (float(told[0]) > float(told[1])) == (one > other)


def test_no_more_decimals_than_needed() -> None:
    assert apart(1.66, 0.8638) == ("1.66", "0.86")
    assert apart(0.8612, 0.8638) == ("0.861", "0.864")


@pytest.mark.parametrize(
    ("share", "told"),
    [(0, "0.0%"), (1e-9, "under 0.1%"), (0.0005, "0.1%"), (0.5, "50.0%"), (0.99996, "over 99.9%"), (1, "100.0%")],
)
def test_shares(share: float, told: str) -> None:
    assert percent(share) == told
