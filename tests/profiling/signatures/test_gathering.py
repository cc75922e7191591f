"""Signatures that are written class by class are those that were counted together, in either form of the file."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathprint.profiling.errors import OutputError, SignatureError
from pathprint.profiling.paths.path import LayerShape, Layout
from pathprint.profiling.signatures import storage
from pathprint.profiling.signatures.counts import ClassSignatures
from pathprint.profiling.signatures.exact import SparseSignatures, each_class, open_signatures
from pathprint.profiling.signatures.gathering import DENSE_BYTES, SignatureWriter, merge
from pathprint.profiling.signatures.sparse import SparseCounts, unit_sizes

LAYOUT = Layout((LayerShape("conv", (2, 3), (2, 1, 3)), LayerShape("fc", (3,), (3, 2))))
FORMS = pytest.mark.parametrize("dense_bytes", [0, DENSE_BYTES], ids=["sparse", "dense"])


def drawn(numbers: list[int], most: int, seed: int, layout: Layout = LAYOUT) -> ClassSignatures:
    """Return signatures of the classes ``numbers``."""
    generator = np.random.default_rng(seed)
    classes = np.array(sorted(numbers), np.int64)
    images = generator.integers(1, most + 1, len(classes))
    counts = {
        name: (generator.integers(0, 2, (len(classes), size)) * generator.integers(0, images[:, None] + 1)).astype(
            np.uint32
        )
        for name, size in unit_sizes(layout).items()
    }
    return ClassSignatures(layout, "x", classes, images, counts)


@contextmanager
def folder() -> Iterator[Path]:
    """A folder of each example of a property."""
    with TemporaryDirectory() as name:
        yield Path(name)


def write(signatures: ClassSignatures, path: Path, dense_bytes: int) -> bytes:
    with SignatureWriter(path, signatures.layout, signatures.extraction, dense_bytes) as writer:
        for number, images, counts in each_class(signatures):
            writer.add(number, images, counts)
    return path.read_bytes()


def dense(signatures: ClassSignatures, path: Path) -> bytes:
    signatures.save(path)
    return path.read_bytes()


numbers = st.lists(st.integers(0, 12), max_size=6, unique=True)
most = st.sampled_from([1, 9, 255, 256, 70_000])
seeds = st.integers(0, 1000)


@settings(max_examples=40, deadline=None)
@given(numbers, most, seeds)
def test_few_classes_give_the_bytes_of_signatures_counted_together(numbers: list[int], most: int, seed: int) -> None:
    signatures = drawn(numbers, most, seed)
    with folder() as place:
        assert write(signatures, place / "a", DENSE_BYTES) == dense(signatures, place / "b")


@settings(max_examples=40, deadline=None)
@given(numbers, most, seeds)
def test_many_classes_lose_nothing(numbers: list[int], most: int, seed: int) -> None:
    signatures = drawn(numbers, most, seed)
    with folder() as place:
        write(signatures, place / "a", -1)
        found = open_signatures(place / "a")
        assert isinstance(found, SparseSignatures)
        assert (found.layout, found.extraction) == (signatures.layout, "x")
        for (number, images, counts), row in zip(each_class(found), range(len(numbers)), strict=True):
            assert (number, images) == (signatures.classes[row], signatures.images[row])
            for name, own in counts.counts().items():
                np.testing.assert_array_equal(own, signatures.counts[name][row])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(numbers, most, seeds), min_size=1, max_size=4), st.sampled_from([-1, DENSE_BYTES]))
def test_merged_files_are_those_of_all_images_together(
    parts: list[tuple[list[int], int, int]], dense_bytes: int
) -> None:
    drawn_parts = [drawn(*part) for part in parts]
    together = drawn_parts[0]
    for part in drawn_parts[1:]:
        together = together.merge(part)
    with folder() as place:
        opened = []
        for i, part in enumerate(drawn_parts):
            write(part, place / f"{i}", -1 if i % 2 else DENSE_BYTES)  # forms may be mixed
            opened.append(open_signatures(place / f"{i}"))
        merge(opened, place / "merged", dense_bytes)
        assert (place / "merged").read_bytes() == write(together, place / "together", dense_bytes)


def test_the_form_goes_by_the_bytes_of_all_counts(tmp_path: Path) -> None:
    signatures = drawn([0, 5], 9, 0)
    needed = 2 * sum(unit_sizes(LAYOUT).values())
    write(signatures, tmp_path / "s", needed)
    assert isinstance(open_signatures(tmp_path / "s"), ClassSignatures)
    write(signatures, tmp_path / "s", needed - 1)
    assert isinstance(open_signatures(tmp_path / "s"), SparseSignatures)


@FORMS
def test_after_an_error_nothing_is_left(tmp_path: Path, dense_bytes: int) -> None:
    (tmp_path / "s").write_text("older")
    with pytest.raises(KeyError), SignatureWriter(tmp_path / "s", LAYOUT, "x", dense_bytes) as writer:
        writer.add(*next(each_class(drawn([1], 9, 0))))
        raise KeyError
    assert [path.read_text() for path in tmp_path.iterdir()] == ["older"]


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"), SignatureWriter(tmp_path / "file" / "s", LAYOUT, "x"):
        pass


@pytest.mark.parametrize("number", [3, 2])
def test_classes_must_ascend(tmp_path: Path, number: int) -> None:
    (_, images, counts) = next(each_class(drawn([1], 9, 0)))
    with (
        pytest.raises(SignatureError, match="must ascend"),
        SignatureWriter(tmp_path / "s", LAYOUT, "x") as writer,
    ):
        writer.add(3, images, counts)
        writer.add(number, images, counts)


@pytest.mark.parametrize(
    ("images", "layout", "reason"),
    [(1, LAYOUT, "in 1 images of class 7"), (9, Layout(LAYOUT.layers[:1]), "other layers")],
)
def test_counts_that_cannot_be_are_refused(tmp_path: Path, images: int, layout: Layout, reason: str) -> None:
    counts = {name: np.full(size, 2, np.uint32) for name, size in unit_sizes(layout).items()}
    with pytest.raises(SignatureError, match=reason), SignatureWriter(tmp_path / "s", LAYOUT, "x") as writer:
        writer.add(7, images, SparseCounts.of(counts))


def test_signatures_of_other_networks_do_not_merge(tmp_path: Path) -> None:
    one = drawn([1], 9, 0)
    for other in (dataclasses.replace(one, extraction="y"), drawn([1], 9, 0, Layout(LAYOUT.layers[:1]))):
        with pytest.raises(SignatureError, match="do not merge"):
            merge([one, other], tmp_path / "s")
    with pytest.raises(SignatureError, match="no signatures"):
        merge([], tmp_path / "s")


def test_a_file_of_another_schema_is_refused_with_those_that_are_read(tmp_path: Path) -> None:
    storage.write(tmp_path / "s", storage.Stored({"schema": 9}, {"a": np.zeros(1)}))
    with pytest.raises(SignatureError, match="schema 9, but exact signatures have 1 or 2"):
        open_signatures(tmp_path / "s")


@pytest.mark.parametrize("at", range(0, 4000, 97))
def test_a_damaged_file_is_refused_or_read_as_it_is(tmp_path: Path, at: int) -> None:
    """Checksums find what is damaged; here nothing but our own error may be raised."""
    data = bytearray(write(drawn([0, 3, 4], 300, 1), tmp_path / "s", -1))
    data[len(data) * at // 4000] ^= 255
    (tmp_path / "s").write_bytes(data)
    try:
        assert all(counts.values.all() for *_, counts in each_class(open_signatures(tmp_path / "s")))
    except SignatureError as error:
        assert "profile" in str(error) or "readable" in str(error)
