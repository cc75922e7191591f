"""The effective path of one image by its definition, in float64 and one layer at a time.

Slow and plain on purpose: fast implementations are compared with it. ``trace`` records a network,
``extract`` walks back from the logits, ``check`` judges the path of another implementation.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .agreement import Agreement, LayerAgreement
from .geometry import BoolArray, IntArray
from .judging import Claim, check
from .network import Trace, UnsupportedOperationsError, trace
from .selection import Policy, Reference, Unexplained, choose
from .steps import Step
from .variants import PLAIN, Variant
from .walk import Marks, carried, mark, received, shape, unmarked, use

__all__ = [
    "Agreement",
    "Claim",
    "LayerAgreement",
    "LayerPath",
    "OraclePath",
    "Trace",
    "UnsupportedOperationsError",
    "Variant",
    "check",
    "extract",
    "trace",
]


@dataclass(frozen=True, slots=True)
class LayerPath:
    """The part of a path in one call of a weighted layer.

    ``neurons`` and ``borderline`` have the output's shape without batch, ``weights`` the weight's.
    A synapse is numbered (flat output unit) * (size of a receptive field) + position in it.
    ``effort`` is the number of synapses, ``coherence`` the sum of s*T / sum|c| over the wanted
    units (method, sections 2 and 4).
    """

    name: str
    neurons: BoolArray
    weights: BoolArray
    synapses: IntArray
    borderline: BoolArray
    unexplained: int
    effort: int
    coherence: float


@dataclass(frozen=True, slots=True)
class OraclePath:
    """The effective path of one image: its layers in forward order and the chosen input units."""

    seed_class: int
    layers: tuple[LayerPath, ...]
    inputs: BoolArray

    def claims(self) -> Mapping[str, Claim]:
        """Return the path in the form that ``check`` takes."""
        return {part.name: (part.neurons, part.weights, part.unexplained) for part in self.layers}


def extract(
    trace: Trace,
    theta: float = 0.5,
    reference: Reference = "sum",
    unexplained: Unexplained = "none",
    seed_class: int | None = None,
    variant: Variant = PLAIN,
) -> OraclePath:
    """Extract the effective path by walking from the logits back (method, section 2).

    ``seed_class`` None means the predicted class.
    """
    policy = Policy(theta, reference, unexplained)
    covered = variant.covered(trace)
    seed = int(trace.values[trace.output].argmax()) if seed_class is None else seed_class
    wanted = unmarked(trace)
    wanted[trace.output][seed] = True
    layers: list[LayerPath] = []
    for step in covered if variant.firing else ():
        own = unmarked(trace)
        own[step.node] = variant.fires(trace, step)
        layers.append(explain(trace, step, variant.policy(step, policy), own))
    for step in () if variant.firing else reversed(trace.steps):
        if step in covered:
            layers.insert(0, explain(trace, step, variant.policy(step, policy), wanted))
        elif step.rule == "weighted":
            break  # all that are covered come later
        elif step.rule == "share":
            share(trace, step, policy, wanted)
        else:
            mark(wanted, step, carried(trace, step, np.flatnonzero(wanted[step.node])))
    return OraclePath(seed, tuple(layers), wanted[trace.source].reshape(shape(trace, trace.source)))


def explain(trace: Trace, step: Step, policy: Policy, wanted: Marks) -> LayerPath:
    """Select among the contributions to the wanted units of a layer, and want what was chosen."""
    weights = np.zeros(step.weight.shape, bool)
    borderline = np.zeros(wanted[step.node].shape, bool)
    counts = np.zeros(3)
    synapses = [np.zeros(0, np.int64)]
    units = np.flatnonzero(wanted[step.node])
    for some, elements, evidence in received(trace, step, units):
        choice = choose(evidence, policy)
        mark(wanted, step, elements[choice.chosen])
        use(weights, step, some, choice.chosen)
        rows, positions = np.nonzero(choice.chosen)
        synapses.append(some[rows] * elements.shape[1] + positions)
        borderline[some] = choice.borderline
        counts += choice.unexplained.sum(), choice.chosen.sum(), choice.coherence.sum()
    return LayerPath(
        name=step.name,
        neurons=wanted[step.node].reshape(shape(trace, step.node)),
        weights=weights.reshape(step.weight_shape),
        synapses=np.concatenate(synapses),
        borderline=borderline.reshape(shape(trace, step.node)),
        unexplained=int(counts[0]),
        effort=int(counts[1]),
        coherence=float(counts[2]),
    )


def share(trace: Trace, step: Step, policy: Policy, wanted: Marks) -> None:
    """Select likewise for an average pool or an addition, of which the path keeps no record."""
    for _, elements, evidence in received(trace, step, np.flatnonzero(wanted[step.node])):
        mark(wanted, step, elements[choose(evidence, policy).chosen])
