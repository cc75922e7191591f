"""Tests of check: what it accepts and what it refuses."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .effective_path import Trace, check, extract, trace
from .examples import integer_network, line, linear, residual_network
from .judging import Claim
from .selection import Reference


@pytest.fixture(scope="module")
def recorded() -> Trace:
    torch.manual_seed(1)
    return trace(residual_network(), torch.randn(3, 16, 16))


def flipped(claims: Mapping[str, Claim], name: str, part: int, value: bool) -> dict[str, Claim]:
    """Return the claims with one element that was ``not value`` set to ``value``."""
    neurons, weights, unexplained = claims[name]
    neurons, weights = neurons.copy(), weights.copy()
    mask = (neurons, weights)[part]
    mask.flat[np.flatnonzero(mask != value)[0]] = value
    return {**claims, name: (neurons, weights, unexplained)}


@pytest.mark.parametrize("tolerance", [0.0, 1.0])
@pytest.mark.parametrize("theta", [0.5, 0.9])
@pytest.mark.parametrize("reference", ["sum", "output", "positive"])
def test_oracle_agrees_with_itself(
    recorded: Trace,
    reference: Reference,
    theta: float,
    tolerance: float,
) -> None:
    path = extract(recorded, theta, reference)
    verdict = check(recorded, path.claims(), theta, reference, tolerance=tolerance)
    assert verdict.disagreements == 0
    assert verdict.wanted == sum(layer.neurons.sum() for layer in path.layers)


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize("name", ["stem.0", "twice", "twice@2"])
def test_single_wrong_element_is_found(recorded: Trace, name: str, part: int, value: bool) -> None:
    claims = flipped(extract(recorded).claims(), name, part, value)
    (layer,) = (layer for layer in check(recorded, claims).layers if layer.name == name)
    compared = (layer.neurons, layer.weights)[part]
    assert (compared.surplus if value else compared.missing).sum() == 1


def test_wrong_count_of_unexplained_units_is_found(recorded: Trace) -> None:
    claims = dict(extract(recorded).claims())
    neurons, weights, unexplained = claims["twice"]
    claims["twice"] = (neurons, weights, unexplained + 2)
    verdict = check(recorded, claims)
    assert [layer.unexplained for layer in verdict.layers] == [0, 2, 0, 0]
    assert verdict.disagreements == 2


def test_path_of_another_theta_is_refused(recorded: Trace) -> None:
    claims = extract(recorded, theta=0.51).claims()
    assert check(recorded, claims, theta=0.51).disagreements == 0
    assert check(recorded, claims, theta=0.5).disagreements > 0


def test_path_of_another_class_is_refused(recorded: Trace) -> None:
    predicted = extract(recorded).seed_class
    claims = extract(recorded, seed_class=(predicted + 1) % 5).claims()
    assert check(recorded, claims, seed_class=(predicted + 1) % 5).disagreements == 0
    assert check(recorded, claims).layers[-1].neurons.disagreements == 2


def test_exact_sums_leave_nothing_open() -> None:
    for seed in range(5):
        image = torch.randint(-2, 3, (2, 12, 12), generator=torch.Generator().manual_seed(seed))
        run = trace(integer_network(), image.float())
        verdict = check(run, extract(run).claims(), tolerance=0.0)
        assert (verdict.disagreements, verdict.borderline, verdict.free) == (0, 0, 0)


def test_tied_contributions_may_be_chosen_either_way_only_with_tolerance() -> None:
    ends = linear([[1, 1]]), linear([[1, 0], [0, 1]])
    run = trace(nn.Sequential(nn.Flatten(), ends[1], nn.ReLU(), ends[0]), line(1, 1))
    claims = dict(extract(run).claims())
    assert claims["1"][0].tolist() == [True, False]
    claims["1"] = (np.array([False, True]), np.array([[False, False], [False, True]]), 0)
    claims["3"] = (claims["3"][0], np.array([[False, True]]), 0)
    verdict = check(run, claims)
    assert (verdict.disagreements, verdict.borderline) == (0, 1)
    assert check(run, claims, tolerance=0.0).disagreements == 4


def test_rivals_in_a_max_pool_may_win_only_if_nearly_equal() -> None:
    def accepted(first: float, second: float) -> bool:
        layers = nn.Unflatten(1, (1, 2)), nn.MaxPool1d(2), nn.Flatten(), linear([[1]])
        network = nn.Sequential(nn.Flatten(), linear([[1, 0], [0, 1]]), *layers)
        run = trace(network, line(first, second))
        claims = dict(extract(run).claims())
        claims["1"] = (claims["1"][0][::-1], claims["1"][1][::-1, ::-1], 0)
        return check(run, claims).disagreements == 0

    assert accepted(1, 1 + 5e-7)
    assert not accepted(1, 1 + 5e-5)
    assert not accepted(1, 1)  # equal: the first, in every implementation


def test_activations_of_another_fold_are_accepted(recorded: Trace) -> None:
    network = residual_network().eval()
    conv, norm = network.stem[0], network.stem[1]
    assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    network.stem[0], network.stem[1] = fuse_conv_bn_eval(conv, norm), nn.Identity()
    image = recorded.values[recorded.source][0]
    claims = extract(trace(network, image), theta=0.9).claims()
    assert check(recorded, claims, theta=0.9).disagreements == 0


def test_claim_has_to_cover_every_layer(recorded: Trace) -> None:
    claims = dict(extract(recorded).claims())
    del claims["twice@2"]
    with pytest.raises(ValueError, match=r"differ in the layers.*twice@2"):
        check(recorded, claims)


def test_claim_has_to_have_the_layers_shape(recorded: Trace) -> None:
    claims = dict(extract(recorded).claims())
    claims["head"] = (claims["head"][0][:3], *claims["head"][1:])
    with pytest.raises(ValueError, match=r"expected bool \(5,\), got bool \(3,\)"):
        check(recorded, claims)
