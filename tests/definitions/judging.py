"""Check a claimed path against the definition (method, section 2.1).

One borderline unit changes everything below it, so the walk is led by the claim: every weighted
layer explains the claimed neurons, and what follows is compared with the claim at the next
weighted layers below. What borderline units leave open is bounded: every admissible choice
contains the ``certain`` marks and is contained in the ``possible`` ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .agreement import Agreement, Comparison, LayerAgreement
from .bounding import Bounds, bounds
from .geometry import BoolArray, FloatArray, IntArray
from .liveness import live_units
from .network import Trace
from .selection import Evidence, Policy, Reference, Tolerance, Unexplained
from .steps import Step
from .variants import PLAIN, Variant
from .walk import Marks, activations, carried, mark, received, shape, sources, unmarked, use

Claim = tuple[BoolArray, BoolArray, int]
"""What an implementation says of one layer: neurons, weights, number of unexplained units."""


@dataclass(frozen=True, slots=True)
class Judge:
    """What one check goes by, and the marks it has made so far."""

    trace: Trace
    policy: Policy
    variant: Variant
    tolerance: Tolerance
    live: Marks
    certain: Marks
    possible: Marks

    def bounds(self, step: Step, elements: IntArray, evidence: Evidence) -> Bounds:
        """Bound the choices of some units of a step, where only live elements can be chosen."""
        live = np.concatenate([[False], *(self.live[node] for node in step.sources)])
        found = bounds(evidence, self.variant.policy(step, self.policy), self.tolerance)
        possible = found.possible & live[elements]
        surely = found.surely_unexplained | ~possible.any(axis=1)
        return Bounds(found.certain, possible, surely, found.maybe_unexplained)


def check(
    trace: Trace,
    claimed: Mapping[str, Claim],
    theta: float = 0.5,
    reference: Reference = "sum",
    unexplained: Unexplained = "none",
    *,
    seed_class: int | None = None,
    tolerance: float = 1.0,
    drift: float = 1e-6,
    variant: Variant = PLAIN,
) -> Agreement:
    """Judge a claimed path layer by layer.

    Args:
        trace: the run that the claim is about.
        claimed: for the name of every weighted layer its (neurons, weights, unexplained count).
        theta, reference, unexplained, seed_class, variant: as for ``extract``.
        tolerance: factor on all tolerances; 0 asks for equality.
        drift: how far a contribution may differ, relative to the largest one of its unit, because
            the claim rests on activations of its own; 0 if it rests on the recorded ones.
    """
    covered = variant.covered(trace)
    names = {step.name for step in covered}
    if names != set(claimed):
        raise ValueError(f"claim and network differ in the layers {sorted(names ^ set(claimed))}")
    limits = Tolerance(drift=drift).scaled(tolerance)
    policy = Policy(theta, reference, unexplained)
    live = live_units(trace, limits.drift)
    judge = Judge(trace, policy, variant, limits, live, unmarked(trace), unmarked(trace))
    if variant.firing:
        return Agreement(tuple(judge_forward(judge, step, claimed[step.name]) for step in covered))
    sow(judge, seed_class)
    layers: list[LayerAgreement] = []
    for step in reversed(trace.steps):
        if step in covered:
            layers.insert(0, judge_layer(judge, step, claimed[step.name]))
        elif step.rule == "weighted":
            break  # all that are covered come later
        elif step.rule == "share":
            share(judge, step)
        elif step.rule == "maximum":
            pool(judge, step)
        else:
            carry(judge, step)
    return Agreement(tuple(layers))


def rivals(values: FloatArray, top: FloatArray, scale: float, tolerance: Tolerance) -> BoolArray:
    """Return which of the (m, k) values might be the largest; equal ones are no rivals.

    Equal values rank by position in every implementation, so a row without a nearly equal value
    has no rivals at all.
    """
    margin = tolerance.equal * np.abs(top) + tolerance.drift * scale
    near: BoolArray = values >= (top - margin)[:, None]
    unequal: BoolArray = (near & (values != top[:, None])).any(axis=1)
    return near & unequal[:, None]


def sow(judge: Judge, seed_class: int | None) -> None:
    """Mark the seed: the requested class, or the predicted one if rounding cannot change it."""
    output = judge.trace.output
    logits = activations(judge.trace, output)
    seed = int(logits.argmax()) if seed_class is None else seed_class
    judge.certain[output][seed] = judge.possible[output][seed] = True
    if seed_class is None:
        size = float(np.abs(logits).max())
        (doubtful,) = rivals(logits[None], logits[[seed]], size, judge.tolerance)
        judge.possible[output] |= doubtful
        judge.certain[output] &= ~doubtful


def judge_forward(judge: Judge, step: Step, claim: Claim) -> LayerAgreement:
    """Compare the claimed neurons with the units over the threshold, whatever other layers say."""
    size = float(np.abs(activations(judge.trace, step.node)).max())
    margin = judge.tolerance.equal * judge.variant.firing[step.name] + judge.tolerance.drift * size
    judge.certain[step.node][:] = judge.variant.fires(judge.trace, step, -margin)
    judge.possible[step.node][:] = judge.variant.fires(judge.trace, step, margin)
    return judge_layer(judge, step, claim)


def judge_layer(judge: Judge, step: Step, claim: Claim) -> LayerAgreement:
    """Compare the claimed neurons with the marks, explain them, compare the claimed weights."""
    neurons, weights, unexplained = claim
    node, out = step.node, shape(judge.trace, step.node)
    marks = judge.certain[node].reshape(out), judge.possible[node].reshape(out)
    compared = Comparison.of(neurons, *marks)
    certain, possible = np.zeros((2, *step.weight.shape), bool)
    surely = maybe = borderline = 0
    units = np.flatnonzero(neurons)
    for some, elements, evidence in received(judge.trace, step, units):
        found = judge.bounds(step, elements, evidence)
        mark(judge.certain, step, elements[found.certain])
        mark(judge.possible, step, elements[found.possible])
        use(certain, step, some, found.certain)
        use(possible, step, some, found.possible)
        surely += int(found.surely_unexplained.sum())
        maybe += int(found.maybe_unexplained.sum())
        borderline += int(found.undecided().sum())
    used = Comparison.of(weights, *(m.reshape(step.weight_shape) for m in (certain, possible)))
    outside = max(surely - unexplained, unexplained - maybe, 0)
    return LayerAgreement(step.name, compared, used, outside, len(units), borderline)


def share(judge: Judge, step: Step) -> None:
    """Bound what average pools and additions choose."""
    units = np.flatnonzero(judge.possible[step.node])
    for some, elements, evidence in received(judge.trace, step, units):
        found = judge.bounds(step, elements, evidence)
        sure = judge.certain[step.node][some]
        mark(judge.certain, step, elements[found.certain & sure[:, None]])
        mark(judge.possible, step, elements[found.possible])


def pool(judge: Judge, step: Step) -> None:
    """Bound the arg-max of max-pools: a nearly equal rival makes a window borderline."""
    assert step.winners is not None
    units = np.flatnonzero(judge.possible[step.node])
    elements, values = step.reads(units), sources(judge.trace, step)
    seen = np.where(elements > 0, values[elements], -np.inf)
    top = values[step.winners[units]]
    doubtful = rivals(seen, top, float(np.abs(values).max()), judge.tolerance)
    sure = judge.certain[step.node][units] & ~doubtful.any(axis=1)
    mark(judge.certain, step, step.winners[units[sure]])
    mark(judge.possible, step, np.concatenate([step.winners[units], elements[doubtful]]))


def carry(judge: Judge, step: Step) -> None:
    """Carry both marks through activation functions and data movement."""
    mark(judge.certain, step, carried(judge.trace, step, np.flatnonzero(judge.certain[step.node])))
    possible = judge.possible[step.node]
    if step.rule == "element":
        possible = possible & judge.live[step.node]
    mark(judge.possible, step, step.reads(np.flatnonzero(possible)).ravel())
