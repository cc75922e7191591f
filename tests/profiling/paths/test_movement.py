"""Data movements in a row are walked as one, in whatever order of memory masks lie."""

import itertools
from math import prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.kernels import Kernel, kernel_named
from pathprint.profiling.paths.steps.elementwise import Elementwise
from pathprint.profiling.paths.steps.movement import Movement, join
from pathprint.profiling.paths.steps.step import Step

CPU, PLAIN = kernel_named("cpu"), kernel_named("reference")
SHAPE = (2, 3, 4)
SIZE = prod(SHAPE)


def movement(x: str, y: str, generator: torch.Generator, last: bool = False) -> Movement:
    """Return a movement from ``x`` to ``y``, both of ``SHAPE``, that repeats some units and leaves others out."""
    source = torch.randint(-1, SIZE, (SIZE,), generator=generator)
    return Movement((x,), y, (source,), (SHAPE,), (last,))


def together(*parts: Movement, y: str) -> Movement:
    """Return one movement with the inputs of several, side by side in its output."""
    length = len(parts) * SIZE
    sources = []
    for k, part in enumerate(parts):
        source = torch.full((length,), -1)
        source[k * SIZE : (k + 1) * SIZE] = part.sources[0]
        sources.append(source)
    return Movement(
        tuple(part.inputs[0] for part in parts), y, tuple(sources), (SHAPE,) * len(parts), (False,) * len(parts)
    )


def walked(steps: list[Step], wanted: Tensor, kernel: Kernel) -> dict[str, Tensor]:
    """Return the wanted units of every activation that ``steps`` of movements, from ``in`` to ``out``, read."""
    found = {"out": wanted}
    for step in reversed(steps):
        assert isinstance(step, Movement)
        for name, units in zip(step.inputs, kernel.move(step, found[step.y]), strict=True):
            found[name] = found[name] | units if name in found else units
    return found


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), branches=st.integers(1, 3), lengths=st.integers(1, 4))
def test_joined_movements_move_to_where_they_did_one_by_one(seed: int, branches: int, lengths: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    steps: list[Step] = []
    ends = []
    for branch in range(branches):
        names = ["in", *(f"{branch}.{k}" for k in range(lengths))]
        chain = [movement(x, y, generator) for x, y in itertools.pairwise(names)]
        steps += chain
        ends.append(movement(chain[-1].y, "", generator))
    steps.append(together(*ends, y="out"))
    joined = join(steps, "out")
    assert len(joined) == 1
    wanted = torch.rand(2, branches * SIZE, generator=generator) < 0.4
    for kernel in (CPU, PLAIN):
        assert torch.equal(walked(joined, wanted, kernel)["in"], walked(steps, wanted, PLAIN)["in"])


def test_a_movement_stays_if_another_step_reads_it() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = movement("in", "a", generator), movement("a", "b", generator)
    reader = Elementwise(("a",), "c")
    joined = join([first, second, reader], "b")
    assert [(step.reads, step.y) for step in joined] == [(("in",), "a"), (("in",), "b"), (("a",), "c")]


def test_the_output_stays() -> None:
    generator = torch.Generator().manual_seed(0)
    (step,) = join([movement("in", "a", generator), movement("a", "out", generator)], "out")
    assert (step.reads, step.y) == (("in",), "out")


def test_joined_movements_are_pure_only_if_all_are() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = movement("in", "a", generator), movement("a", "out", generator)
    changing = Movement(first.inputs, "a", first.sources, first.shapes, first.channels_last, pure=False)
    assert [join([one, second], "out")[0].wants_nonzero(True) for one in (first, changing)] == [True, False]


@pytest.mark.parametrize("to_last", [False, True])
@pytest.mark.parametrize("from_last", [False, True])
def test_orders_of_memory_change_nothing(to_last: bool, from_last: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    wanted = torch.rand(3, *SHAPE, generator=generator) < 0.5
    laid = wanted.contiguous(memory_format=torch.channels_last) if from_last else wanted
    same = Movement(("in",), "out", (torch.arange(SIZE),), (SHAPE,), (to_last,))
    for step in (movement("in", "out", generator, to_last), same):
        for _ in range(2):
            (found,), (expected,) = CPU.move(step, laid), PLAIN.move(step, wanted)
            assert torch.equal(found, expected)
            assert found.is_contiguous(memory_format=torch.channels_last) is to_last


class Attending(nn.Module):
    """Two heads that look at nine patches, as Vision Transformers do."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, 4)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        attended: Tensor = self.attention(tokens, tokens, tokens, need_weights=False)[0]
        logits: Tensor = self.head((tokens + attended).mean(1))
        return logits


def test_no_movement_of_a_transformer_follows_another() -> None:
    torch.manual_seed(0)
    network = Network.capture(Attending().eval(), Preprocessing(3, (12, 12), 12, (0.5,) * 3, (0.5,) * 3))
    movements = [step for step in Extractor(network).plan.steps if isinstance(step, Movement)]
    assert movements
    assert not {step.y for step in movements}.intersection(name for step in movements for name in step.reads)
