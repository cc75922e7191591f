"""The walk from the logits back: marks on every tensor, and what the wanted units received."""

from collections.abc import Iterator

import numpy as np
from torch import fx

from .geometry import BoolArray, FloatArray, IntArray
from .network import Trace
from .selection import Evidence
from .steps import Step

CHUNK = 1 << 17  # contributions at a time, so that the arrays of one chunk stay in the cache

Marks = dict[fx.Node, BoolArray]
"""For every tensor a flat mask of its units."""


def unmarked(trace: Trace) -> Marks:
    """Return empty marks for the image and the output of every step."""
    nodes = [trace.source, *(step.node for step in trace.steps)]
    return {node: np.zeros(trace.values[node].numel(), bool) for node in nodes}


def activations(trace: Trace, node: fx.Node) -> FloatArray:
    """Return the recorded values of one tensor, flat, in float64."""
    values: FloatArray = trace.values[node].double().numpy().ravel()
    return values


def sources(trace: Trace, step: Step) -> FloatArray:
    """Return the values of all elements of a step; element 0, the padding, is 0."""
    return np.concatenate([[0.0], *(activations(trace, node) for node in step.sources)])


def shape(trace: Trace, node: fx.Node) -> tuple[int, ...]:
    """Return the shape of one tensor without the batch, where that is the first axis."""
    whole = tuple(trace.values[node].shape)
    return whole[1:] if whole[0] == 1 else whole


def mark(marks: Marks, step: Step, elements: IntArray) -> None:
    """Mark elements in the sources they belong to. A unit that any consumer chose is wanted."""
    first = 1
    for node in step.sources:
        after = first + marks[node].size
        marks[node][elements[(elements >= first) & (elements < after)] - first] = True
        first = after


def use(weights: BoolArray, step: Step, units: IntArray, chosen: BoolArray) -> None:
    """Mark the weight elements behind the (m, k) chosen synapses of (m,) units."""
    rows, positions = np.nonzero(chosen)
    weights[step.channels(units)[rows], positions] = True


def received(
    trace: Trace,
    step: Step,
    units: IntArray,
) -> Iterator[tuple[IntArray, IntArray, Evidence]]:
    """Yield some of the units, the (m, k) elements they read and what these contributed."""
    values, outputs = sources(trace, step), activations(trace, step.node)
    per_unit = step.reads(np.zeros(1, np.int64)).size
    size = max(1, CHUNK // per_unit)
    for start in range(0, len(units), size):
        some = units[start : start + size]
        elements, channels = step.reads(some), step.channels(some)
        contributions = values[elements] * step.weight[channels]
        yield some, elements, Evidence(contributions, step.bias[channels], outputs[some])


def carried(trace: Trace, step: Step, units: IntArray) -> IntArray:
    """Return the element that each unit came from, for the steps that choose nothing.

    Max-pool keeps the arg-max; an activation function stops where its output is 0.
    """
    if step.winners is not None:
        return step.winners[units]
    if step.rule == "element":
        units = units[activations(trace, step.node)[units] != 0]
    return step.reads(units).ravel()
