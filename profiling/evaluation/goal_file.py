"""Read goals from a file of numbers.

    min_mean_auc = 0.95
    min_worst_auc = 0.9
    max_flagged_clean = 0.06

    [attacks."pgd-0.1"]
    min_tpr = 0.8

The file is TOML, or JSON with the names and the tables of TOML.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pathprint.profiling.errors import OptionsError
from pathprint.profiling.evaluation.goals import ATTACKS, KINDS, OF_ATTACK, Goal, Kind, of_one


def read_goals(path: Path, full: bool) -> tuple[Goal, ...]:
    """Return the goals in a TOML or JSON file.

    Args:
        full: whether all is to be measured.

    Raises:
        OptionsError: the file cannot be read, has no goals, an unknown one, one that is no share, or one that only a
            full evaluation measures.
    """
    try:
        text = path.read_text(encoding="utf-8")
        held = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise OptionsError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise OptionsError(f"{path} is no {kind} file of goals: {error}.") from error
    goals = tuple(_goals(path, held, text))
    if not goals:
        raise OptionsError(f"{path} has no goals; allowed are {_allowed()}.")
    for goal in goals:
        if goal.kind.full and not full:
            raise OptionsError(f"{path}: the goal {goal.name} is about what only `full` measures; ask for it.")
    return goals


def _goals(path: Path, held: Any, text: str) -> Iterator[Goal]:
    if not isinstance(held, Mapping):
        raise OptionsError(f"{path} holds {type(held).__name__}; an object of goals is expected.")
    for name, value in held.items():
        if name == ATTACKS and isinstance(value, Mapping):
            for attack, wanted in value.items():
                yield from _attack_goals(path, attack, wanted, text)
        elif name in KINDS:
            yield Goal(name, KINDS[name], _share(path, name, value), _line(text, name))
        else:
            raise OptionsError(f"{path}: there is no goal {name!r}; allowed are {_allowed()}.")


def _attack_goals(path: Path, attack: str, wanted: Any, text: str) -> Iterator[Goal]:
    if not isinstance(wanted, Mapping):
        raise OptionsError(f"{path}: {ATTACKS}.{attack} is no table; write {', '.join(OF_ATTACK)} in it.")
    for name, value in wanted.items():
        if name not in OF_ATTACK:
            raise OptionsError(f"{path}: there is no goal {name!r} of an attack; allowed are {', '.join(OF_ATTACK)}.")
        said, of = OF_ATTACK[name]
        kind = Kind(said.format(attack), True, of_one(attack, of))
        full_name = f"{ATTACKS}.{attack}.{name}"
        yield Goal(full_name, kind, _share(path, full_name, value), _line(text, name, after=attack))


def _share(path: Path, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise OptionsError(f"{path}: the goal {name} is {value!r}; a number from 0 to 1 is expected.")
    return float(value)


def _line(text: str, name: str, after: str = "") -> int:
    """Return the number of the line in which a name stands first, at or after the line of another one."""
    start = text.find(after) if after else 0
    found = re.compile(rf"(?<![\w-])[\"']?{re.escape(name)}[\"']?\s*[=:]").search(text, max(start, 0))
    return text.count("\n", 0, found.start()) + 1 if found else 1


def _allowed() -> str:
    return f"{', '.join(KINDS)}, and tables {ATTACKS}.NAME with {', '.join(OF_ATTACK)}"
