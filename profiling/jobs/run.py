"""The folder in which a job keeps what it has done, so that the same command goes on after anything that stopped it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pathprint.models.network import canonical_json
from pathprint.profiling.errors import JobError, OutputError
from pathprint.profiling.jobs.shards import ShardFiles, Shards, ShardsInMemory
from pathprint.profiling.writing.lock import Held, hold
from pathprint.profiling.writing.places import refusals
from pathprint.profiling.writing.whole import whole_file

SCHEMA = 1
PLAN = "plan.json"
LOCK = "lock"
_SHOWN = 5


@dataclass(frozen=True)
class Run:
    """What a job has done so far.

    Attributes:
        folder: where it is kept; None if the job is not meant to be continued, and keeps it in memory.
        plan: everything that decides the job's result, as JSON-able data.
    """

    folder: Path | None
    plan: Mapping[str, Any]

    def shards(self, stage: str, **facts: Any) -> Shards:
        """Return the results of the tasks of a stage; ``facts`` decide them beside the plan."""
        if self.folder is None:
            return ShardsInMemory()
        content = canonical_json({"plan": dict(self.plan), "stage": stage, "facts": facts})
        return ShardFiles(self.folder / stage, hashlib.sha256(content).hexdigest())


@contextmanager
def opened(folder: Path | None, plan: Mapping[str, Any], restart: bool = False) -> Iterator[Run]:
    """Yield the run in ``folder``, which goes on if it was begun with the same plan, and nobody else uses meanwhile.

    Args:
        folder: it is made if it is missing; None for a job that is not meant to be continued.
        restart: discard what another plan, or this one, has left.

    Raises:
        JobError: the folder has the run of another plan, whose differences are named, or another job is using it.
        OutputError: the folder is not that of a run, or cannot be written.
    """
    if folder is None:
        yield Run(None, plan)
        return
    with refusals(folder):
        _check_ours(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            if restart:
                _empty(folder)
            _write_or_compare(folder, plan)
            yield Run(folder, plan)


def _check_ours(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()) and not (folder / PLAN).is_file() and not (folder / LOCK).is_file():
        raise OutputError(f"{folder} exists and is not the run of a job; remove it, or choose another name.")


@contextmanager
def _alone(folder: Path) -> Iterator[Held]:
    """Keep other jobs out of the folder.

    Raises:
        JobError: one is in it.
    """
    with hold(folder / LOCK, f"process {os.getpid()} on {socket.gethostname()}") as held:
        if held.by:
            raise JobError(
                f"another job ({held.by}) is writing to {folder}; wait for its end, or choose another name for the "
                "result."
            )
        yield held


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.name != LOCK:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _write_or_compare(folder: Path, plan: Mapping[str, Any]) -> None:
    path, content = folder / PLAN, canonical_json({"schema": SCHEMA, "plan": dict(plan)})
    if not path.exists():
        with whole_file(path) as partial:
            partial.write_bytes(content)
        return
    try:
        found = json.loads(path.read_bytes())
        begun, schema = dict(found["plan"]), found["schema"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise JobError(f"{path} is damaged ({error!r}); begin anew with --restart.") from error
    found = differences(begun, json.loads(content)["plan"])
    if schema != SCHEMA:
        found = [f"version of the run: {schema} there, {SCHEMA} now"]
    if found:
        raise JobError(
            f"{folder} has an unfinished run with other inputs or options: {'; '.join(found[:_SHOWN])}. Give "
            "the options of that run to go on with it, or discard it with --restart."
        )


def differences(begun: Any, wanted: Any, name: str = "", sides: tuple[str, str] = ("there", "now")) -> list[str]:
    """Return what differs between two plans, or other JSON-able data, in words; ``sides`` say which is which."""
    if isinstance(begun, dict) and isinstance(wanted, dict):
        names = sorted(begun.keys() | wanted.keys())
        pairs = [(f"{name} {key}".strip(), begun.get(key), wanted.get(key)) for key in names]
        return [text for part, one, other in pairs for text in differences(one, other, part, sides)]
    return [] if begun == wanted else [f"{name}: {_shown(begun)} {sides[0]}, {_shown(wanted)} {sides[1]}"]


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def plan_of(folder: Path) -> dict[str, Any]:
    """Return the plan of an unfinished run.

    Raises:
        JobError: the folder has none that can be read.
    """
    with suppress(OSError, ValueError, LookupError, TypeError, RecursionError):
        return dict(json.loads((folder / PLAN).read_bytes())["plan"])
    raise JobError(f"{folder} is not the run of a job: it has no readable {PLAN}.")
