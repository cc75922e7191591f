"""Every variant of a path against the slow oracle, and the properties that tie variants together."""

from functools import cache
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing
from pathprint.profiling.errors import OptionsError
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.kernels import available
from pathprint.profiling.paths.path import ImagePaths
from pathprint.profiling.paths.policy import Policy
from tests.definitions.effective_path import Trace, Variant, check, extract, trace
from tests.profiling.paths.claims import claims, runs, shaped
from tests.profiling.paths.networks import built
from tests.profiling.paths.test_agreement import convolutions
from tests.profiling.paths.test_extraction import assert_same

KERNELS = available()
NAMES = ["residual", "gate", "attention", "windows", "lenet5", "cifar-resnet20"]
KINDS = ("neurons", "weights", "synapses")


def images(name: str, n: int = 3) -> Tensor:
    shape = built(name)[1].preprocessing.input_shape
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(1))


@cache
def run_of(name: str) -> Trace:
    """Return the oracle's run of one image, which serves every kernel and every variant."""
    (run,) = runs(*built(name), images(name, 1))
    return run


def variant(kind: str, layers: list[str]) -> Variant:
    """Return a variant for a network with these layers."""
    phi = dict.fromkeys(layers, 0.03)
    return {
        "early termination": Variant(layers=2),
        "own theta": Variant(theta=dict.fromkeys(layers[1::2], 0.8)),
        "absolute": Variant(phi=phi),
        "hybrid": Variant(phi=dict.fromkeys(layers[: len(layers) // 2], 0.03)),
        "forward": Variant(firing=dict.fromkeys(layers, 0.2)),
        "forward, absolute": Variant(firing=dict.fromkeys(layers, 0.2), phi=phi),
        "forward, late start": Variant(layers=2, firing=dict.fromkeys(layers[-2:], 0.2)),
    }[kind]


def policy(options: Variant, **rest: object) -> Policy:
    """Return the policy that asks for a variant of the oracle."""
    return Policy(
        layers=options.layers,
        layer_theta=options.theta,
        phi=options.phi,
        firing=options.firing,
        **rest,  # type: ignore[arg-type]  # from a table
    )


def names_of(network: Network) -> list[str]:
    return Extractor(network).layout.names


def sets(paths: ImagePaths, kind: str, image: int = 0) -> list[set[int]]:
    """Return the sets of one kind, layer by layer."""
    return [set(layer.members(kind).one(image).tolist()) for layer in paths.layers]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["early termination", "own theta", "absolute", "hybrid", "forward"])
def test_variant_is_the_oracles(kind: str, name: str, kernel: str) -> None:
    network, run = built(name)[1], run_of(name)
    options = variant(kind, names_of(network))
    paths = Extractor(network, policy(options), KERNELS[kernel]).extract(images(name, 1))
    verdict = check(run, shaped(claims(paths), run), variant=options)
    assert verdict.disagreements == 0
    assert verdict.wanted > 0


@pytest.mark.parametrize("unexplained", ["none", "argmax"])
@pytest.mark.parametrize("kind", ["absolute", "forward, absolute", "forward, late start"])
def test_variant_with_other_options_is_the_oracles(kind: str, unexplained: str) -> None:
    network = built("residual")[1]
    options = variant(kind, names_of(network))
    paths = Extractor(network, policy(options, unexplained=unexplained)).extract(images("residual", 1))
    verdict = check(run_of("residual"), claims(paths), unexplained=unexplained, variant=options)  # type: ignore[arg-type]
    assert verdict.disagreements == 0


@given(convolutions(), st.integers(0, 99))
@settings(max_examples=8, deadline=None)
def test_small_integers_give_equality_in_every_kind(generated: tuple[nn.Sequential, int], seed: int) -> None:
    module, side = generated
    assert isinstance(module[0], nn.Conv2d)
    channels = module[0].in_channels
    preprocessing = Preprocessing(channels, (side, side), side, (0.5,) * channels, (0.25,) * channels)
    network = Network.capture(module, preprocessing)
    x = torch.randint(-2, 3, (1, channels, side, side), generator=torch.Generator().manual_seed(seed)).float()
    run = trace(module, x[0])
    for phi, kernel in product((None, 1, 3), KERNELS.values()):
        options = Variant(phi={} if phi is None else {"0": phi, "3": phi})
        oracle = extract(run, variant=options)
        found = Extractor(network, policy(options, synapses=True), kernel).extract(x / 4 + 0.5)  # exact
        for mine, expected in zip(found.layers, oracle.layers, strict=True):
            assert set(mine.members("neurons").one(0)) == set(np.flatnonzero(expected.neurons))
            assert set(mine.members("weights").one(0)) == set(np.flatnonzero(expected.weights))
            assert set(mine.members("synapses").one(0)) == set(expected.synapses)
            assert mine.unexplained[0] == expected.unexplained


@pytest.mark.parametrize("name", ["residual", "cifar-resnet20"])
def test_synapses_imply_their_number_neurons_and_weights(name: str) -> None:
    paths = Extractor(built(name)[1], Policy(synapses=True)).extract(images(name))
    for layer in paths.layers:
        synapses = layer.members("synapses")
        assert synapses.size == layer.shape.size("synapses")
        np.testing.assert_array_equal(synapses.counts, layer.synapses)
        for image in range(len(paths)):
            unit, position = np.divmod(synapses.one(image), layer.shape.fan_in)
            assert set(unit) <= set(layer.neurons.one(image))
            channels = layer.shape.weights[0]
            positions = layer.shape.size("neurons") // channels
            channel = unit // positions if len(layer.shape.weights) > 2 else unit % channels
            assert set(channel * layer.shape.fan_in + position) == set(layer.weights.one(image))


def test_listing_synapses_changes_nothing_else() -> None:
    network, pixels = built("residual")[1], images("residual")
    plain, listed = (Extractor(network, Policy(synapses=asked)).extract(pixels) for asked in (False, True))
    for image in range(len(pixels)):
        for kind in ("neurons", "weights"):
            assert sets(plain, kind, image) == sets(listed, kind, image)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layers", [1, 2, 3, 99])
def test_last_layers_are_those_of_the_whole_path(name: str, layers: int) -> None:
    network = built(name)[1]
    whole = Extractor(network).extract(images(name))
    part = Extractor(network, Policy(layers=layers)).extract(images(name))
    assert len(part.layers) == min(layers, len(whole.layers))
    assert_same(part, ImagePaths(whole.logits, whole.seeds, whole.layers[-layers:]))


def test_early_termination_records_only_what_its_layers_look_at() -> None:
    network = built("cifar-resnet20")[1]
    whole, last = Extractor(network).plan, Extractor(network, Policy(layers=1)).plan
    assert len(last.weighted) == 1
    assert set(last.recorded) < set(whole.recorded)
    assert len(last.recorded) <= 3


@given(small=st.floats(0.01, 0.99), more=st.floats(0, 1))
@settings(max_examples=10, deadline=None)
def test_path_grows_with_theta_and_shrinks_with_phi(small: float, more: float) -> None:
    network, pixels = built("lenet5")[1], images("lenet5", 1)
    names = names_of(network)
    forward = dict.fromkeys(names, 0.1)
    theta, phi = small + more * (1 - small), small / (1 + more)
    pairs = [
        (Policy(small, synapses=True), Policy(theta, synapses=True)),
        (Policy(small, synapses=True, firing=forward), Policy(theta, synapses=True, firing=forward)),
        (Policy(synapses=True, phi=dict.fromkeys(names, small)), Policy(synapses=True, phi=dict.fromkeys(names, phi))),
    ]
    for few, many in pairs:
        fewer, larger = (Extractor(network, policy).extract(pixels) for policy in (few, many))
        for kind in KINDS:
            assert all(a <= b for a, b in zip(sets(fewer, kind), sets(larger, kind), strict=True))


@pytest.mark.parametrize("kind", ["absolute", "forward", "early termination"])
def test_batch_equals_its_images_one_by_one(kind: str) -> None:
    network, pixels = built("residual")[1], images("residual", 4)
    extractor = Extractor(network, policy(variant(kind, names_of(network)), synapses=True))
    single = ImagePaths.join([extractor.extract(image[None]) for image in pixels])
    whole = extractor.extract(pixels)
    assert_same(whole, single)
    for image in range(4):
        assert sets(whole, "synapses", image) == sets(single, "synapses", image)


def test_options_are_part_of_the_fingerprint_and_listing_is_not() -> None:
    network = built("lenet5")[1]
    policies = [Policy(), Policy(layers=2), Policy(phi={"fc": 0.1}), Policy(layer_theta={"fc": 0.1})]
    assert len({Extractor(network, policy).fingerprint for policy in policies}) == len(policies)
    assert Extractor(network, Policy(synapses=True)).fingerprint == Extractor(network).fingerprint
    assert Policy(**policies[2].to_dict()) == policies[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": 0}, "layers is 0; it must be at least 1"),
        ({"phi": {"a": 0.0}}, r"phi of layer a is 0\.0; it must be above 0"),
        ({"firing": {"a": np.inf}}, "firing of layer a is inf; it must be above 0 and finite"),
        ({"layer_theta": {"a": 2}}, "layer_theta of layer a is 2; it must be above 0 and at most 1"),
    ],
)
def test_senseless_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        Policy(**options)  # type: ignore[arg-type]


def test_policy_for_other_layers_is_refused() -> None:
    network = built("residual")[1]
    with pytest.raises(OptionsError, match=r"the policy names conv9; layers of the network: stem\.0, twice, twice@2"):
        Extractor(network, Policy(phi={"conv9": 0.1})).extract(images("residual"))
    with pytest.raises(OptionsError, match=r"firing has no threshold for stem\.0, twice@2"):
        firing = {"twice": 0.1, "depthwise": 0.1, "fc": 0.1}
        Extractor(network, Policy(firing=firing)).extract(images("residual"))


def test_synapses_that_were_not_recorded_are_not_to_be_had() -> None:
    layer = Extractor(built("lenet5")[1]).extract(images("lenet5")).layers[0]
    with pytest.raises(OptionsError, match="synapses were not recorded; extract with synapses=True"):
        layer.members("synapses")
