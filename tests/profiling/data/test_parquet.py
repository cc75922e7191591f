"""Parquet files: columns and labels are found by Hugging Face's notes or by type, and read one row group at a time."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from pathprint.profiling.data import parquet_files
from pathprint.profiling.data.datasets import open_dataset
from pathprint.profiling.data.parquet_files import Cache
from pathprint.profiling.data.pictures import open_pictures
from pathprint.profiling.errors import DataError, MissingExtraError
from tests.profiling.data.containers import picture, tabled, tables

IMAGES = [{"bytes": picture(i), "path": f"{i}.png"} for i in range(3)]
PNGS = [picture(i) for i in range(3)]


def written(path: Path, features: dict[str, Any] | None = None, **columns: Any) -> str:
    table = pa.table(columns)
    if features is not None:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    parquet.write_table(table, path)
    return str(path)


@pytest.mark.parametrize(
    ("columns", "labels"),
    [
        ({"image": IMAGES, "label": [2, 0, 2]}, ["2", "0", "2"]),
        ({"image": PNGS, "label": ["dog", "cat", "dog"]}, ["dog", "cat", "dog"]),
        ({"img": PNGS, "labels": ["2", "10", "2"]}, ["2", "10", "2"]),
        ({"photo": IMAGES, "cls": [1, 1, 1]}, ["1", "1", "1"]),
        ({"image": PNGS, "mask": PNGS, "label": pa.array([1, 0, 1], pa.uint8())}, ["1", "0", "1"]),
        ({"image": pa.array(PNGS, pa.large_binary()), "label": pa.array([1, 0, 1], pa.int32())}, ["1", "0", "1"]),
        ({"image": PNGS, "label": pa.array(["a", "b", "a"]).dictionary_encode()}, ["a", "b", "a"]),
    ],
)
def test_columns_are_found_by_name_and_type(tmp_path: Path, columns: dict[str, Any], labels: list[str]) -> None:
    dataset = open_dataset(written(tmp_path / "d.parquet", **columns))
    assert [dataset.classes[number] for number in dataset.labels] == labels
    assert [int(np.asarray(dataset.image(i))[0, 0]) for i in range(3)] == [0, 1, 2]
    assert list(dataset.names) == [f"d.parquet/{i}" for i in range(3)]


def test_notes_say_which_columns_and_names_are_meant(tmp_path: Path) -> None:
    features = {
        "mask": {"_type": "Value"},
        "photo": {"_type": "Image"},
        "kind": {"_type": "ClassLabel", "names": ["cat", "dog", "ox"]},
    }
    dataset = open_dataset(written(tmp_path / "d.parquet", features, mask=PNGS[::-1], photo=IMAGES, kind=[2, 0, 0]))
    assert [dataset.classes[number] for number in dataset.labels] == ["ox", "cat", "cat"]
    assert dataset.content(0) == PNGS[0]
    assert dataset.matched_to(["cat", "ox"]).labels.tolist() == [1, 0, 0]


NAMES = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": ["cat", "dog"]}}
TWICE = {"label": {"_type": "ClassLabel", "names": ["cat", "cat"]}}
TWO = {name: {"_type": "ClassLabel", "names": ["cat", "dog"]} for name in ("fine", "coarse")}


@pytest.mark.parametrize(
    ("features", "columns", "message"),
    [
        (None, {"text": ["a"], "label": [1]}, "has no column of images; one called image is expected"),
        (None, {"image": PNGS}, "has no column of labels; one called label is expected"),
        (None, {"left": PNGS, "right": PNGS, "label": [1] * 3}, r"several columns of images \(left, right\); call"),
        (TWO, {"image": PNGS, "fine": [1] * 3, "coarse": [1] * 3}, r"several columns of labels \(fine, coarse\)"),
        (NAMES, {"image": IMAGES, "label": [0, 1, 2]}, "there is a label 2, but only 2 classes have names"),
        (NAMES, {"image": IMAGES, "label": [-1, -1, -1]}, "there are labels from -1 to -1"),
        (TWICE, {"image": IMAGES, "label": [0, 1, 0]}, "two classes are called 'cat'"),
        (None, {"image": IMAGES, "label": [0, None, 1]}, "row 1 has the label None; a whole number or a text"),
        (None, {"image": IMAGES, "label": [0.5, 1.0, 1]}, "row 0 has the label 0.5"),
        (None, {"image": IMAGES, "label": [[0], [1], [1]]}, r"row 0 has the label \[0\]"),
        (None, {"image": IMAGES, "label": [True, False, True]}, "row 0 has the label True"),
    ],
)
def test_unclear_tables_are_refused(tmp_path: Path, features: Any, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_dataset(written(tmp_path / "d.parquet", features, **columns))


@pytest.mark.parametrize("notes", [b"{", b"[]", b'{"info": null}', b'{"info": {"features": []}}', b"[" * 100_000])
def test_odd_notes_count_as_none(tmp_path: Path, notes: bytes) -> None:
    table = pa.table({"image": IMAGES, "label": [0, 1, 0]}).replace_schema_metadata({b"huggingface": notes})
    parquet.write_table(table, tmp_path / "d.parquet")
    assert len(open_dataset(str(tmp_path / "d.parquet"))) == 3


def test_pictures_need_no_labels(tmp_path: Path) -> None:
    assert len(open_pictures(written(tmp_path / "d.parquet", image=PNGS, label=[None] * 3))) == 3


@pytest.mark.parametrize(
    ("names", "held_out"),
    [
        (["train-0.parquet", "test-0.parquet"], [False, True]),
        (["train/0000.parquet", "validation/0000.parquet"], [False, True]),
        (["d-training-1.parquet", "d-Val-1.parquet", "d-dev.parquet"], [False, True, True]),
        (["a.parquet", "test.parquet"], [False, True]),
        (["trainer-0.parquet", "contest-0.parquet"], None),
        (["train-0.parquet", "train-1.parquet"], None),
        (["test-0.parquet", "test-1.parquet"], None),
    ],
)
def test_files_called_after_a_part_are_held_out(tmp_path: Path, names: list[str], held_out: list[bool] | None) -> None:
    for name in names:
        tabled(tmp_path / "data" / name, IMAGES[:1], [3])
    dataset = open_dataset(str(tmp_path))
    assert dataset.names == [f"{name}/0" for name in sorted(names)] or list(dataset.names) == [
        f"{name}/0" for name in sorted(names)
    ]
    found = None if dataset.held_out is None else dict(zip(sorted(names), dataset.held_out.tolist(), strict=True))
    assert found == (held_out and dict(zip(names, held_out, strict=True)))


def test_files_of_other_columns_are_refused(tmp_path: Path) -> None:
    written(tmp_path / "train.parquet", NAMES, image=IMAGES, label=[0, 1, 0])
    written(tmp_path / "test.parquet", image=IMAGES, label=[0, 1, 0])
    with pytest.raises(DataError, match="have different columns or classes"):
        open_dataset(str(tmp_path))


def test_folders_of_two_kinds_are_refused(tmp_path: Path) -> None:
    tables(tmp_path, {"train/cat/0.png": picture(0)})
    (tmp_path / "d.tar").write_bytes(b"")
    with pytest.raises(DataError, match=r"holds \.tar and \.parquet files; give one kind"):
        open_dataset(str(tmp_path))


def test_files_that_are_no_tables_are_refused(tmp_path: Path) -> None:
    whole = Path(written(tmp_path / "whole.parquet", image=IMAGES, label=[0, 1, 0])).read_bytes()
    for data in (b"", b"hello", b"PAR1PAR1", whole[:-9], whole[200:]):
        (tmp_path / "d.parquet").write_bytes(data)
        with pytest.raises(DataError, match=r"d\.parquet(: the column .label. cannot be read| is not a readable)"):
            open_dataset(str(tmp_path / "d.parquet"))


def test_few_row_groups_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0)
    images = [{"bytes": noise.bytes(1000), "path": None} for _ in range(40)]
    for part in range(12):
        tabled(tmp_path / f"{part:02}.parquet", images, [0] * 40, row_group_size=10)
    monkeypatch.setattr(parquet_files, "_KEPT_BYTES", 25_000)
    caches: list[Cache] = []

    def kept() -> Cache:
        caches.append(Cache())
        return caches[-1]

    monkeypatch.setattr(parquet_files, "Cache", kept)
    pictures = open_pictures(str(tmp_path))
    order = noise.permutation(len(pictures))
    assert all(pictures.content(int(i)) == images[i % 40]["bytes"] for i in order)
    assert sum(column.nbytes for cache in caches for column in cache.groups.values()) <= 25_000
    assert sum(len(cache.files) for cache in caches) <= 8


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "d.parquet", image=IMAGES, label=[0, 1, 0])
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r"needs pyarrow .* pip install 'pathprint\[parquet\]'"):
        open_dataset(path)
