"""The kinds of steps that a walk takes, one file each: its geometry, and the rule that reads it off a graph node.

``pathprint.models.operations.STEPS`` says which kind each operation is; a kind is the name of a file
in this folder. Its function ``rule`` makes a ``Step`` of a node. See docs/extending.md.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module

from pathprint.models.graph import Node
from pathprint.models.operations import STEPS
from pathprint.profiling.paths.context import Context
from pathprint.profiling.paths.steps.step import Step

Rule = Callable[[Node, Context], Step]


@cache
def rule_of(operation: str) -> Rule | None:
    """Return the function that makes a step of a node with ``operation``; None if no kind of step covers it."""
    if operation not in STEPS:
        return None
    rule: Rule = import_module(f"{__name__}.{STEPS[operation]}").rule
    return rule
