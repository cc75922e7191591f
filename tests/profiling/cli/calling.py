"""How tests call the command line."""

import json
import subprocess
import sys
from typing import NamedTuple, Protocol


class Done(NamedTuple):
    """What a command left."""

    status: object
    stdout: str
    stderr: str


class Command(Protocol):
    def __call__(self, *arguments: object, status: int = 0) -> Done: ...


def spawned(*arguments: object, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own; assert its exit status, and that it never shows a traceback."""
    command = [sys.executable, "-m", "pathprint.profiling.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=800, check=False)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done


def closing_json(done: Done | subprocess.CompletedProcess[str]) -> dict[str, object]:
    (line,) = done.stdout.splitlines()
    data: dict[str, object] = json.loads(line)
    return data
