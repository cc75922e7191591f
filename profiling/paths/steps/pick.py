"""One output of an operation that has several: of a max-pool its values, of data movement one part."""

from __future__ import annotations

from pathprint.models import operations
from pathprint.models.graph import Node
from pathprint.profiling.errors import PlanError
from pathprint.profiling.paths.context import Context
from pathprint.profiling.paths.steps import maximum, movement
from pathprint.profiling.paths.steps.step import Step


def rule(node: Node, context: Context) -> Step:
    """Return the step of the operation whose output ``node`` picks."""
    producer = context.graph.by_name[node.args[0].name]
    if producer.operation in operations.MAXIMUM_AND_INDEX and node.args[1] == 0:
        return maximum.adaptive(producer, node, context)
    if producer.operation not in operations.SPLITS:
        raise PlanError(f"{node.layer or 'top level'}: output {node.args[1]} of {producer.operation} is not traced.")
    return movement.rule(node, context, producer)
