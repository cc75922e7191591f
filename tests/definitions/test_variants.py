"""Tests of the variants of a path, on layers small enough to follow by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from .bounding import bounds
from .effective_path import OraclePath, Trace, Variant, check, extract, trace
from .examples import line, linear, residual_network
from .selection import Evidence, Policy, Tolerance, Unexplained, choose
from .test_selection import random_evidence


@pytest.fixture(scope="module")
def recorded() -> Trace:
    torch.manual_seed(1)
    return trace(residual_network(), torch.randn(3, 16, 16))


def of_linear(row: list[float], phi: float, unexplained: Unexplained = "none") -> OraclePath:
    """Return the path of one linear unit whose inputs are all 1 and whose layer has a phi."""
    recorded = trace(nn.Sequential(nn.Flatten(), linear([row])), torch.ones(1, 1, len(row)))
    return extract(recorded, unexplained=unexplained, variant=Variant(phi={"1": phi}))


def test_absolute_selection_takes_what_reaches_phi() -> None:
    assert of_linear([2, 3, 1], phi=2).layers[0].weights.tolist() == [[True, True, False]]
    assert of_linear([-2, -3, 1], phi=1).layers[0].weights.tolist() == [[True, True, False]]


def test_unit_without_a_contribution_of_phi_is_unexplained() -> None:
    (layer,) = of_linear([2, 3, 1], phi=3.5).layers
    assert layer.unexplained == 1 and not layer.weights.any()
    (layer,) = of_linear([2, 3, 1], phi=3.5, unexplained="argmax").layers
    assert (layer.unexplained, layer.weights.tolist()) == (1, [[False, True, False]])


def test_negative_total_does_not_stop_an_absolute_selection() -> None:
    network = nn.Sequential(nn.Flatten(), linear([[-3, 1, 0]], [10]))
    path = extract(trace(network, line(1, 1, 1)), variant=Variant(phi={"1": 0.5}))
    assert path.layers[0].weights.tolist() == [[False, True, False]]


def test_synapses_are_numbered_by_unit_and_position() -> None:
    network = nn.Sequential(nn.Flatten(), linear([[0, 0], [1, 2]]))
    (layer,) = extract(trace(network, line(1, 1)), seed_class=1).layers
    assert layer.synapses.tolist() == [1 * 2 + 1]


def test_forward_path_has_the_outputs_over_the_threshold() -> None:
    network = nn.Sequential(nn.Flatten(), linear([[1, 0], [0, 2], [0, -4]]), nn.ReLU(), linear([[1, 1, 0]]))
    forward = Variant(firing={"1": 2.0, "3": 5.0})
    first, last = extract(trace(network, line(1, 1)), variant=forward).layers
    assert first.neurons.tolist() == [False, True, False]
    assert first.weights.tolist() == [[False, False], [False, True], [False, False]]
    assert not last.neurons.any() and not last.weights.any()


def test_last_layers_are_those_of_the_whole_path(recorded: Trace) -> None:
    whole = extract(recorded).layers
    for count in (1, 2, 3, 9):
        part = extract(recorded, variant=Variant(layers=count)).layers
        for mine, other in zip(part, whole[-count:], strict=True):
            assert mine.name == other.name
            np.testing.assert_array_equal(mine.neurons, other.neurons)
            np.testing.assert_array_equal(mine.weights, other.weights)


VARIANTS = {
    "early termination": Variant(layers=3),
    "own theta": Variant(theta={"twice": 0.9}),
    "absolute": Variant(phi={"stem.0": 0.05, "twice": 0.05, "twice@2": 0.1, "head": 0.1}),
    "hybrid": Variant(phi={"stem.0": 0.05, "twice": 0.05}),
    "forward": Variant(firing={"stem.0": 0.5, "twice": 0.2, "twice@2": 0.3, "head": 0.1}),
}


@pytest.mark.parametrize("tolerance", [0.0, 1.0])
@pytest.mark.parametrize("name", VARIANTS)
def test_oracle_agrees_with_itself(recorded: Trace, name: str, tolerance: float) -> None:
    path = extract(recorded, variant=VARIANTS[name])
    verdict = check(recorded, path.claims(), variant=VARIANTS[name], tolerance=tolerance)
    assert verdict.disagreements == 0
    assert verdict.wanted > 3


@pytest.mark.parametrize("name", ["absolute", "forward"])
def test_path_of_another_threshold_is_refused(recorded: Trace, name: str) -> None:
    variant = VARIANTS[name]
    moved = Variant(
        phi={layer: 1.02 * phi for layer, phi in variant.phi.items()},
        firing={layer: 1.1 * firing for layer, firing in variant.firing.items()},
    )
    assert check(recorded, extract(recorded, variant=moved).claims(), variant=variant).disagreements > 0


@pytest.mark.parametrize("unexplained", ["none", "argmax"])
def test_without_tolerance_both_bounds_are_the_absolute_choice(unexplained: Unexplained) -> None:
    for seed in range(5):
        found, policy = random_evidence(seed), Policy(0.5, "sum", unexplained, phi=6.0)
        choice, bound = choose(found, policy), bounds(found, policy, Tolerance().scaled(0))
        np.testing.assert_array_equal(bound.certain, choice.chosen)
        np.testing.assert_array_equal(bound.possible, choice.chosen)
        np.testing.assert_array_equal(bound.surely_unexplained, choice.unexplained)
        np.testing.assert_array_equal(bound.maybe_unexplained, choice.unexplained)


@pytest.mark.parametrize("unexplained", ["none", "argmax"])
def test_bounds_hold_for_every_slightly_moved_absolute_choice(unexplained: Unexplained) -> None:
    drift = 1e-6
    random = np.random.default_rng(1)
    policy = Policy(0.5, "sum", unexplained, phi=2.0)
    for seed in range(10):
        found = random_evidence(seed, largest=3)  # full of ties and of contributions of exactly phi
        bound = bounds(found, policy, Tolerance(drift=drift))
        largest = np.abs(found.contributions).max(axis=1, keepdims=True)
        noise = random.uniform(-drift / 2, drift / 2, found.contributions.shape) * largest
        choice = choose(moved(found, noise), policy)
        assert (bound.certain <= choice.chosen).all()
        assert (choice.chosen <= bound.possible).all()
        assert (bound.surely_unexplained <= choice.unexplained).all()
        assert (choice.unexplained <= bound.maybe_unexplained).all()


def moved(evidence: Evidence, noise: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Evidence:
    """Return the evidence with changed contributions and what they sum to."""
    return Evidence(evidence.contributions + noise, evidence.bias, evidence.output + noise.sum(axis=1))
