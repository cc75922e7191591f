"""Paths carry the answer: without their synapses it goes, with them alone it stays."""

from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Split
from pathprint.profiling.errors import OptionsError
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.kernels.weighing import ends
from pathprint.profiling.paths.path import Members
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.studies.curves import svg
from pathprint.profiling.studies.sanity import altered, random_like, sanity
from tests.profiling.paths.networks import built


def images(n: int = 3) -> Tensor:
    return torch.rand(n, 2, 12, 12, generator=torch.Generator().manual_seed(0))


def synapses(extractor: Extractor, n: int, share: float) -> dict[str, Members]:
    """Return the same random share of each layer's synapses for every image; padding is none."""
    random, found = np.random.default_rng(0), {}
    for step in extractor.plan.weighted:
        numbers = torch.arange(step.layer.size("synapses"))
        source, _ = ends(step, numbers // step.layer.fan_in, numbers % step.layer.fan_in)
        own = numbers[source >= 0].numpy()
        own = own[random.random(len(own)) < share]
        found[step.layer.name] = Members.stack([own] * n, len(numbers))
    return found


@pytest.mark.parametrize("name", ["residual", "windows", "attention, batch second", "three dimensions"])
def test_nothing_removed_and_everything_kept_change_nothing(name: str) -> None:
    extractor = Extractor(built(name)[1])
    expected = extractor.network.logits(images())
    torch.testing.assert_close(altered(extractor, images(), synapses(extractor, 3, 0), keep=False), expected)
    torch.testing.assert_close(
        altered(extractor, images(), synapses(extractor, 3, 1.1), keep=True), expected, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("keep", [True, False])
def test_synapses_of_linear_layers_are_their_weights(keep: bool) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(288, 20), nn.ReLU(), nn.Linear(20, 4))
    extractor = Extractor(Network.capture(module, Preprocessing(2, (12, 12), 12, (0.0, 0.0), (1.0, 1.0))))
    chosen = synapses(extractor, 3, 0.3)
    for number in (1, 3):
        layer = module[number]
        assert isinstance(layer, nn.Linear)
        mask = torch.from_numpy(chosen[str(number)].mask()[0]).reshape(layer.weight.shape)
        with torch.no_grad():
            layer.weight *= mask if keep else ~mask
    torch.testing.assert_close(altered(extractor, images(), chosen, keep), module(images()).detach())


def test_removing_some_of_a_convolution_and_keeping_the_rest_is_the_same() -> None:
    extractor = Extractor(built("residual")[1])
    some = synapses(extractor, 3, 0.4)
    rest = {}
    for name, everything in synapses(extractor, 3, 1.1).items():
        others = np.setdiff1d(everything.one(0), some[name].one(0))
        rest[name] = Members.stack([others] * 3, everything.size)
    without, alone = (altered(extractor, images(), set_, keep) for set_, keep in ((some, False), (rest, True)))
    torch.testing.assert_close(without, alone, rtol=1e-4, atol=1e-4)


def test_random_sets_are_as_large_as_the_path_and_have_an_effect() -> None:
    extractor = Extractor(built("residual")[1], Policy(synapses=True, unexplained="argmax"))
    path = {layer.shape.name: layer.members("synapses") for layer in extractor.extract(images()).layers}
    drawn = random_like(extractor, images(), path, torch.Generator().manual_seed(0))
    again = random_like(extractor, images(), path, torch.Generator().manual_seed(0))
    for name, members in path.items():
        np.testing.assert_array_equal(drawn[name].counts, members.counts)
        np.testing.assert_array_equal(drawn[name].indices, again[name].indices)
        assert all(len(set(drawn[name].one(i))) == members.counts[i] for i in range(3))
    everything = extractor.network.logits(images())
    assert not torch.allclose(altered(extractor, images(), drawn, keep=False), everything)


def test_paths_of_digits_carry_the_answer(digits: Dataset, digits_split: Split, extractor: Extractor) -> None:
    pixels = digits.pixels(digits_split.test.positions[:64], extractor.network.preprocessing)
    found = sanity(extractor, pixels, digits.labels[digits_split.test.positions[:64]], thetas=(0.1, 0.7))
    assert found.layers == ("0", "2", "5", "9")
    small, large = found.points
    assert small.share < large.share < 0.01
    assert large.unchanged["path kept"] > 0.9
    assert large.unchanged["random kept"] < 0.3
    assert large.unchanged["path removed"] < 0.3
    assert large.unchanged["random removed"] > 0.9
    assert small.unchanged["path removed"] > 0.9  # a thousandth of it is not the path
    assert all(abs(large.right[run] - large.unchanged[run]) <= 1 - found.accuracy for run in large.right)


def test_picture_has_a_line_for_each_curve() -> None:
    drawn = svg([0.0, 1.0], "theta", "share", {"a < b": {"path": [0, 1], "random": [1, 0.5]}, "c": {"path": [0, 0]}})
    lines = ElementTree.fromstring(drawn).findall(".//{*}polyline")
    assert [line.get("points") for line in lines] == [
        "0.0,200.0 300.0,0.0",
        "0.0,0.0 300.0,100.0",
        "0.0,200.0 300.0,200.0",
    ]
    with pytest.raises(OptionsError, match="line 'path' has 1 values; 2 in"):
        svg([0.0, 1.0], "theta", "share", {"a": {"path": [0.5]}})
