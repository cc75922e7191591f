"""Select under float rounding: which contributions are taken in any case, which in some case."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .geometry import BoolArray, FloatArray
from .selection import (
    Evidence,
    Policy,
    Ranking,
    Tolerance,
    at_rank,
    fallback,
    needed,
    rank,
    unsorted,
)


class Bounds(NamedTuple):
    """What every admissible choice contains, and what some admissible choice contains."""

    certain: BoolArray  # (m, k)
    possible: BoolArray  # (m, k)
    surely_unexplained: BoolArray  # (m,)
    maybe_unexplained: BoolArray  # (m,)

    def undecided(self) -> BoolArray:
        """Return the (m,) units that have more than one admissible choice."""
        undecided: BoolArray = (self.certain != self.possible).any(axis=1)
        undecided |= self.surely_unexplained != self.maybe_unexplained
        return undecided


@dataclass(frozen=True, slots=True)
class Doubt:
    """By how much the numbers of m units may differ in another implementation; all (m,).

    ``total`` is for T, ``sums`` for a cumulative sum against theta*T, and ``margin`` for one s*c
    against another, beside their relative difference ``equal``.
    """

    total: FloatArray
    sums: FloatArray
    margin: FloatArray
    equal: float


def doubt_of(evidence: Evidence, ranking: Ranking, tolerance: Tolerance) -> Doubt:
    """Return the doubt that the agreement contract grants (method, section 2.1), plus drift."""
    bias = np.abs(evidence.bias)
    scale = evidence.gross() + bias
    sums = tolerance.sums * (np.abs(ranking.total) + bias) + tolerance.drift * scale
    margin = tolerance.drift * np.abs(evidence.contributions).max(axis=1)
    return Doubt(max(tolerance.totals, tolerance.drift) * scale, sums, margin, tolerance.equal)


def bounds(evidence: Evidence, policy: Policy, tolerance: Tolerance) -> Bounds:
    """Bound the choice of every unit from below and above."""
    signs = evidence.signs()
    found = bounds_of_sign(evidence, signs, policy, tolerance)
    noise = tolerance.drift * (evidence.gross() + np.abs(evidence.bias))
    unsure = np.flatnonzero((noise > 0) & (np.abs(evidence.output) <= noise))
    if len(unsure):  # the other implementation may have seen the other sign
        some = Evidence(evidence.contributions[unsure], evidence.bias[unsure], signs[unsure])
        other = bounds_of_sign(some, -signs[unsure], policy, tolerance)
        for mine, theirs, join in zip(found, other, (np.minimum, np.maximum) * 2, strict=True):
            mine[unsure] = join(mine[unsure], theirs)
    return found


def bounds_of_sign(
    evidence: Evidence,
    signs: FloatArray,
    policy: Policy,
    tolerance: Tolerance,
) -> Bounds:
    """Bound the choices, the signs of the units being given."""
    if policy.phi is not None:
        return absolute_bounds(evidence, signs, policy, tolerance)
    ranking = rank(evidence, signs, policy.reference)
    doubt = doubt_of(evidence, ranking, tolerance)
    best = ranking.sorted[:, 0]
    return Bounds(
        certain=unsorted(ranking, surely_taken(ranking, policy, doubt)),
        possible=unsorted(ranking, maybe_taken(ranking, policy, doubt)),
        surely_unexplained=(ranking.total <= -doubt.total) | (best <= -doubt.margin),
        maybe_unexplained=(ranking.total <= doubt.total) | (best <= doubt.margin),
    )


def surely_taken(ranking: Ranking, policy: Policy, doubt: Doubt) -> BoolArray:
    """Return over ranks what is taken even if as little as admissible is taken.

    Whatever is clearly above the first one not taken is taken in any case.
    """
    explained = needed(ranking, policy.theta * ranking.total - doubt.sums)
    spare = fallback(ranking, policy.unexplained)
    count = np.where(ranking.total <= doubt.total, spare, explained)
    # Where all eligible ones are taken, the first one not taken is as good as 0.
    following = np.maximum(at_rank(ranking, count, 0.0), 0.0)
    clear: BoolArray = ranking.sorted * (1 - doubt.equal) >= (following + doubt.margin)[:, None]
    return clear & (np.arange(clear.shape[1])[None, :] < count[:, None])


def maybe_taken(ranking: Ranking, policy: Policy, doubt: Doubt) -> BoolArray:
    """Return over ranks what may be taken if as much as admissible is taken.

    Whatever is clearly below the last one taken is taken in no case.
    """
    high = np.where(np.abs(ranking.total) <= doubt.total, doubt.total, ranking.total)
    target = policy.theta * high + doubt.sums
    spare = fallback(ranking, policy.unexplained)
    count = np.where(high > 0, needed(ranking, target), spare)
    last = at_rank(ranking, count - 1, 0.0)
    # If all together may fall short, all are taken that are positive in the other implementation.
    last = np.where((high > 0) & (target > ranking.cumulative[:, -1]), 0.0, last)
    if policy.unexplained == "none":
        last = np.where(high > 0, last, np.inf)
    floor = np.maximum(last * (1 - doubt.equal) - doubt.margin, -doubt.margin)
    near: BoolArray = ranking.sorted > floor[:, None]
    return near | (np.arange(near.shape[1])[None, :] < count[:, None])


def absolute_bounds(
    evidence: Evidence,
    signs: FloatArray,
    policy: Policy,
    tolerance: Tolerance,
) -> Bounds:
    """Bound an absolute selection: only what is nearly phi, or nearly the largest, is open."""
    assert policy.phi is not None
    ranking = rank(evidence, signs, policy.reference)
    drift = tolerance.drift * np.abs(evidence.contributions).max(axis=1, keepdims=True)
    margin = tolerance.equal * policy.phi + drift
    certain: BoolArray = (ranking.sorted >= policy.phi + margin) & (ranking.sorted > drift)
    possible: BoolArray = (ranking.sorted >= policy.phi - margin) & (ranking.sorted > -drift)
    surely: BoolArray = possible.sum(axis=1) == 0
    maybe: BoolArray = certain.sum(axis=1) == 0
    if policy.unexplained == "argmax":
        best = ranking.sorted[:, :1]
        near = (ranking.sorted >= best * (1 - tolerance.equal) - drift) & (ranking.sorted > -drift)
        first = (np.arange(near.shape[1]) == 0) & (best > drift)
        tolerant = tolerance.equal > 0 or tolerance.drift > 0
        sole = near.sum(axis=1, keepdims=True) == 1 if tolerant else True
        certain |= first & surely[:, None] & sole
        possible |= (near if tolerant else first) & maybe[:, None]
    return Bounds(unsorted(ranking, certain), unsorted(ranking, possible), surely, maybe)
