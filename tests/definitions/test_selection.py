"""Tests of Select and of its bounds, on bare contributions."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from .bounding import bounds
from .selection import Evidence, Policy, Tolerance, choose

SUM = Policy(theta=0.5, reference="sum", unexplained="none")


def evidence(rows: object, bias: float = 0.0) -> Evidence:
    """Return the evidence of units whose output is the sum of their contributions and the bias."""
    contributions = np.atleast_2d(np.asarray(rows, dtype=np.float64))
    shift = np.full(len(contributions), bias)
    return Evidence(contributions, shift, contributions.sum(axis=1) + shift)


def random_evidence(seed: int, largest: int = 9) -> Evidence:
    """Return small integer contributions, with ties, zeros and unexplained units among them."""
    random = np.random.default_rng(seed)
    return evidence(random.integers(-largest, largest + 1, size=(400, 7)), bias=float(seed))


def smallest_set(values: list[float], target: float) -> set[int]:
    """Search all sets: fewest elements, then the largest sum, then the lowest positions."""
    eligible = [i for i, value in enumerate(values) if value > 0]
    for size in range(1, len(eligible)):
        best = max(combinations(eligible, size), key=lambda chosen: sum(values[i] for i in chosen))
        if sum(values[i] for i in best) >= target:
            return set(best)
    return set(eligible)


@pytest.mark.parametrize("theta", [0.1, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("reference", ["sum", "output", "positive"])
def test_choice_is_the_best_of_all_sets(theta: float, reference: str) -> None:
    found = random_evidence(seed=3)
    choice = choose(found, Policy(theta, reference, "none"))  # type: ignore[arg-type] # from a table
    for row, output, chosen in zip(found.contributions, found.output, choice.chosen, strict=True):
        signed = list(row * (-1 if output < 0 else 1))
        bias = 3.0 * (-1 if output < 0 else 1)
        positive = sum(value for value in signed if value > 0)
        total = {"sum": sum(signed), "output": sum(signed) + bias, "positive": positive}[reference]
        expected = smallest_set(signed, theta * total) if total > 0 else set()
        assert set(np.flatnonzero(chosen)) == expected


def test_choice_for_a_larger_theta_contains_that_for_a_smaller_one() -> None:
    found = random_evidence(seed=0)
    thetas = (0.1, 0.3, 0.5, 0.9, 1.0)
    chosen = [choose(found, Policy(theta, "sum", "none")).chosen for theta in thetas]
    assert all((few <= many).all() for few, many in pairwise(chosen))


def test_coherence_is_net_over_gross_contribution() -> None:
    assert choose(evidence([3, -1, 0]), SUM).coherence == pytest.approx(0.5)
    assert choose(evidence([-3, 1, 0]), SUM).coherence == pytest.approx(0.5)
    assert choose(evidence([0, 0, 0]), SUM).coherence == 0


@pytest.mark.parametrize(
    ("row", "bias", "expected"),
    [
        ([6, 3, 1], 0.0, False),
        ([5.00001, 3, 2], 0.0, True),  # the first reaches half of the sum only just
        ([4.99999, 3, 2], 0.0, True),  # the first only just fails to
        ([5.001, 3, 2], 1e3, True),  # near in comparison with the bias
        ([5.001, 3, 2], 0.0, False),
        ([3, 3, 1], 0.0, False),  # a tie, but both are taken
        ([4, 4, 1], -3.0, False),
        ([2, 1, 1, 1, 1], 0.0, True),  # three reach the half, and one of them is one of four alike
        ([1e7, -1e7, 1], 0.0, True),  # a sum that is nothing but rounding
        ([0, 0, 0], 1.0, False),  # nothing to choose from
        ([-1, 0, 0], 2.0, False),
    ],
)
def test_borderline_units_are_those_of_the_contract(
    row: list[float],
    bias: float,
    expected: bool,
) -> None:
    assert choose(evidence(row, bias), SUM).borderline.tolist() == [expected]


@pytest.mark.parametrize("unexplained", ["none", "argmax"])
@pytest.mark.parametrize("reference", ["sum", "output", "positive"])
def test_without_tolerance_both_bounds_are_the_choice(reference: str, unexplained: str) -> None:
    for seed in range(5):
        found = random_evidence(seed)
        policy = Policy(0.5, reference, unexplained)  # type: ignore[arg-type] # from a table
        choice, bound = choose(found, policy), bounds(found, policy, Tolerance().scaled(0))
        np.testing.assert_array_equal(bound.certain, choice.chosen)
        np.testing.assert_array_equal(bound.possible, choice.chosen)
        np.testing.assert_array_equal(bound.surely_unexplained, choice.unexplained)
        np.testing.assert_array_equal(bound.maybe_unexplained, choice.unexplained)


@pytest.mark.parametrize("unexplained", ["none", "argmax"])
@pytest.mark.parametrize("reference", ["sum", "output", "positive"])
def test_bounds_hold_for_every_slightly_moved_choice(reference: str, unexplained: str) -> None:
    drift = 1e-6
    random = np.random.default_rng(1)
    policy = Policy(0.5, reference, unexplained)  # type: ignore[arg-type] # from a table
    for seed in range(10):
        found = random_evidence(seed, largest=3)  # full of ties, exact cuts and totals of 0
        bound = bounds(found, policy, Tolerance(drift=drift))
        largest = np.abs(found.contributions).max(axis=1, keepdims=True)
        noise = random.uniform(-drift / 2, drift / 2, found.contributions.shape) * largest
        choice = choose(evidence(found.contributions + noise, bias=float(seed)), policy)
        assert (bound.certain <= choice.chosen).all()
        assert (choice.chosen <= bound.possible).all()
        assert (bound.surely_unexplained <= choice.unexplained).all()
        assert (choice.unexplained <= bound.maybe_unexplained).all()


def test_bounds_leave_nothing_open_far_from_the_border() -> None:
    random = np.random.default_rng(2)
    found = evidence(random.normal(size=(2000, 9)))
    bound = bounds(found, SUM, Tolerance(drift=1e-6))
    assert bound.undecided().mean() < 0.01


def test_unknown_options_are_refused() -> None:
    with pytest.raises(ValueError, match="reference is 'total'"):
        Policy(0.5, "total", "none")  # type: ignore[arg-type] # the point of the test
    with pytest.raises(ValueError, match="unexplained is 'all'"):
        Policy(0.5, "sum", "all")  # type: ignore[arg-type] # the point of the test
