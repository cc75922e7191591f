"""How many processors this process may use: a container's share counts, not what its machine has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import ceil
from pathlib import Path

_NONE = float("inf")


def processors(root: Path = Path("/")) -> int:
    """Return how many processors this process may use, at least one.

    These are the ones that it is bound to, but no more than the quota of its control group, rounded up.
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(bound, ceil(min(quota(root), bound))))


def quota(root: Path = Path("/")) -> float:
    """Return the processors that the control groups of this process grant it; infinity if they do not say.

    Args:
        root: where ``proc`` and ``sys`` are.
    """
    return min((_share(folder) for folder in _groups(root)), default=_NONE)


def _groups(root: Path) -> Iterator[Path]:
    """Yield the folders of the process's control groups, of version 2 and 1, and of the groups around them."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            yield from _upwards(root / "sys/fs/cgroup", path)
        elif "cpu" in controllers.split(","):
            for name in (controllers, "cpu"):
                yield from _upwards(root / "sys/fs/cgroup" / name, path)


def _upwards(mounted: Path, path: str) -> Iterator[Path]:
    """Yield the folder of a group and those of all groups around it; a container may see none but the outermost."""
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    for length in range(len(parts), -1, -1):
        yield mounted.joinpath(*parts[:length])


def _share(group: Path) -> float:
    """Return the processors that one group grants."""
    for name, other in (("cpu.max", None), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            text = (group / name).read_text() + (f" {(group / other).read_text()}" if other else "")
            granted, period = text.split()[:2]
            if int(granted) > 0 and int(period) > 0:
                return int(granted) / int(period)
        except (OSError, ValueError):  # there is no such file, or it says `max`
            continue
    return _NONE
