"""What the container starts: the service, or one command of Pathprint. It runs before any package is imported.

Without arguments the service answers about the bundle, or the repository of bundles, that is mounted at ``/bundle``.
If nothing is mounted there, it answers about the digits bundle of the image, to anybody unless there are keys.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PROGRAM = "/opt/pathprint/bin/pathprint"
SERVICE = ("/opt/pathprint/bin/python", "-P", "-m", "pathprint.app")
MOUNTED, EMBEDDED = Path("/bundle"), Path("/opt/pathprint/bundles/digits")
BUILT_FOR = "x86-64-v3"
"""The processors that the image's compiled loops run on, as LLVM names them: x86 with AVX2, since about 2013."""
NEEDED = {"abm", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}


def command(given: Sequence[str], mounted: Path = MOUNTED) -> list[str]:
    """Return the program with its arguments: ``pathprint`` with those given, or the service on what is mounted."""
    if given:
        return [PROGRAM, *given]
    return [*SERVICE, str(EMBEDDED if _is_empty(mounted) else mounted), "--host", "0.0.0.0"]  # noqa: S104


def environment(given: Sequence[str], variables: Mapping[str, str], mounted: Path = MOUNTED) -> dict[str, str]:
    """Return the variables for the program; the embedded bundle is an example, which needs no keys."""
    found = dict(variables)
    if not given and _is_empty(mounted) and "PATHPRINT_KEYS" not in found:
        found.setdefault("PATHPRINT_ALLOW_ANONYMOUS", "true")
    return found


def compiling(variables: Mapping[str, str], can_run: bool) -> dict[str, str]:
    """Return the variables without the processor's name if the image's compiled loops are not to be used.

    Numba then compiles for the processor that is here, at each start.

    Args:
        can_run: whether this processor has all the instructions of ``BUILT_FOR``.
    """
    found = dict(variables)
    name = found.get("NUMBA_CPU_NAME")
    if name == "host" or (name == BUILT_FOR and not can_run):
        found.pop("NUMBA_CPU_NAME")
        found.pop("NUMBA_CPU_FEATURES", None)
    return found


def runs_v3(machine: str, cpuinfo: str) -> bool:
    """Say whether a processor has the instructions of ``BUILT_FOR``, from what Linux says about it."""
    lines = [line.partition(":")[2].split() for line in cpuinfo.splitlines() if line.startswith("flags")]
    return machine == "x86_64" and bool(lines) and all(set(flags) >= NEEDED for flags in lines)


def _is_empty(folder: Path) -> bool:
    return not folder.is_dir() or not any(folder.iterdir())


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def main() -> None:
    """Become the program that was asked for."""
    given = sys.argv[1:]
    variables = compiling(environment(given, os.environ), runs_v3(platform.machine(), _cpuinfo()))
    if not given and _is_empty(MOUNTED):
        sys.stderr.write("pathprint: nothing is mounted at /bundle; serving the embedded digits bundle, an example.\n")
        sys.stderr.flush()
    program = command(given)
    os.execve(program[0], program, variables)  # noqa: S606  # no shell is meant


if __name__ == "__main__":
    main()
