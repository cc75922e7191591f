"""How much memory a second copy of a bundle may take, where the system says; and giving back what is free."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

_MEBIBYTE = 1024 * 1024
_COPIES = 4
_BASE = 64 * _MEBIBYTE
_GROUPS, _MACHINE, _OWN = Path("/sys/fs/cgroup"), Path("/proc/meminfo"), Path("/proc/self/cgroup")


def needed(folder: Path) -> int:
    """Return the bytes of memory that a bundle may take while it is loaded: its files, what is made of them, and room.

    Weights are laid out anew, and signatures get tables; beside them the golden image is judged.
    """
    return _BASE + _COPIES * sum(file.stat().st_size for file in folder.iterdir())


def available(groups: Path = _GROUPS, machine: Path = _MACHINE, own: Path = _OWN) -> int | None:
    """Return the bytes that this process can still take within its container and machine; None if nobody says.

    Args:
        groups: folder of control groups.
        machine: file that says what the machine has.
        own: file that says in which control groups this process is.
    """
    known = [*_left_in_groups(groups, own), *_left_on(machine)]
    return min(known, default=None)


def give_back() -> None:
    """Have the C library return to the system what is free, where it can: trials and released bundles leave much."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # glibc only
        trim(0)


def _left_on(machine: Path) -> Iterator[int]:
    for line in _lines(machine):
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024


def _left_in_groups(root: Path, own: Path) -> Iterator[int]:
    """Yield what each control group around this process leaves, for both versions of control groups."""
    for line in _lines(own):
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _left_up_from(root, path, ("memory.max", "memory.current", "inactive_file"))
        elif "memory" in controllers.split(","):
            files = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            yield from _left_up_from(root / "memory", path, files)


def _left_up_from(root: Path, path: str, files: tuple[str, str, str]) -> Iterator[int]:
    inner = root / path.lstrip("/")
    # A container may see its own group as the root, under another path than the machine's.
    for group in {root, inner, *(parent for parent in inner.parents if parent.is_relative_to(root))}:
        yield from _left_in(group, *files)


def _left_in(group: Path, limit: str, used: str, reclaimable: str) -> Iterator[int]:
    limits, uses = _lines(group / limit), _lines(group / used)
    if not (limits and uses and limits[0].isdecimal()):
        return  # "max" means no limit
    cached = (line.split() for line in _lines(group / "memory.stat"))
    freed = sum(int(value) for name, value in cached if name == reclaimable)
    yield max(int(limits[0]) - int(uses[0]) + freed, 0)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []
