"""The exit status of commands that judge images or bundles: pipelines go by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import typer

FailOnName = Literal["adversarial", "uncertain", "never"]
_FLAGGING: dict[FailOnName, tuple[str, ...]] = {
    "adversarial": ("adversarial",),
    "uncertain": ("adversarial", "uncertain"),
    "never": (),
}
"""The verdicts that end a command with status 1."""

FailOn = Annotated[
    FailOnName,
    typer.Option(
        "--fail-on",
        help="Verdicts that end the command with status 1: adversarial ones, adversarial and uncertain ones "
        "(uncertain), or none (never). Status 2 means that something could not be done.",
    ),
]

FailOnGoalsName = Literal["unmet", "never"]

FailOnGoals = Annotated[
    FailOnGoalsName,
    typer.Option(
        "--fail-on",
        help="Whether goals that are not met end the command with status 1 (unmet), or not (never). Status 2 means "
        "that something could not be done.",
    ),
]


def end_with(fail_on: FailOnName, verdicts: Mapping[str, int]) -> None:
    """End the command with the status that the numbers of verdicts ask for.

    Raises:
        Exit: with status 1, if there is a verdict to fail on.
    """
    if any(verdicts.get(verdict) for verdict in _FLAGGING[fail_on]):
        raise typer.Exit(1)
