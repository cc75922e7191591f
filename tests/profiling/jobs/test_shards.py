"""A shard is what was written, or it is nothing: damage, other plans and other tasks are noticed."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathprint.profiling.jobs.shards import ShardFiles, Shards, ShardsInMemory
from pathprint.profiling.signatures.storage import Stored

STORED = Stored({"taken": 3, "bad": {"4": "broken"}}, {"counts": np.arange(7, dtype=np.uint8), "none": np.zeros(0)})


@pytest.fixture(params=["files", "memory"])
def shards(request: pytest.FixtureRequest, tmp_path: Path) -> Shards:
    return ShardFiles(tmp_path, "plan") if request.param == "files" else ShardsInMemory()


def test_what_was_written_is_read(shards: Shards) -> None:
    shards.write(1_234_567, STORED)
    found = shards.read(1_234_567)
    assert found is not None
    assert found.facts == STORED.facts == shards.facts(1_234_567)
    assert {name: array.tolist() for name, array in found.arrays.items()} == {"counts": list(range(7)), "none": []}
    assert shards.numbers() == {1_234_567}


def test_what_is_missing_or_removed_is_nothing(shards: Shards) -> None:
    shards.write(0, STORED)
    shards.remove([0, 5])
    assert (shards.read(0), shards.facts(0), shards.read(5), shards.numbers()) == (None, None, None, set())


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_byte_can_change_or_be_lost_unnoticed(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    shards = ShardFiles(tmp_path_factory.mktemp("shards"), "plan")
    shards.write(7, STORED)
    path = shards.path(7)
    content = path.read_bytes()
    at = data.draw(st.integers(0, len(content) - 1))
    changed = bytearray(content)
    changed[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(changed) if data.draw(st.booleans()) else content[:at])
    found = shards.read(7)
    if found is not None:  # a change that JSON does not know, such as of a blank in the header
        assert found.facts == STORED.facts
        assert all((found.arrays[name] == STORED.arrays[name]).all() for name in STORED.arrays)


def test_shards_of_another_plan_or_task_are_foreign(tmp_path: Path) -> None:
    own, other = ShardFiles(tmp_path, "plan"), ShardFiles(tmp_path, "another plan")
    other.write(0, STORED)
    assert (own.read(0), own.facts(0)) == (None, None)
    own.write(1, STORED)
    shutil.copy(own.path(1), own.path(2))
    assert own.read(2) is None
    assert own.read(1) is not None


def test_equal_results_are_equal_files(tmp_path: Path) -> None:
    for name in "ab":
        ShardFiles(tmp_path / name, "plan").write(3, STORED)
    assert (
        ShardFiles(tmp_path / "a", "plan").path(3).read_bytes()
        == ShardFiles(tmp_path / "b", "plan").path(3).read_bytes()
    )
