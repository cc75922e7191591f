"""Compact signatures give what their decoded rows say, and the levels are the best that so few can be."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.errors import SignatureError
from pathprint.profiling.paths.path import LayerShape, Layout, Marked, Members
from pathprint.profiling.signatures.compact import CompactSignatures, open_served, served, write_compact
from pathprint.profiling.signatures.compact_lookup import CompactLookup, fastest
from pathprint.profiling.signatures.counts import ClassSignatures
from pathprint.profiling.signatures.exact import SparseSignatures
from pathprint.profiling.signatures.gathering import SignatureWriter
from pathprint.profiling.signatures.levels import LEVELS, Levels, best_ranges
from pathprint.profiling.signatures.lookup import Lookup
from pathprint.profiling.signatures.planes import Columns, levels_of, row_of
from pathprint.profiling.signatures.row_file import RowFile, RowWriter
from pathprint.profiling.signatures.sparse import unit_sizes
from pathprint.profiling.signatures.tallying import tally

from .test_gathering import LAYOUT, drawn, write

WIDE = Layout(
    (LayerShape("conv", (3, 70), (3, 1, 7)), LayerShape("wide", (9000,), (1, 1)), LayerShape("fc", (64,), (64, 2)))
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compact")


def compact(signatures: ClassSignatures, folder: Path) -> CompactSignatures:
    write_compact(signatures, folder / "c")
    return CompactSignatures.open(folder / "c")


def paths(sizes: dict[str, int], images: int, seed: int) -> list[tuple[str, Members]]:
    """Return random paths: nothing of some layers, all of others."""
    generator = np.random.default_rng(seed)
    shares = generator.choice([0, 0.05, 0.5, 1], (len(sizes), images, 1))
    return [
        (name, Members.of(generator.random((images, size)) < share))
        for (name, size), share in zip(sizes.items(), shares, strict=True)
    ]


layouts = st.sampled_from([LAYOUT, WIDE])
numbers = st.lists(st.integers(0, 12), max_size=5, unique=True)
most = st.sampled_from([1, 2, 9, 300])
seeds = st.integers(0, 1000)


@settings(max_examples=40, deadline=None)
@given(layouts, numbers, most, seeds, st.integers(2, 4), st.integers(1, 3))
def test_sums_are_those_of_the_decoded_rows(
    folder: Path, layout: Layout, numbers: list[int], most: int, seed: int, voters: int, images: int
) -> None:
    signatures = compact(drawn(numbers, most, seed, layout), folder)
    lookup, sets = CompactLookup.of(signatures), paths(unit_sizes(layout), images, seed)
    rows = np.random.default_rng(seed).integers(-1, len(numbers), (images, voters))
    sizes, sums = lookup.add_up(sets, rows)
    for j, (name, members) in enumerate(sets):
        shares_of = [lookup.share_of(name, rows[i]) for i in range(images)]
        logs = [lookup.log_frequency_of(name, rows[i]) for i in range(images)]
        for i, v in itertools.product(range(images), range(voters)):
            own = members.one(i)
            assert sizes[i, j] == len(own)
            odds, share, log, kept = decoded(lookup, name, int(rows[i, v]))
            np.testing.assert_allclose(sums.odds[j, i, v], odds[own].sum(), atol=1e-8)
            np.testing.assert_array_equal(logs[i][v], log)
            np.testing.assert_array_equal(shares_of[i][v], share * kept)
            if v < 2:
                assert sums.contained[j, i, v] == kept[own].sum()
                np.testing.assert_allclose(sums.frequency[j, i, v], share[own].sum(), atol=1e-8)
                np.testing.assert_allclose(sums.log_frequency[j, i, v], log[own].sum(), atol=1e-8)


def decoded(lookup: CompactLookup, name: str, row: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return, of each unit, what is looked up, and whether it is kept."""
    column, arrays = lookup._columns[name], lookup.signatures.file.arrays
    if row < 0:
        return tuple(np.full(column.size, value) for value in (0.0, 0.5, np.log(0.5), 0.0))  # type: ignore[return-value]
    levels = column.levels(row)
    odds, share, log = (arrays[table][row][levels] for table in ("odds", "frequency", "log_frequency"))
    return odds, share, log, (levels > 0).astype(float)


