"""Select: which contributions explain a wanted unit (method, section 2)."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, Self

import numpy as np

from .geometry import BoolArray, FloatArray, IntArray

Reference = Literal["sum", "output", "positive"]
Unexplained = Literal["none", "argmax"]


@dataclass(frozen=True, slots=True)
class Policy:
    """The options of Select (method, section 2); with ``phi`` the selection is absolute."""

    theta: float
    reference: Reference
    unexplained: Unexplained
    phi: float | None = None

    def __post_init__(self) -> None:
        if self.reference not in ("sum", "output", "positive"):
            raise ValueError(f"reference is {self.reference!r}; use sum, output or positive")
        if self.unexplained not in ("none", "argmax"):
            raise ValueError(f"unexplained is {self.unexplained!r}; use none or argmax")


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How near to a different choice a unit has to be to count as borderline.

    The first three are the agreement contract (method, section 2.1). ``drift`` is for another
    implementation that computed its own activations: how far a contribution may move, relative to
    the largest of its unit.
    """

    sums: float = 1e-5
    totals: float = 1e-6
    equal: float = 1e-6
    drift: float = 0.0

    def scaled(self, factor: float) -> Self:
        """Return the tolerance times ``factor``; 0 tolerates nothing."""
        numbers = (self.sums, self.totals, self.equal, self.drift)
        return type(self)(*(number * factor for number in numbers))


@dataclass(frozen=True, slots=True)
class Evidence:
    """What m wanted units of one step received: k contributions and a bias each."""

    contributions: FloatArray  # (m, k)
    bias: FloatArray  # (m,)
    output: FloatArray  # (m,), the recorded value

    def gross(self) -> FloatArray:
        """Return the (m,) sums of the contributions' sizes."""
        total: FloatArray = np.abs(self.contributions).sum(axis=1)
        return total

    def signs(self) -> FloatArray:
        """Return the (m,) signs of the units' own values; 0 counts as +."""
        return np.where(self.output < 0, -1.0, 1.0)


class Ranking(NamedTuple):
    """Signed contributions in the order in which Select takes them; all (m, k) or (m,)."""

    order: IntArray  # position of the r-th largest
    sorted: FloatArray  # its value
    cumulative: FloatArray  # sum of the eligible ones up to it
    eligible: IntArray  # (m,) how many are strictly positive
    total: FloatArray  # (m,) the reference total T, signed


def rank(evidence: Evidence, signs: FloatArray, reference: Reference) -> Ranking:
    """Order s*c from large to small, lower position first among equals, and add up s*T."""
    signed = signs[:, None] * evidence.contributions
    order = np.argsort(-signed, axis=1, kind="stable")
    ordered = np.take_along_axis(signed, order, axis=1)
    positive = np.maximum(ordered, 0.0)
    if reference == "positive":
        total = positive.sum(axis=1)
    else:
        total = signed.sum(axis=1)
        if reference == "output":
            total = total + signs * evidence.bias
    return Ranking(order, ordered, positive.cumsum(axis=1), (ordered > 0).sum(axis=1), total)


def needed(ranking: Ranking, target: FloatArray) -> IntArray:
    """Return how many of the largest reach ``target``: at least one, at most all eligible."""
    short: IntArray = (ranking.cumulative < target[:, None]).sum(axis=1)
    return np.minimum(short + 1, ranking.eligible)


def fallback(ranking: Ranking, unexplained: Unexplained) -> IntArray:
    """Return how many contributions an unexplained unit takes."""
    return np.minimum(ranking.eligible, 1 if unexplained == "argmax" else 0)


def unsorted(ranking: Ranking, mask: BoolArray) -> BoolArray:
    """Return a mask over ranks as a mask over positions."""
    positions = np.zeros_like(mask)
    np.put_along_axis(positions, ranking.order, mask, axis=1)
    return positions


def at_rank(ranking: Ranking, ranks: IntArray, otherwise: float) -> FloatArray:
    """Return the (m,) values at the given ranks; ``otherwise`` where there is no such rank."""
    padded = np.pad(ranking.sorted, ((0, 0), (1, 1)), constant_values=otherwise)
    return padded[np.arange(len(ranks)), ranks + 1]


class Choice(NamedTuple):
    """What Select takes for each of m units."""

    chosen: BoolArray  # (m, k)
    unexplained: BoolArray  # (m,)
    borderline: BoolArray  # (m,)
    coherence: FloatArray  # (m,) s*T over the gross contribution


def choose(evidence: Evidence, policy: Policy) -> Choice:
    """Select for every unit: the smallest set of largest contributions (method, section 2)."""
    ranking = rank(evidence, evidence.signs(), policy.reference)
    if policy.phi is None:
        unexplained = (ranking.total <= 0) | (ranking.eligible == 0)
        enough = needed(ranking, policy.theta * ranking.total)
    else:
        enough = ((ranking.sorted >= policy.phi) & (ranking.sorted > 0)).sum(axis=1)
        unexplained = enough == 0
    count = np.where(unexplained, fallback(ranking, policy.unexplained), enough)
    chosen = np.arange(ranking.sorted.shape[1])[None, :] < count[:, None]
    gross = evidence.gross()
    coherence = np.divide(ranking.total, gross, out=np.zeros_like(gross), where=gross > 0)
    borderline: BoolArray
    if policy.phi is None:
        borderline = is_borderline(evidence, ranking, np.where(unexplained, 0, count), policy.theta)
    else:
        near: BoolArray = np.abs(ranking.sorted - policy.phi) <= Tolerance().equal * policy.phi
        borderline = near.sum(axis=1) > 0
    return Choice(unsorted(ranking, chosen), unexplained, borderline, coherence)


def is_borderline(evidence: Evidence, ranking: Ranking, count: IntArray, theta: float) -> BoolArray:
    """Tell which units are borderline, to the letter of the contract (method, section 2.1).

    ``count`` is how many contributions explain the unit, 0 for an unexplained one. Only the sums
    with the last chosen and without it can be nearest to theta*T, since the sums only grow. A unit
    without eligible contributions is no borderline case, however small T is: it chooses nothing.
    """
    limit = Tolerance()
    size, bias = np.abs(ranking.total), np.abs(evidence.bias)
    sums = np.pad(ranking.cumulative, ((0, 0), (1, 0)), constant_values=np.inf)
    rows = np.arange(len(count))
    gap = np.minimum(
        np.abs(sums[rows, count] - theta * ranking.total),
        np.abs(sums[rows, np.maximum(count - 1, 0)] - theta * ranking.total),
    )
    last, following = at_rank(ranking, count - 1, np.inf), at_rank(ranking, count, -np.inf)
    near_cut = gap <= limit.sums * (size + bias)
    tied = last - following <= limit.equal * np.abs(last)
    tiny = size < limit.totals * (evidence.gross() + bias)
    return ((ranking.eligible > 0) & tiny) | ((count > 0) & (near_cut | tied))
