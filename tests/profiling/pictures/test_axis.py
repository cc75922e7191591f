"""Axes of pictures: round numbers, inside the range, neither too few nor too many."""

import pytest

from pathprint.profiling.pictures.axis import Axis, round_numbers


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0, 0.17, [0, 0.05, 0.1, 0.15]),
        (-9.9, 1, [-8, -6, -4, -2, 0]),
        (0, 16 / 255, [0, 0.02, 0.04, 0.06]),
        (999, 1001, [999, 999.5, 1000, 1000.5, 1001]),
    ],
)
def test_ticks_are_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert round_numbers(low, high) == pytest.approx(expected)


def test_equal_values_have_an_axis() -> None:
    assert Axis.around("x", [2.0, 2.0]).share(2.0) == 0


def test_nothing_is_drawn_outside() -> None:
    axis = Axis("x", 0, 1, ())
    assert (axis.share(-5), axis.share(7)) == (0, 1)
