"""Goals that an evaluation has to meet, as a pipeline checks them: a file of numbers, and which of them are unmet.

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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from pathprint.profiling.errors import OptionsError
from pathprint.profiling.evaluation.figures import AttackDetection, Report
from pathprint.profiling.evaluation.metrics import Estimate

_ATTACKS = "attacks"
_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure that a goal is about.

    Attributes:
        value: nan if it was not measured.
        of: what it was found on, where that is one of several, such as the worst attack.
        low, high: its 95 % interval; nan if it has none.
    """

    value: float
    of: str = ""
    low: float = _NAN
    high: float = _NAN


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of goal.

    Attributes:
        text: what the figure is.
        at_least: whether the figure has to reach the goal; else it must not exceed it.
        measured: returns the figure of a report.
        full: whether it is measured only with ``full``.
    """

    text: str
    at_least: bool
    measured: Callable[[Report], Measured]
    full: bool = False


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal as it stands in a file.

    Attributes:
        name: of its kind, or ``attacks.NAME.KIND`` for one attack.
        limit: the number that has to be reached, or must not be exceeded.
        line: where the goal stands in the file, from 1.
    """

    name: str
    kind: Kind
    limit: float
    line: int = 1


@dataclass(frozen=True, slots=True)
class Unmet:
    """A goal that an evaluation does not meet.

    Attributes:
        surely: whether the goal lies outside of the figure's 95 % interval, or the figure has none.
    """

    goal: Goal
    measured: Measured

    @property
    def surely(self) -> bool:
        low, high = self.measured.low, self.measured.high
        return not low <= self.goal.limit <= high

    @property
    def text(self) -> str:
        """The goal and the figure, as a sentence."""
        found, kind = self.measured, self.goal.kind
        wanted = f"{'at least' if kind.at_least else 'at most'} {self.goal.limit:g} is the goal"
        if not isfinite(found.value):
            return f"{kind.text} was not measured; {wanted}."
        of = f" on {found.of}" if found.of else ""
        interval = f" (95 % interval {found.low:.3f} to {found.high:.3f})" if isfinite(found.low) else ""
        return f"{kind.text} is {found.value:.3f}{of}{interval}; {wanted}."


def _auc(found: AttackDetection) -> Estimate:
    return found.auc


def _tpr(found: AttackDetection) -> Estimate:
    return found.tpr_at_5fpr


def _known(report: Report, of: Callable[[AttackDetection], Estimate]) -> dict[str, Estimate]:
    return {name: of(one) for name, one in report.detector.attacks.items() if isfinite(of(one).value)}


def _mean(of: Callable[[AttackDetection], Estimate]) -> Callable[[Report], Measured]:
    def measured(report: Report) -> Measured:
        values = [found.value for found in _known(report, of).values()]
        return Measured(float(np.mean(values)) if values else _NAN)

    return measured


def _worst(of: Callable[[AttackDetection], Estimate]) -> Callable[[Report], Measured]:
    def measured(report: Report) -> Measured:
        known = _known(report, of)
        return min((_of(found, name) for name, found in known.items()), key=_value, default=Measured(_NAN))

    return measured


def _one(attack: str, of: Callable[[AttackDetection], Estimate]) -> Callable[[Report], Measured]:
    def measured(report: Report) -> Measured:
        found = report.detector.attacks.get(attack)
        return Measured(_NAN) if found is None else _of(of(found), attack)

    return measured


def _flagged_controls(report: Report) -> Measured:
    known = {name: one.flagged for name, one in report.detector.controls.items() if isfinite(one.flagged.value)}
    return max((_of(found, name) for name, found in known.items()), key=_value, default=Measured(_NAN))


def _of(found: Estimate, name: str = "") -> Measured:
    return Measured(found.value, name, found.low, found.high)


def _value(found: Measured) -> float:
    return found.value


KINDS: Mapping[str, Kind] = {
    "min_mean_auc": Kind("the mean AUC over attacks", True, _mean(_auc)),
    "min_worst_auc": Kind("the smallest AUC of an attack", True, _worst(_auc)),
    "min_mean_tpr": Kind("the mean share of attacked images that are flagged at 5 % FPR", True, _mean(_tpr)),
    "min_worst_tpr": Kind("the smallest share of attacked images that are flagged at 5 % FPR", True, _worst(_tpr)),
    "min_accuracy": Kind("the network's accuracy", True, lambda report: Measured(report.clean_accuracy)),
    "max_flagged_clean": Kind("the share of clean images that are flagged", False, lambda r: _of(r.flagged_clean)),
    "max_flagged_controls": Kind(
        "the largest share of benignly changed images that are flagged", False, _flagged_controls, full=True
    ),
}
"""Kinds of goals by name."""

_OF_ATTACK: Mapping[str, tuple[str, Callable[[AttackDetection], Estimate]]] = {
    "min_auc": ("the AUC of {}", _auc),
    "min_tpr": ("the share of images attacked by {} that are flagged at 5 % FPR", _tpr),
}


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
        if name == _ATTACKS and isinstance(value, Mapping):
            for attack, wanted in value.items():
                yield from _attack_goals(path, attack, wanted, text)
        elif name in KINDS:
            yield Goal(name, KINDS[name], _share(path, name, value), _line(text, name))
        else:
            raise OptionsError(f"{path}: there is no goal {name!r}; allowed are {_allowed()}.")


def _attack_goals(path: Path, attack: str, wanted: Any, text: str) -> Iterator[Goal]:
    if not isinstance(wanted, Mapping):
        raise OptionsError(f"{path}: {_ATTACKS}.{attack} is no table; write {', '.join(_OF_ATTACK)} in it.")
    for name, value in wanted.items():
        if name not in _OF_ATTACK:
            raise OptionsError(f"{path}: there is no goal {name!r} of an attack; allowed are {', '.join(_OF_ATTACK)}.")
        said, of = _OF_ATTACK[name]
        kind = Kind(said.format(attack), True, _one(attack, of))
        full_name = f"{_ATTACKS}.{attack}.{name}"
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
    return f"{', '.join(KINDS)}, and tables {_ATTACKS}.NAME with {', '.join(_OF_ATTACK)}"


def attacks_in(goals: Sequence[Goal]) -> list[str]:
    """Return the names of attacks that goals are about."""
    named = [goal.name.removeprefix(f"{_ATTACKS}.").rpartition(".")[0] for goal in goals if goal.name not in KINDS]
    return list(dict.fromkeys(named))


def unmet(goals: Sequence[Goal], report: Report) -> tuple[Unmet, ...]:
    """Return the goals that a report does not meet, in the order of the goals; a figure that is missing meets none."""
    found = [Unmet(goal, goal.kind.measured(report)) for goal in goals]
    return tuple(one for one in found if not _is_met(one.goal, one.measured.value))


def _is_met(goal: Goal, value: float) -> bool:
    return value >= goal.limit if goal.kind.at_least else value <= goal.limit
