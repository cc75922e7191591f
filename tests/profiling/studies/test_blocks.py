"""Residual blocks are found, deleted and walked as defined."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from types import MappingProxyType

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn

from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing
from pathprint.models.zoo.architectures.cifar_resnet import Block, CifarResNet
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.errors import OptionsError, PlanError
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.paths.steps.step import Chosen, Step
from pathprint.profiling.studies.blocks import accuracies, blocks, ways
from pathprint.profiling.studies.residual import logits_without, residual_blocks
from pathprint.profiling.studies.routes import Wandering, routes
from pathprint.profiling.studies.subject import Subject
from tests.definitions.float64 import assert_same_function
from tests.profiling.paths.networks import case, seeded

PLAIN = Preprocessing(3, (8, 8), 8, (0.0,) * 3, (1.0,) * 3)


def images(n: int = 6) -> Tensor:
    return torch.rand(n, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@cache
def resnet(projection: bool) -> tuple[nn.Module, Extractor]:
    module = seeded(lambda: CifarResNet(1, 4, projection))
    return module, Extractor(Network.capture(module, PLAIN))


class Scaled(nn.Module):
    """Blocks x + w·x on positive inputs, so that each operand's part of a sum is known."""

    def __init__(self, *scales: float) -> None:
        super().__init__()
        self.scales = nn.ModuleList(nn.Conv2d(3, 3, 1, groups=3, bias=False) for _ in scales)
        self.fc = nn.Linear(3, 2, bias=False)
        with torch.no_grad():
            self.fc.weight.copy_(torch.tensor([[1.0, 1.0, 1.0], [0.5, 0.5, 0.5]]))
            for layer, scale in zip(self.scales, scales, strict=True):
                next(layer.parameters()).fill_(scale)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.scales:
            x = x + layer(x)
        logits: Tensor = self.fc(x.mean((2, 3)))
        return logits


def scaled(theta: float, *scales: float, firing: Mapping[str, float] = MappingProxyType({})) -> Extractor:
    return Extractor(Network.capture(Scaled(*scales).eval(), PLAIN), Policy(theta, firing=dict(firing)))


