"""A container's share of the processors is found, whatever version of control groups grants it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pathprint.profiling.processors import processors, quota

V2 = "0::/a/b"
V1 = "3:memory:/a\n5:cpu,cpuacct:/a/b\n0::/a/b"
CASES: list[tuple[str, dict[str, str], float]] = [
    (V2, {"cpu.max": "150000 100000\n"}, 1.5),
    (V2, {"a/b/cpu.max": "50000 100000"}, 0.5),
    (V2, {"a/b/cpu.max": "max 100000", "a/cpu.max": "300000 100000", "cpu.max": "400000 100000"}, 3),
    (V2, {"a/b/cpu.max": "max 100000"}, float("inf")),
    (V2, {"a/b/cpu.max": "nonsense"}, float("inf")),
    (V2, {"a/b/cpu.max": ""}, float("inf")),
    (V2, {"a/b/cpu.max": "0 0"}, float("inf")),
    ("0::/../../x", {"cpu.max": "200000 100000"}, 2),
    (V1, {"cpu,cpuacct/a/b/cpu.cfs_quota_us": "250000", "cpu,cpuacct/a/b/cpu.cfs_period_us": "100000"}, 2.5),
    (V1, {"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
    (V1, {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, float("inf")),
    (V1, {"cpu/cpu.cfs_quota_us": "100000"}, float("inf")),
    ("", {}, float("inf")),
]


@pytest.mark.parametrize(("groups", "files", "expected"), CASES)
def test_the_quota_is_what_the_groups_grant(
    tmp_path: Path, groups: str, files: dict[str, str], expected: float
) -> None:
    written = {"proc/self/cgroup": groups} | {f"sys/fs/cgroup/{name}": text for name, text in files.items()}
    for name, text in written.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert quota(tmp_path) == expected
    bound = len(os.sched_getaffinity(0))
    assert 1 <= processors(tmp_path) <= bound
    if expected <= 1:
        assert processors(tmp_path) == 1


def test_without_control_groups_there_is_no_quota(tmp_path: Path) -> None:
    assert quota(tmp_path) == float("inf")
    assert processors(tmp_path) == len(os.sched_getaffinity(0))