@settings(max_examples=40, deadline=None)
@given(layouts, numbers.filter(bool), most, seeds)
def test_compiled_is_plain(folder: Path, layout: Layout, numbers: list[int], most: int, seed: int) -> None:
    lookup = CompactLookup.of(compact(drawn(numbers, most, seed, layout), folder))
    rows = np.random.default_rng(seed).integers(0, len(numbers) + 1, (3, 2))
    assert fastest() is not tally
    for name, members in paths(unit_sizes(layout), 3, seed):
        column = lookup._columns[name]
        np.testing.assert_array_equal(fastest()(column, members, rows), tally(column, members, rows))


@settings(max_examples=40, deadline=None)
@given(layouts, numbers.filter(bool), st.integers(1, LEVELS), seeds)
def test_of_few_images_nothing_is_lost(folder: Path, layout: Layout, numbers: list[int], most: int, seed: int) -> None:
    """There are as many levels as counts, so every sum is that of the exact signatures."""
    signatures = drawn(numbers, most, seed, layout)
    sets, rows = paths(unit_sizes(layout), 2, seed), np.random.default_rng(seed).integers(-1, len(numbers), (2, 3))
    exact, found = Lookup.of(signatures), CompactLookup.of(compact(signatures, folder))
    for part in ("odds", "contained", "frequency", "log_frequency"):
        one, other = (getattr(lookup.add_up(sets, rows)[1], part) for lookup in (exact, found))
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(layouts, numbers, most, seeds)
def test_sums_over_all_units_are_exact(folder: Path, layout: Layout, numbers: list[int], most: int, seed: int) -> None:
    signatures = drawn(numbers, most, seed, layout)
    exact, found = Lookup.of(signatures), CompactLookup.of(compact(signatures, folder))
    for name in unit_sizes(layout):
        np.testing.assert_allclose(found.usual[name], exact.usual[name], rtol=1e-12)
        np.testing.assert_allclose(found.absence[name], exact.absence[name], rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=2, max_size=60), st.sampled_from([0.0, 0.02, 0.2]))
def test_a_level_is_a_range_of_counts_and_its_mean(occurrences: list[int], share: float) -> None:
    """So nothing is further from what stands for it than the range is wide."""
    units = np.array(occurrences)
    levels = Levels.of(units, share)
    images = len(units) - 1
    assert levels.of_count[0] == 0
    assert (np.diff(levels.of_count) >= 0).all()
    assert (levels.of_count[1:] == 0).sum() == max(0, int(np.ceil(share * images)) - 1)
    p = (np.arange(images + 1) + 0.5) / (images + 1)
    for found, exact in ((levels.odds, np.log(p / (1 - p))), (levels.frequency, p), (levels.log_frequency, np.log(p))):
        for level in range(LEVELS + 1):
            own = levels.of_count == level
            if units[own].sum():
                rounding = len(units) * np.finfo(float).eps * np.abs(exact[own]).max()  # log-odds may cancel to 0
                np.testing.assert_allclose(found[level], np.average(exact[own], weights=units[own]), atol=rounding)
        width = np.array([np.ptp(exact[levels.of_count == level]) for level in levels.of_count])
        assert (np.abs(found[levels.of_count] - exact) <= width + 1e-9).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 9)), min_size=1, max_size=8), st.integers(1, 4))
