"""A plain inference is found in the fastest of all ways that return the module's logits."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from pathprint.models.errors import NetworkWarning
from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing
from pathprint.profiling.evaluation.plain import Screening, TimedWay, Way, all_ways, screened

IMAGES = 4
PREPROCESSING = Preprocessing(3, (6, 6), 6, (0.0,) * 3, (1.0,) * 3)
AS_GIVEN = {f"module, {layout}, {IMAGES} at a time" for layout in ("contiguous", "channels-last")}


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class Wrapped(nn.Module):
    """A small network whose logits are returned through ``ending``, or fail there."""

    def __init__(self, ending: Callable[[Tensor], object]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.convolution, self.linear, self.ending = nn.Conv2d(3, 4, 3), nn.Linear(4, 5), ending

    def forward(self, x: Tensor) -> object:
        return self.ending(self.linear(self.convolution(x).relu().mean((2, 3))))


class Flat(Wrapped):
    """A network as many are: it takes for granted that memory is contiguous."""

    def forward(self, x: Tensor) -> object:
        values = self.convolution(x)
        return self.linear(values.view(x.size(0), -1)[:, :4])


def found_for(module: nn.Module, captured: nn.Module | None = None) -> Screening:
    network = Network.capture(captured or module, PREPROCESSING)
    return screened(network, module, torch.rand(IMAGES, 3, 6, 6))


@pytest.mark.parametrize(
    ("images", "threads", "together", "alone"),
    [
        (1, 1, [1], []),
        (1, 4, [1], []),
        (2, 4, [2, 1], [1]),
        (3, 2, [3, 2, 1], [2, 1]),
        (10, 1, [10, 8, 4, 2, 1], []),
        (16, 2, [16, 8, 4, 2, 1], [8, 4, 2, 1]),
        (20, 3, [20, 16, 8, 4, 2, 1], [7, 4, 2, 1]),
    ],
)
def test_batch_is_taken_whole_and_by_powers_of_two(
    images: int, threads: int, together: list[int], alone: list[int]
) -> None:
    ways = all_ways(images, threads)
    assert len({way.name for way in ways}) == len(ways) == 4 * len(together + alone)
    for ran in ("module", "graph"):
        for layout in ("contiguous", "channels-last"):
            of = [way for way in ways if (way.ran, way.layout) == (ran, layout)]
            assert [way.chunk for way in of if not way.split] == together
            assert [way.chunk for way in of if way.split] == alone
    assert ways[0] == Way("module", "contiguous", images, False)


def test_all_ways_are_timed_and_the_fastest_and_the_given_ones_go_on() -> None:
    found = found_for(Wrapped(lambda logits: logits).eval())
    assert set(found.seconds) == set(all_ways(IMAGES, 2))
    assert found.left_out == {}
    assert {way.name for way in found.finalists} >= AS_GIVEN
    fastest = min(found.seconds, key=found.seconds.__getitem__)
    assert fastest in found.finalists


def test_every_way_returns_the_logits_of_the_module() -> None:
    module = Wrapped(lambda logits: logits).eval()
    x = torch.rand(IMAGES, 3, 6, 6)
    found = screened(Network.capture(module, PREPROCESSING), module, x)
    with torch.inference_mode():
        for run in found.finalists.values():
            torch.testing.assert_close(run(), module(x))


@pytest.mark.parametrize(
    "ending", [lambda logits: {"logits": logits}, lambda logits: (logits,)], ids=["mapping", "tuple"]
)
def test_logits_are_taken_out_of_what_a_module_returns(ending: Callable[[Tensor], object]) -> None:
    assert found_for(Wrapped(ending).eval()).left_out == {}


@pytest.mark.parametrize("ending", [torch.softmax, torch.log_softmax])
def test_graph_is_compared_though_it_leaves_out_a_softmax(ending: Callable[[Tensor, int], Tensor]) -> None:
    with pytest.warns(NetworkWarning, match="softmax"):
        found = found_for(Wrapped(lambda logits: ending(logits, 1)).eval())
    assert found.left_out == {}


def test_way_that_fails_is_left_out_with_the_reason() -> None:
    found = found_for(Flat(lambda logits: logits).eval())
    failing = {way.name for way in all_ways(IMAGES, 2) if (way.ran, way.layout) == ("module", "channels-last")}
    assert failing <= set(found.left_out)
    assert all(found.left_out[name].startswith("RuntimeError: view size is not compatible") for name in failing)


@pytest.mark.parametrize(
    "ending",
    [lambda logits: logits + len(logits), lambda logits: logits.squeeze(), lambda logits: logits / (len(logits) - 1)],
    ids=["other logits", "other shape", "not finite"],
)
def test_way_with_other_logits_is_left_out(ending: Callable[[Tensor], Tensor]) -> None:
    plain = Wrapped(lambda logits: logits).eval()
    found = found_for(Wrapped(ending).eval(), plain)
    assert all(way.chunk > 1 for way in found.seconds if way.ran == "module")
    assert {way.name for way in found.finalists} >= AS_GIVEN
    single = "module, contiguous, 1 at a time"
    assert found.left_out[single] == "it returns other logits than the module does for the whole batch"


def test_ways_of_all_rounds_come_first_and_the_fastest_before_them() -> None:
    slow, fast, brief = all_ways(2, 1)[:3]
    found = Screening(2, {slow: 0.5, fast: 0.4, brief: 0.002}, {slow: list, fast: list}, {})
    assert found.timed({slow.name: 3.0, fast.name: 2.0}, 15) == (
        TimedWay(fast, 2.0, 15),
        TimedWay(slow, 3.0, 15),
        TimedWay(brief, 1.0, 5),
    )
