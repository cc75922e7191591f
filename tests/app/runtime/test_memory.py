"""How much memory is left, from the files in which systems say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pathprint.app.runtime import memory

GIB = 1024**3


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    file = tmp_path / "meminfo"
    file.write_text("MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\n")
    return file


def write(group: Path, **files: str) -> None:
    group.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (group / name.replace("__", ".")).write_text(text)


def test_the_machine_limits_what_is_left(tmp_path: Path, machine: Path) -> None:
    assert memory.available(tmp_path / "absent", machine) == 8 * GIB


def test_a_container_limits_it_further_and_its_cache_counts_as_free(tmp_path: Path, machine: Path) -> None:
    versions = ("0::/app\n", "4:memory:/app\n")
    files = (
        {
            "memory__max": f"{2 * GIB}\n",
            "memory__current": f"{GIB}\n",
            "memory__stat": f"anon 1\ninactive_file {GIB}\n",
        },
        {
            "memory__limit_in_bytes": f"{2 * GIB}\n",
            "memory__usage_in_bytes": f"{GIB}\n",
            "memory__stat": f"inactive_file 7\ntotal_inactive_file {GIB}\n",
        },
    )
    for number, (version, found) in enumerate(zip(versions, files, strict=True)):
        groups, own = tmp_path / f"groups{number}", tmp_path / f"own{number}"
        own.write_text(version)
        inner = groups / "memory" if number else groups
        for group in (inner, inner / "app"):  # as seen from inside a container, and from outside
            write(group, **found)
            assert memory.available(groups, machine, own) == 2 * GIB


def test_no_limit_limits_nothing_and_unknown_is_unknown(tmp_path: Path, machine: Path) -> None:
    (tmp_path / "own").write_text("0::/\n")
    write(tmp_path / "groups", memory__max="max\n", memory__current="5\n")
    assert memory.available(tmp_path / "groups", machine, tmp_path / "own") == 8 * GIB
    assert memory.available(tmp_path / "no", tmp_path / "no", tmp_path / "no") is None


def test_this_machine_says_something_sensible() -> None:
    found = memory.available()
    assert found is None or found > 0


def test_a_bundle_needs_more_than_its_files(bundle_folder: Path) -> None:
    assert memory.needed(bundle_folder) > sum(file.stat().st_size for file in bundle_folder.iterdir())
