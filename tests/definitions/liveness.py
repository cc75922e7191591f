"""Which units are other than 0, or could be in an implementation with activations of its own."""

import numpy as np

from .network import Trace
from .operations import RECTIFIERS, name_of
from .steps import Step
from .walk import Marks, activations, unmarked


def live_units(trace: Trace, drift: float) -> Marks:
    """Mark the units that another implementation may see as other than 0.

    With ``drift`` 0 these are simply the units that are not 0. Otherwise a 0 counts as live unless
    it is known to be 0 everywhere: a pixel, a rectifier's output far from its threshold, or
    something made of such zeros only.
    """
    live = unmarked(trace)
    for node, marks in live.items():
        marks |= activations(trace, node) != 0
    if drift > 0:
        for step in trace.steps:
            revive(trace, step, drift, live)
    return live


def revive(trace: Trace, step: Step, drift: float, live: Marks) -> None:
    """Mark the units of one step that are 0 in this run but perhaps not in another."""
    marks = live[step.node]
    if step.rule == "element" and name_of(step.node) in RECTIFIERS:
        before = activations(trace, step.sources[0])
        marks |= before >= -drift * np.abs(before).max()
    elif step.rule in ("weighted", "element"):
        marks[:] = True
    else:
        elements = np.concatenate([[False], *(live[node] for node in step.sources)])
        zeros = np.flatnonzero(~marks)
        marks[zeros] = elements[step.reads(zeros)].any(axis=1)