class Towers(nn.Module):
    """A sum of two equal towers: neither is a shortcut of the other."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.fc = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc((self.left(x) + self.right(x)).mean((2, 3)))
        return logits


def found_in(extractor: Extractor) -> list[tuple[str, tuple[str, ...], str]]:
    return [(b.name, b.layers, b.shortcut) for b in residual_blocks(extractor.network, extractor.plan)]


@pytest.mark.parametrize("projection", [False, True])
def test_blocks_of_a_residual_network_are_found(projection: bool) -> None:
    assert found_in(resnet(projection)[1]) == [
        (name, (f"{name}.conv1", f"{name}.conv2"), f"{name}.shortcut.0" if projection and name[5] != "1" else "")
        for name in ("stage1.0", "stage2.0", "stage3.0")
    ]


def test_sums_of_one_layer_are_told_apart() -> None:
    assert found_in(Extractor(case("residual")[1])) == [
        ("(top level)", ("twice",), ""),
        ("(top level)@2", ("twice@2",), ""),
    ]


@pytest.mark.parametrize("build", [Towers, lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 2))])
def test_networks_without_shortcuts_have_none(build: Callable[[], nn.Module]) -> None:
    assert found_in(Extractor(Network.capture(build().eval(), PLAIN))) == []


@pytest.mark.parametrize("projection", [False, True])
def test_deleting_a_block_is_multiplying_its_branch_by_zero(projection: bool) -> None:
    _, extractor = resnet(projection)
    for block in residual_blocks(extractor.network, extractor.plan):
        without = seeded(lambda: CifarResNet(1, 4, projection))
        part = without.get_submodule(block.name)
        assert isinstance(part, Block)
        with torch.no_grad():
            part.bn2.weight.zero_()
            part.bn2.bias.zero_()
            expected = without(images())
        assert_same_function(partial(logits_without, extractor.network, block), without, images())
        assert not torch.allclose(extractor.network.logits(images()), expected, atol=1e-3)


def test_deleting_a_subtracted_shortcut_keeps_its_sign_and_scale() -> None:
    extractor = Extractor(case("residual")[1])
    second = residual_blocks(extractor.network, extractor.plan)[1]
    value = torch.zeros(1, 2)
    alone = second.shortcut_alone(value, {second.step.operands[1 - second.branch]: torch.tensor([[4.0, -2.0]])})
    assert alone.tolist() == [[-2.0, 1.0]]  # the network adds -0.5 times its shortcut


def test_accuracies_are_of_the_whole_then_without_each() -> None:
    _, extractor = resnet(True)
    found = residual_blocks(extractor.network, extractor.plan)
    labels = extractor.network.predict(images(40)).numpy()
    whole, *without = accuracies(extractor.network, found, images(40), labels)
    assert whole == 1.0
    for block, share in zip(found, without, strict=True):
        answers = logits_without(extractor.network, block, images(40)).argmax(1).numpy()
        assert share == pytest.approx((answers == labels).mean())


@pytest.mark.parametrize(
    ("theta", "scale", "way"),
    [(0.5, 3.0, 0), (0.5, 0.2, 1), (0.9, 1.5, 2), (0.7, 3.0, 0), (0.8, 3.0, 2)],
)
def test_wanted_units_take_the_operands_that_reach_theta(theta: float, scale: float, way: int) -> None:
    extractor = scaled(theta, scale)
    found = residual_blocks(extractor.network, extractor.plan)
    taken = ways(extractor, found, images(2) * 0.9 + 0.1)
    np.testing.assert_array_equal(taken, np.broadcast_to(np.eye(4)[way], (2, 1, 4)))
    drawn = routes(extractor, found, images(2) * 0.9 + 0.1, torch.Generator())
    assert drawn.arrived.all()
    assert way == 2 or (drawn.branched == (way == 0)).all()


def test_routes_are_binomial_where_all_ways_are_open() -> None:
    extractor = scaled(1.0, 1.0, 1.0, 1.0)
    found = residual_blocks(extractor.network, extractor.plan)
    drawn = routes(extractor, found, (images(1) * 0.9 + 0.1).expand(4000, 3, 8, 8), torch.Generator().manual_seed(0))
    assert drawn.came.all()
    np.testing.assert_allclose(np.bincount(drawn.lengths) / 4000, [1 / 8, 3 / 8, 3 / 8, 1 / 8], atol=0.03)


def test_routes_stay_on_the_path_one_unit_at_a_time() -> None:
    _, extractor = resnet(True)
    seen: dict[str, Tensor] = {}

    def noting(step: Step, mask: Tensor, chosen: Chosen) -> Chosen:
        seen[step.y] = mask
        return chosen

    path = extractor.walk(images(), noting)
    for layer, own in zip(extractor.extract(images()).layers, path.layers, strict=True):
        np.testing.assert_array_equal(layer.neurons.mask(), own.neurons.mask())
        np.testing.assert_array_equal(layer.weights.mask(), own.weights.mask())
    wanted = dict(seen)
    drawing = Wandering(residual_blocks(extractor.network, extractor.plan), 6, torch.Generator().manual_seed(0))

    def checking(step: Step, mask: Tensor, chosen: Chosen) -> Chosen:
        assert int(mask.flatten(1).sum(1).max()) <= 1
        assert bool((mask <= wanted[step.y]).all())
        return drawing(step, mask, chosen)

    extractor.walk(images(), checking)
    assert drawing.came.any() and drawing.arrived.any()


def test_study_of_a_whole_network(digits: Dataset) -> None:
    grey = Preprocessing(1, (8, 8), 8, (0.3,), (0.4,))
    module = seeded(lambda: nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), CifarResNet(1, 10)))
    subject = Subject(Extractor(Network.capture(module, grey)), digits, 5)
    found = blocks(subject, images=5, per_image=4, judged=30)
    assert (found.images, found.judged, len(found.blocks)) == (5, 30, 3)
    assert sum(found.lengths) == pytest.approx(1)
    assert sum(found.even) == pytest.approx(1)
    assert all(sum(block.ways.values()) == pytest.approx(1) for block in found.blocks)
    assert found == blocks(subject, images=5, per_image=4, judged=30)


def test_a_network_without_blocks_is_refused(subject: Subject) -> None:
    with pytest.raises(PlanError, match="digits-cnn has no residual additions"):
        blocks(subject)


def test_half_a_path_is_refused(subject: Subject) -> None:
    with pytest.raises(OptionsError, match="leave `layers` out"):
        blocks(subject.at(layers=2))
    with pytest.raises(OptionsError, match="there is no walk to follow"):
        scaled(0.5, 1.0, firing={"scales.0": 1.0, "fc": 1.0}).walk(images(1), lambda step, mask, chosen: chosen)


@pytest.mark.families
@pytest.mark.parametrize(("name", "count"), [("resnet18", 8), ("mobilenet_v2", 10), ("swin_t", 24), ("densenet121", 0)])
def test_blocks_of_known_families_are_counted(name: str, count: int) -> None:
    module = torchvision.models.get_model(name, weights=None).eval()
    captured = Network.capture(module, Preprocessing(3, (64, 64), 64, (0.0,) * 3, (1.0,) * 3))
    assert len(found_in(Extractor(captured))) == count
