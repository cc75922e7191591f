"""Goals that an evaluation has to meet, and which of them it does not; ``goal_file`` reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from pathprint.profiling.evaluation.figures import AttackDetection, Report
from pathprint.profiling.evaluation.metrics import Estimate

ATTACKS = "attacks"
"""Name of the table of goals of single attacks, and how their names begin."""
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


def of_one(attack: str, of: Callable[[AttackDetection], Estimate]) -> Callable[[Report], Measured]:
    """Return what reads a figure of one attack from a report."""

    def measured(report: Report) -> Measured:
        found = report.detector.attacks.get(attack)
        return Measured(_NAN) if found is None else _of(of(found))

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

OF_ATTACK: Mapping[str, tuple[str, Callable[[AttackDetection], Estimate]]] = {
    "min_auc": ("the AUC of {}", _auc),
    "min_tpr": ("the share of images attacked by {} that are flagged at 5 % FPR", _tpr),
}
"""Kinds of goals of one attack by name: what the figure is, with a place for the attack's name, and where it stands."""


def attacks_in(goals: Sequence[Goal]) -> list[str]:
    """Return the names of attacks that goals are about."""
    named = [goal.name.removeprefix(f"{ATTACKS}.").rpartition(".")[0] for goal in goals if goal.name not in KINDS]
    return list(dict.fromkeys(named))


def unmet(goals: Sequence[Goal], report: Report) -> tuple[Unmet, ...]:
    """Return the goals that a report does not meet, in the order of the goals; a figure that is missing meets none."""
    found = [Unmet(goal, goal.kind.measured(report)) for goal in goals]
    return tuple(one for one in found if not _is_met(one.goal, one.measured.value))


def _is_met(goal: Goal, value: float) -> bool:
    return value >= goal.limit if goal.kind.at_least else value <= goal.limit
