"""The goals of ``pathprint evaluate``: read before any work, judged at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from pathprint.profiling.cli.fail_on import FailOnGoalsName
from pathprint.profiling.cli.options import check_attacks
from pathprint.profiling.cli.terminal import say
from pathprint.profiling.errors import OptionsError
from pathprint.profiling.evaluation.figures import Report
from pathprint.profiling.evaluation.goal_file import read_goals
from pathprint.profiling.evaluation.goals import Goal, attacks_in, unmet
from pathprint.profiling.evaluation.report.sarif import Judged, write_sarif


@dataclass(frozen=True, slots=True)
class Files:
    """Where goals stand, where those that are not met are written (None for nowhere), and which bundle is judged."""

    goals: Path
    sarif: Path | None
    bundle: Path


def checked_goals(
    goals: Path | None, sarif: Path | None, attacks: Sequence[str] | None, full: bool
) -> tuple[Goal, ...]:
    """Return the goals in a file; empty without one.

    Args:
        attacks: names of the attacks to measure; None for a whole suite.
        full: whether all is to be measured.

    Raises:
        OptionsError: the file has no goals that can be judged, or SARIF is to be written without goals.
    """
    if goals is None:
        if sarif is not None:
            raise OptionsError("SARIF says which goals are not met; give these with `goals`.")
        return ()
    wanted = read_goals(goals, full)
    named = attacks_in(wanted)
    check_attacks(named)
    missing = [name for name in named if attacks is not None and name not in attacks]
    if missing:
        raise OptionsError(
            f"{goals} has a goal for the attack {missing[0]}, which is not measured; add it with `attack`."
        )
    return wanted


def judge_by(goals: tuple[Goal, ...], report: Report, files: Files, fail_on: FailOnGoalsName) -> None:
    """Say which goals are not met, and end the command with status 1 if any is not and ``fail_on`` asks for it.

    Raises:
        Exit: with status 1.
        OutputError: SARIF cannot be written.
    """
    missed = unmet(goals, report)
    for one in missed:
        say(f"goal not met: {one.text}")
    say(f"{len(goals) - len(missed)} of {len(goals)} goals are met")
    if files.sarif is not None:
        write_sarif(Judged(report, goals, missed, files.goals, files.bundle), files.sarif)
        say(f"the goals that are not met are in {files.sarif}")
    if missed and fail_on == "unmet":
        raise typer.Exit(1)
