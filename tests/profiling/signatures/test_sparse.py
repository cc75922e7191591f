"""Sparse counts lose nothing, add like the counts they stand for, and are refused if they contradict themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathprint.profiling.errors import SignatureError
from pathprint.profiling.paths.path import LayerShape, Layout
from pathprint.profiling.signatures.counts import UnitCounts
from pathprint.profiling.signatures.sparse import SparseCounts, unit_sizes

LAYOUT = Layout((LayerShape("conv", (2, 3), (2, 1, 3)), LayerShape("fc", (3,), (3, 2))))
UNITS = sum(unit_sizes(LAYOUT).values())

shapes = st.builds(
    lambda neurons, inputs: (neurons, (neurons[0], inputs)),
    st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple),
    st.integers(1, 6),
)
layouts = st.lists(shapes, min_size=1, max_size=4).map(
    lambda found: Layout(tuple(LayerShape(f"layer{i}", *shape) for i, shape in enumerate(found)))
)


def drawn(layout: Layout, most: int, seed: int) -> dict[str, UnitCounts]:
    """Return counts, half of which are 0."""
    generator = np.random.default_rng(seed)
    return {
        name: (generator.integers(0, most + 1, size) * generator.integers(0, 2, size)).astype(np.uint32)
        for name, size in unit_sizes(layout).items()
    }


def assert_equal(found: SparseCounts, expected: dict[str, UnitCounts]) -> None:
    counts = found.counts()
    assert list(counts) == list(expected)
    for name, own in expected.items():
        np.testing.assert_array_equal(counts[name], own)


most = st.sampled_from([0, 1, 255, 256, 70_000])
seeds = st.integers(0, 1000)


@settings(max_examples=50, deadline=None)
@given(layouts, most, seeds)
def test_nothing_is_lost(layout: Layout, most: int, seed: int) -> None:
    counts = drawn(layout, most, seed)
    sparse = SparseCounts.of(counts)
    assert_equal(sparse, counts)
    assert_equal(SparseCounts.from_arrays(layout, sparse.arrays(), images=most), counts)


@settings(max_examples=50, deadline=None)
@given(layouts, most, most, seeds)
def test_sums_are_those_of_the_counts_in_the_same_arrays(layout: Layout, one: int, other: int, seed: int) -> None:
    first, second = drawn(layout, one, seed), drawn(layout, other, seed + 1)
    both = {name: own + second[name] for name, own in first.items()}
    found = SparseCounts.of(first).add(SparseCounts.of(second)).arrays()
    for name, array in SparseCounts.of(both).arrays().items():
        assert (found[name].dtype, found[name].tobytes()) == (array.dtype, array.tobytes())


def test_counts_of_other_layers_do_not_add() -> None:
    other = Layout(LAYOUT.layers[:1])
    with pytest.raises(SignatureError, match="different layers"):
        SparseCounts.of(drawn(LAYOUT, 5, 0)).add(SparseCounts.of(drawn(other, 5, 0)))


@pytest.mark.parametrize(("images", "size"), [(1, 1), (255, 1), (256, 2), (65_536, 4)])
def test_values_take_the_smallest_type(images: int, size: int) -> None:
    counts = {name: np.full(size, images, np.uint32) for name, size in unit_sizes(LAYOUT).items()}
    assert SparseCounts.of(counts).arrays()["values"].itemsize == size


MASK = np.packbits(np.arange(UNITS) < 3, bitorder="little")
VALUES = np.array([1, 2, 3], np.uint8)


def test_sound_arrays_are_read() -> None:
    assert SparseCounts.from_arrays(LAYOUT, {"mask": MASK, "values": VALUES}, images=3).flat().sum() == 6


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"mask": MASK[:-1]}, "bytes"),
        ({"mask": np.append(MASK, np.uint8(0))}, "bytes"),
        ({"mask": MASK.view(np.int8)}, "int8"),
        ({"mask": MASK[None]}, "shape"),
        ({"mask": MASK | np.append(np.zeros(len(MASK) - 1, np.uint8), np.uint8(128))}, "after the last"),
        ({"values": VALUES[:-1]}, "2 have a value"),
        ({"values": np.append(VALUES, np.uint8(1))}, "4 have a value"),
        ({"values": VALUES.astype(np.float32)}, "float32"),
        ({"values": VALUES.astype(np.int8)}, "int8"),
        ({"values": VALUES[None]}, "shape"),
        ({"values": np.array([1, 0, 3], np.uint8)}, "is 0"),
        ({"values": VALUES.astype(np.uint16)}, "larger type"),
        ({"values": np.array([1, 2, 4], np.uint8)}, "4 images of 3"),
    ],
)
def test_arrays_that_contradict_themselves_are_refused(change: dict[str, UnitCounts], reason: str) -> None:
    with pytest.raises(SignatureError, match=reason):
        SparseCounts.from_arrays(LAYOUT, {"mask": MASK, "values": VALUES} | change, images=3)


def test_missing_arrays_are_named() -> None:
    with pytest.raises(SignatureError, match="lack values"):
        SparseCounts.from_arrays(LAYOUT, {"mask": MASK})
