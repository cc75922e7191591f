"""Counts add: any chunking and any order of the same paths gives identical bytes."""

import dataclasses
from functools import reduce
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pathprint.profiling.arrays import Indices
from pathprint.profiling.errors import SignatureError
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.path import ImagePaths
from pathprint.profiling.signatures import storage
from pathprint.profiling.signatures.counts import KINDS, SCHEMA, ClassSignatures, count, key

LABELS = np.array([3, 1, 3, 3, 7, 1, 3, 0, 7, 3])


@pytest.fixture(scope="module")
def single_paths(extractor: Extractor) -> list[ImagePaths]:
    pixels = torch.rand(len(LABELS), 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return [extractor.extract(image[None]) for image in pixels]


def signatures_of(paths: list[ImagePaths], labels: Indices) -> ClassSignatures:
    return count(ImagePaths.join(paths), labels, "extraction")


def saved(signatures: ClassSignatures, folder: Path) -> bytes:
    signatures.save(folder / "s.safetensors")
    return (folder / "s.safetensors").read_bytes()


@given(order=st.permutations(range(len(LABELS))), cuts=st.sets(st.integers(1, len(LABELS) - 1)))
@settings(max_examples=20, deadline=None)
def test_any_order_and_chunking_gives_identical_bytes(
    single_paths: list[ImagePaths],
    tmp_path_factory: pytest.TempPathFactory,
    order: list[int],
    cuts: set[int],
) -> None:
    chunks = np.split(np.array(order), sorted(cuts))
    parts = [signatures_of([single_paths[i] for i in chunk], LABELS[chunk]) for chunk in chunks]
    folder = tmp_path_factory.mktemp("signatures")
    assert saved(reduce(ClassSignatures.merge, parts), folder) == saved(signatures_of(single_paths, LABELS), folder)


def test_counts_are_numbers_of_images(single_paths: list[ImagePaths]) -> None:
    signatures = signatures_of(single_paths, LABELS)
    assert signatures.classes.tolist() == [0, 1, 3, 7]
    assert signatures.images.tolist() == [1, 2, 5, 2]
    for position, shape in enumerate(signatures.layout.layers):
        for kind in KINDS:
            for row, label in enumerate(signatures.classes):
                masks = [
                    p.layers[position].members(kind).mask()[0]
                    for p, c in zip(single_paths, LABELS, strict=True)
                    if c == label
                ]
                np.testing.assert_array_equal(signatures.counts[key(shape, kind)][row], np.sum(masks, axis=0))


def test_file_holds_the_same_signatures(single_paths: list[ImagePaths], tmp_path: Path) -> None:
    signatures = signatures_of(single_paths, LABELS)
    data = saved(signatures, tmp_path)
    loaded = ClassSignatures.load(tmp_path / "s.safetensors")
    assert saved(loaded, tmp_path) == data
    assert loaded.layout == signatures.layout


def test_rows_of_classes_without_a_signature_are_marked(single_paths: list[ImagePaths]) -> None:
    signatures = signatures_of(single_paths, LABELS)
    assert signatures.rows(np.array([0, 3, 2, 9, 7])).tolist() == [0, 2, -1, -1, 3]


def test_signatures_of_different_extractions_do_not_merge(single_paths: list[ImagePaths]) -> None:
    signatures = signatures_of(single_paths, LABELS)
    with pytest.raises(SignatureError, match="do not merge"):
        signatures.merge(dataclasses.replace(signatures, extraction="another"))


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "s.safetensors").write_bytes(b"nonsense")
    with pytest.raises(SignatureError, match=r"s\.safetensors is not a readable signatures file"):
        ClassSignatures.load(tmp_path / "s.safetensors")


@pytest.mark.parametrize(
    "change",
    [
        {"classes": np.array([3, 0, 1, 7])},
        {"classes": np.array([0, 1, 1, 7])},
        {"classes": np.array([-1, 0, 3, 7])},
        {"classes": np.array([0.5, 1.5, 3.0, 7.0])},
        {"images": np.array([300, 300, 300, -1])},
        {"images": np.array([300.0, 300.0, 300.0, 300.0])},
        {"images": np.array([[300], [300], [300], [300]])},
        {"images": np.array([300, 300, 300])},
    ],
)
def test_class_numbers_that_cannot_be_are_refused(
    single_paths: list[ImagePaths], tmp_path: Path, change: dict[str, Indices]
) -> None:
    file = tmp_path / "s.safetensors"
    signatures_of(single_paths, LABELS).save(file)
    stored = storage.read(file, SCHEMA)
    storage.write(file, storage.Stored(stored.facts, {**stored.arrays, **change}))
    with pytest.raises(SignatureError, match="do not fit"):
        ClassSignatures.load(file)


@pytest.mark.parametrize("broken", ["shorter", "larger"])
def test_counts_that_do_not_fit_are_refused(single_paths: list[ImagePaths], tmp_path: Path, broken: str) -> None:
    whole = signatures_of(single_paths, LABELS)
    name = key(whole.layout.layers[0], "neurons")
    counts = whole.counts[name]
    changed = {"shorter": counts[:, :-1], "larger": counts + np.uint32(100)}[broken]
    file = tmp_path / "s.safetensors"
    dataclasses.replace(whole, counts={**whole.counts, name: changed}).save(file)
    with pytest.raises(SignatureError, match="do not fit"):
        ClassSignatures.load(file)
