"""How far an unfinished job is, from the folder of its run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open

from pathprint.profiling.jobs.run import LOCK, plan_of
from pathprint.profiling.signatures import storage
from pathprint.profiling.studies.findings import Sheet
from pathprint.profiling.writing.lock import held_by

_STAGES = {
    "looked": "images looked at",
    "counted": "paths counted",
    "classes": "classes added up",
    "attacked": "images attacked",
}
"""What the parts of a stage are, by the beginning of its folder's name."""
_READ = 2000
"""Parts of a stage whose facts are read, at most."""
_IN_WORDS = 10


@dataclass(frozen=True, slots=True)
class StageState:
    """How far a stage is.

    Attributes:
        parts: number of parts that are done.
        images: images that they looked at, where the parts say so.
        bad: why images cannot be used.
        is_whole: whether all parts were read for that; of a stage of very many, only the first ones are.
    """

    name: str
    parts: int
    images: int | None
    bad: tuple[str, ...]
    is_whole: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able data."""
        return {"parts": self.parts, "images": self.images, "bad": list(self.bad), "all_read": self.is_whole}


@dataclass(frozen=True, slots=True)
class RunState:
    """How far an unfinished job is.

    Attributes:
        plan: what decides the job's result.
        worked_on_by: the process that works on it; empty if there is none.
    """

    folder: Path
    plan: Mapping[str, Any]
    worked_on_by: str
    stages: tuple[StageState, ...]

    @property
    def title(self) -> str:
        who = f"worked on by {self.worked_on_by}" if self.worked_on_by else "no process works on it"
        return f"Unfinished run of `pathprint {self.plan.get('job', '?')}`; {who}"

    def sheets(self) -> list[Sheet]:
        """Return state, options and bad images as tables."""
        total = self.plan.get("images")
        rows = tuple(
            (_in_words(stage.name), str(stage.parts), _of(stage, total), str(len(stage.bad))) for stage in self.stages
        )
        state = Sheet("What is done", ("stage", "parts", "images", "bad"), rows or (("nothing yet", "0", "0", "0"),))
        options = Sheet("Inputs and options", ("", "value"), tuple(_flat(self.plan)))
        bad = [reason for stage in self.stages for reason in stage.bad]
        listed = tuple((str(number), reason) for number, reason in enumerate(bad[:_IN_WORDS], 1))
        return [state, options, *([Sheet("Images that cannot be used", ("", "reason"), listed)] if bad else [])]

    def notes(self) -> list[str]:
        """Return what a reader has to know."""
        found = ["the same command goes on with it; --restart discards it"] if not self.worked_on_by else []
        partial = [stage.name for stage in self.stages if not stage.is_whole]
        return [*found, *(f"images and bad ones of {name} are those of {_READ} parts only" for name in partial)]

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able data."""
        stages = {stage.name: stage.to_dict() for stage in self.stages}
        return {"kind": "run", "plan": dict(self.plan), "worked_on_by": self.worked_on_by, "stages": stages}


def run_state(folder: Path) -> RunState:
    """Return how far the job is whose run is kept in ``folder``; it may be going on meanwhile.

    Raises:
        JobError: the folder is not the run of a job.
    """
    plan = plan_of(folder)
    names = [entry.name for entry in folder.iterdir() if entry.is_dir() and _stage(entry.name)]
    order = list(_STAGES)
    states = [_state(folder / name) for name in sorted(names, key=lambda name: (order.index(_stage(name)), name))]
    return RunState(folder, plan, held_by(folder / LOCK), tuple(state for state in states if state.parts))


def _stage(name: str) -> str:
    return next((stage for stage in _STAGES if name.startswith(stage)), "")


def _state(folder: Path) -> StageState:
    files = sorted(folder.glob("*/*.safetensors"))
    known = [facts for path in files[:_READ] if (facts := _facts(path)) is not None]
    images = [found for facts in known if (found := _images(facts)) is not None]
    bad = tuple(str(reason) for facts in known for reason in dict(facts.get("bad", {})).values())
    return StageState(folder.name, len(files), sum(images) if images else None, bad, len(files) <= _READ)


def _facts(path: Path) -> dict[str, Any] | None:
    """Return the facts of a part; None if it cannot be read, as it is damaged, or was just replaced."""
    try:
        with safe_open(path, "numpy") as file:
            facts = dict(json.loads((file.metadata() or {})[storage.ENTRY])["facts"])
            if "keys" in file.keys():  # noqa: SIM118  # not a dict
                facts["looked"] = file.get_slice("keys").get_shape()[0]
        return facts
    except storage.UNREADABLE:
        return None


def _images(facts: Mapping[str, Any]) -> int | None:
    found = facts.get("looked")
    return found if isinstance(found, int) else None


def _of(stage: StageState, total: object) -> str:
    if stage.images is None:
        return ""
    return f"{stage.images} of {total}" if stage.name == "looked" else str(stage.images)


def _in_words(name: str) -> str:
    return _STAGES[_stage(name)]


def _flat(value: Mapping[str, Any], name: str = "") -> list[tuple[str, str]]:
    """Return the entries of nested data, each with a name and a text; empty ones are left out."""
    found: list[tuple[str, str]] = []
    for key, entry in value.items():
        if isinstance(entry, Mapping):
            found += _flat(entry, f"{name} {key}".strip())
        elif entry not in (None, "", []):
            text = str(entry)
            found.append((f"{name} {key}".strip(), text if len(text) <= 60 else f"{text[:57]}…"))
    return found
