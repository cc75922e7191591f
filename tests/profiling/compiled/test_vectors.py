"""Every vector instruction compiles, and does what its docstring says: numpy is the judge."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pathprint.profiling.compiled import vectors as v
from pathprint.profiling.compiled.caching import compiled

F32 = NDArray[np.float32]
L = v.LANES


def numbers(count: int = 3 * L, seed: int = 0) -> F32:
    """Return small whole numbers with many ties, zeros and both signs."""
    return np.random.default_rng(seed).integers(-3, 4, count).astype(np.float32)


@compiled
def elementwise(a: F32, b: F32, out: F32) -> None:
    p, q, o = v.pointer(a), v.pointer(b), v.pointer(out)
    x, y = v.load(p, 0), v.load(q, 0)
    v.store(o, 0, v.add(x, y))
    v.store(o, L, v.multiply(x, y))
    v.store(o, 2 * L, v.maximum(x, y))
    v.store(o, 3 * L, v.absolute(x))
    v.store(o, 4 * L, v.negative(x))
    v.store(o, 5 * L, v.splat(a[1]))
    v.store(o, 6 * L, v.where_larger(x, y, x, v.splat(np.float32(9))))
    v.store(o, 7 * L, v.where_equal(x, y, x, v.splat(np.float32(9))))
    v.store(o, 8 * L, v.subtract(x, y))
    v.store(o, 9 * L, v.divide(x, v.splat(np.float32(4))))


def test_elementwise_instructions() -> None:
    a, b, out = numbers(L), numbers(L, 1), np.zeros(10 * L, np.float32)
    elementwise(a, b, out)
    nine = np.float32(9)
    expected = [
        a + b,
        a * b,
        np.maximum(a, b),
        abs(a),
        -a,
        np.full(L, a[1]),
        np.where(a > b, a, nine),
        np.where(a == b, a, nine),
        a - b,
        a / 4,
    ]
    np.testing.assert_array_equal(out.reshape(10, L), expected)


@compiled
def reductions(a: F32) -> Any:
    x = v.load(v.pointer(a), 0)
    return v.total(x), v.largest(x), v.less(x, v.splat(np.float32(2))), v.at_least(x, np.float32(1))


def bits(marks: NDArray[np.bool_]) -> int:
    return sum(1 << lane for lane in np.flatnonzero(marks).tolist())


@pytest.mark.parametrize("seed", range(5))
def test_reductions_and_comparisons(seed: int) -> None:
    a = numbers(L, seed)
    total, largest, less, at_least = reductions(a)
    assert (total, largest) == (a.sum(), a.max())
    assert (less, at_least) == (bits(a < 2), bits(a >= 1))


@compiled
def moved(a: F32, places: NDArray[np.int32], inside: NDArray[np.uint16], out: F32) -> None:
    source = v.after(v.pointer(a), 2)
    v.fetch(source, 5)
    v.store(v.pointer(out), 0, v.gather(source, 1, v.pointer(places), 4, inside[0]))


def test_gather_reads_where_it_is_told_and_nothing_elsewhere() -> None:
    a, out = numbers(), np.zeros(L, np.float32)
    places = np.random.default_rng(2).integers(0, len(a) - 3, L + 4).astype(np.int32)
    inside = np.array([0b1010_0110_1111_0001], np.uint16)
    moved(a, places, inside, out)
    shown = (int(inside[0]) >> np.arange(L)) & 1
    np.testing.assert_array_equal(out, np.where(shown, a[places[4:] + 3], 0))


@compiled
def listed(mask: NDArray[np.uint8], found: NDArray[np.int64]) -> int:
    return v.list_marked(v.pointer(mask), len(mask), v.pointer(found), 0)


@compiled
def first_bits(mask: NDArray[np.uint8]) -> Any:
    return v.marks(v.pointer(mask), 0), v.lowest(v.marks(v.pointer(mask), 0))


@pytest.mark.parametrize("size", [1, 63, 64, 65, 200])
def test_marks_are_listed_in_order(size: int) -> None:
    mask = (np.random.default_rng(size).random(size) < 0.3).astype(np.uint8) * 7
    found = np.zeros(size + v.FEW_MARKS, np.int64)
    assert listed(mask, found) == np.count_nonzero(mask)
    np.testing.assert_array_equal(found[: np.count_nonzero(mask)], np.flatnonzero(mask))


def test_bits_of_marks() -> None:
    mask = (np.random.default_rng(3).random(v.BYTES) < 0.2).astype(np.uint8)
    assert first_bits(mask) == (bits(mask != 0), np.flatnonzero(mask)[0])


def test_every_instruction_is_tried_here() -> None:
    """A new one needs a test: it is compiled by nothing but what uses it."""
    from pathlib import Path

    tried = Path(__file__).read_text()
    names = [name for name, value in vars(v).items() if type(value).__name__ == "_Intrinsic"]
    assert len(names) > 15
    assert [name for name in names if f"v.{name}(" not in tried] == []


@compiled
def counted(bits: Any) -> Any:
    return v.population(bits), v.lowest(bits)


@pytest.mark.parametrize("number", [0, 1, 6, 1 << 63, (1 << 64) - 1])
def test_bits_are_counted_and_the_lowest_is_found(number: int) -> None:
    lowest = (number & -number).bit_length() - 1 if number else 64
    assert counted(np.uint64(number)) == (number.bit_count(), lowest)


@compiled
def turned(source: F32, step: int, target: F32) -> None:
    v.transpose(v.pointer(source), 2, step, v.pointer(target), 5)


@pytest.mark.parametrize("step", [8, 11])
def test_rows_become_columns(step: int) -> None:
    source, target = np.arange(8 * step + 2, dtype=np.float32), np.full(5 + 8 * L, -1, np.float32)
    turned(source, step, target)
    rows = np.stack([source[2 + k * step :][:8] for k in range(8)])
    found = target[5:].reshape(8, L)
    np.testing.assert_array_equal(found[:, :8], rows.T)
    assert (found[:, 8:] == -1).all(), "only eight columns are written"
