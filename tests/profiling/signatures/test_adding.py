"""The compiled loop adds up what the plain one does, and the plain one what the definition says."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.errors import SignatureError
from pathprint.profiling.paths.path import LayerShape, Layout, Members
from pathprint.profiling.signatures.adding import RANKS, Tables, add_up
from pathprint.profiling.signatures.counts import ClassSignatures
from pathprint.profiling.signatures.lookup import Lookup, fastest


def sums_of(adder: object, classes: int, voters: int, images: int, seed: int) -> Floats:
    generator = np.random.default_rng(seed)
    size, most = 50, 9
    lengths = generator.integers(0, 20, images)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    indices = generator.integers(0, size, offsets[-1])
    counts = generator.integers(0, most + 1, (size, classes)).astype(np.uint8)
    rows = generator.integers(0, classes + 1, (images, voters))  # the last stands for no signature
    tables: Tables = tuple(generator.normal(size=(classes + 1, most + 1)) for _ in range(3))  # type: ignore[assignment]
    sums = np.zeros((images, voters + 3 * RANKS))
    assert callable(adder)
    adder(offsets, indices, counts, rows, tables, sums)
    return sums


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 12), st.integers(RANKS, 10), st.integers(1, 5), st.integers(0, 1000))
def test_compiled_is_plain(classes: int, voters: int, images: int, seed: int) -> None:
    assert fastest() is not add_up
    compiled, plain = (sums_of(adder, classes, voters, images, seed) for adder in (fastest(), add_up))
    np.testing.assert_allclose(compiled, plain, rtol=1e-12, atol=1e-12)


def test_a_path_of_two_units_by_hand() -> None:
    """Unit 0 was counted 2 times for class 0 and never for class 1; unit 1 once for each; no signature counts 0."""
    counts = np.array([[2, 0], [1, 1]], np.uint8)
    tables: Tables = tuple(np.array([[10, 20, 40], [1, 2, 4], [0.5, 0, 0]]) * factor for factor in (1, 3, 5))  # type: ignore[assignment]
    sums = np.zeros((1, 3 + 3 * RANKS))
    add_up(np.array([0, 2]), np.array([0, 1]), counts, np.array([[0, 1, 2]]), tables, sums)
    odds, contained = [60, 3, 1], [2, 1]
    assert sums[0].tolist() == [*odds, *contained, 180, 9, 300, 15]


SIZE = 6
SOUND = Members(np.array([0, 2, 3]), np.array([0, 5, 1]), SIZE)
VOTERS = np.array([[0, 1], [1, -1]])


@pytest.fixture(scope="module")
def lookup() -> Lookup:
    layout = Layout((LayerShape("fc", (SIZE,), (SIZE, 1)),))
    counts = {f"fc/{kind}": np.ones((2, SIZE), np.uint8) for kind in ("neurons", "weights")}
    return Lookup.of(ClassSignatures(layout, "x", np.array([0, 1]), np.array([2, 2]), counts))


def test_sound_paths_are_added_up(lookup: Lookup) -> None:
    assert lookup.add_up([("fc/neurons", SOUND)], VOTERS)[1].contained.tolist() == [[[2, 2], [1, 0]]]


@pytest.mark.parametrize(
    ("members", "name", "voters"),
    [
        (SOUND, "fc/neurons", VOTERS[:, :1]),  # a network with one logit has no runner-up
        (SOUND, "fc/neurons", np.array([[0, 1], [1, 3]])),
        (SOUND, "fc/neurons", VOTERS[:1]),
        (SOUND, "fc/neurons", VOTERS[0]),
        (SOUND, "conv/neurons", VOTERS),
        (dataclasses.replace(SOUND, size=SIZE + 1), "fc/neurons", VOTERS),
        (dataclasses.replace(SOUND, indices=np.array([0, SIZE, 1])), "fc/neurons", VOTERS),
        (dataclasses.replace(SOUND, indices=np.array([0, -1, 1])), "fc/neurons", VOTERS),
        (dataclasses.replace(SOUND, offsets=np.array([0, 2, 4])), "fc/neurons", VOTERS),
        (dataclasses.replace(SOUND, offsets=np.array([-1, 2, 3])), "fc/neurons", VOTERS),
        (dataclasses.replace(SOUND, offsets=np.array([0, 4, 3])), "fc/neurons", VOTERS),
    ],
)
def test_what_compiled_code_would_read_out_of_bounds_is_refused(
    lookup: Lookup, members: Members, name: str, voters: Indices
) -> None:
    with pytest.raises(SignatureError):
        lookup.add_up([(name, members)], voters)