def test_ranges_have_the_smallest_squared_error(points: list[tuple[int, int]], most: int) -> None:
    points = sorted(dict(points).items())
    values, weights = (np.array(column, float) for column in zip(*points, strict=True))

    def error(parts: Indices) -> float:
        found = 0.0
        for part in np.unique(parts):
            w, x = weights[parts == part], values[parts == part]
            found += float((w * (x - np.average(x, weights=w)) ** 2).sum()) if w.sum() else 0.0
        return found

    found = best_ranges(values, weights, most)
    assert found.min() >= 0
    assert found.max() < most
    assert (np.diff(found) >= 0).all()
    ways = itertools.combinations_with_replacement(range(most), len(values))
    assert error(found) <= min(error(np.array(way)) for way in ways) + 1e-6


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 5000), min_size=1, max_size=3), seeds)
def test_rows_hold_the_levels(sizes: list[int], seed: int) -> None:
    generator = np.random.default_rng(seed)
    columns = Columns({f"{i}": size for i, size in enumerate(sizes)})
    levels = {
        name: generator.integers(0, 4, size) * (np.arange(size) // 200 % 2) for name, size in columns.sizes.items()
    }
    row, groups = row_of(columns, levels)
    at = columns.heads[-1]
    for i, own in enumerate(levels.values()):
        body = row[at : at + 2 * groups[i]]
        np.testing.assert_array_equal(levels_of(len(own), row[columns.heads[i] : columns.heads[i + 1]], body), own)
        at += 2 * groups[i]
    assert at == len(row)


SIGNATURES = drawn([0, 3, 4], 300, 1, WIDE)
NAME = "conv/neurons"
SOUND = paths({NAME: 210}, 2, 0)[0][1]
VOTERS = np.array([[0, 1], [2, -1]])


@pytest.mark.parametrize(
    ("members", "name", "voters"),
    [
        (SOUND, NAME, VOTERS[:, :1]),
        (SOUND, NAME, np.array([[0, 1], [1, 4]])),
        (SOUND, NAME, VOTERS[:1]),
        (SOUND, NAME, VOTERS[0]),
        (SOUND, "other/neurons", VOTERS),
        (Members(SOUND.offsets, SOUND.indices, 211), NAME, VOTERS),
        (Members(SOUND.offsets, SOUND.indices + 210, 210), NAME, VOTERS),
        (Members(SOUND.offsets, SOUND.indices - 210, 210), NAME, VOTERS),
        (Members(SOUND.offsets + 1, SOUND.indices, 210), NAME, VOTERS),
        (Members(SOUND.offsets[::-1].copy(), SOUND.indices, 210), NAME, VOTERS),
    ],
)
def test_what_compiled_code_would_read_out_of_bounds_is_refused(
    folder: Path, members: Members, name: str, voters: Indices
) -> None:
    lookup = CompactLookup.of(compact(SIGNATURES, folder))
    lookup.add_up([(NAME, SOUND)], VOTERS)
    with pytest.raises(SignatureError):
        lookup.add_up([(name, members)], voters)


def test_marked_sets_are_copied_and_that_is_said_once(folder: Path) -> None:
    lookup = CompactLookup.of(compact(SIGNATURES, folder))
    marked = Marked(torch.from_numpy(SOUND.mask()))
    with pytest.warns(RuntimeWarning, match="copied there from the GPU"):
        _, found = lookup.add_up([(NAME, marked)], VOTERS)
    np.testing.assert_array_equal(found.odds, lookup.add_up([(NAME, marked)], VOTERS)[1].odds)
    np.testing.assert_array_equal(found.odds, lookup.add_up([(NAME, SOUND)], VOTERS)[1].odds)


def test_rows_that_were_not_used_for_longest_are_given_back(folder: Path) -> None:
    signatures = compact(SIGNATURES, folder)
    row_bytes = int(np.diff(signatures.file.starts).max())
    lookup = CompactLookup.of(signatures, 2 * row_bytes)
    for voters in ([0, 1], [1, 2], [0, 2]):
        before = lookup.add_up([(NAME, SOUND)], np.array([voters, voters]))[1].odds
        np.testing.assert_array_equal(before, lookup.add_up([(NAME, SOUND)], np.array([voters, voters]))[1].odds)
    assert lookup.resident.rows == [0, 2]


def test_the_served_form_goes_by_the_exact_form(tmp_path: Path) -> None:
    write(SIGNATURES, tmp_path / "s", 0)
    exact = SparseSignatures.open(tmp_path / "s")
    (tmp_path / "s").unlink()
    found = served(exact)
    assert isinstance(found, CompactSignatures)
    found.save(tmp_path / "c")
    assert isinstance(open_served(tmp_path / "c"), CompactSignatures)
    write_compact(SIGNATURES, tmp_path / "d")
    assert (tmp_path / "c").read_bytes() == (tmp_path / "d").read_bytes()
    assert served(SIGNATURES) is SIGNATURES
    SIGNATURES.save(tmp_path / "e")
    assert isinstance(open_served(tmp_path / "e"), ClassSignatures)


def test_a_file_of_another_schema_is_refused_with_those_that_are_read(tmp_path: Path) -> None:
    with SignatureWriter(tmp_path / "s", LAYOUT, "x", -1):
        pass
    with pytest.raises(SignatureError, match="schema 2, but a detector's signatures have 1 or 3"):
        open_served(tmp_path / "s")


def rewritten(path: Path, change: dict[str, Callable[[np.ndarray], np.ndarray]]) -> None:
    """Write the file with other arrays."""
    found = RowFile.open(path)
    rows = np.frombuffer(found.mapped, np.uint8, int(found.starts[-1]), found.data)
    arrays: dict[str, np.ndarray] = {"rows": rows, "starts": found.starts, **found.arrays}
    arrays |= {name: np.ascontiguousarray(make(arrays[name])) for name, make in change.items()}
    with path.with_suffix(".new").open("wb") as file:
        writer = RowWriter(file, found.facts)
        writer.add(arrays.pop("rows").tobytes())
        writer.finish(arrays)
    path.with_suffix(".new").replace(path)


def test_a_rewritten_file_is_read(tmp_path: Path) -> None:
    write_compact(SIGNATURES, tmp_path / "c")
    rewritten(tmp_path / "c", {})
    assert CompactSignatures.open(tmp_path / "c").images.tolist() == SIGNATURES.images.tolist()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"groups": lambda a: a - 1}, "arrays do not fit"),
        ({"groups": lambda a: a + 1}, "shorter than their groups"),
        ({"groups": lambda a: a[:, ::-1]}, "other groups"),
        ({"groups": lambda a: a[:, :-1]}, "arrays do not fit"),
        ({"groups": lambda a: a.astype(np.float64)}, "arrays do not fit"),
        ({"starts": lambda a: a[:-1]}, "do not fit their length"),
        ({"starts": lambda a: a + 64}, "do not fit their length"),
        ({"starts": lambda a: a[[0, 2, 1, 3]]}, "not ascending"),
        ({"starts": lambda a: a + np.array([0, 1, 1, 0])}, "not aligned"),
        ({"starts": lambda a: a[[0, 1, 1, 2, 3]]}, "arrays do not fit"),
        ({"odds": lambda a: a[:, :-1]}, "arrays do not fit"),
        ({"odds": lambda a: a * np.nan}, "arrays do not fit"),
        ({"usual": lambda a: a[:-1]}, "arrays do not fit"),
        ({"classes": lambda a: a[::-1]}, "arrays do not fit"),
        ({"rows": lambda a: a[:-64]}, "do not fit their length"),
        ({"rows": lambda a: ~a}, "other groups"),
    ],
)
def test_arrays_that_contradict_themselves_are_refused(
    tmp_path: Path, change: dict[str, Callable[[np.ndarray], np.ndarray]], reason: str
) -> None:
    write_compact(SIGNATURES, tmp_path / "c")
    rewritten(tmp_path / "c", change)
    with pytest.raises(SignatureError, match=f"readable signatures file: .*{reason}"):
        CompactSignatures.open(tmp_path / "c")
