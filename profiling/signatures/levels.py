"""Round the counts of a class to a few levels, so that their log-odds lose as little as possible.

A level is a range of counts. It stands for the means, over the units in it, of what ``Lookup`` looks up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pathprint.profiling.arrays import Counts, Floats, Indices
from pathprint.profiling.signatures.counts import frequency

LEVELS = 3
"""Levels of the units that are kept. With the one for all others, two bits tell them apart."""
LEAST_SHARE = 0.02
"""Units in a smaller share of a class's images than this are not kept."""

_BINS = 256
"""Distinct counts are first brought together to this number of bins at most, even steps of log-odds apart."""


@dataclass(frozen=True, eq=False)
class Levels:
    """The levels of one class. Level 0 is that of the units that are not kept.

    Attributes:
        of_count: level of each count 0 .. images, ascending, ``(images + 1,)``.
        odds, frequency, log_frequency: mean of log p - log(1 - p), p and log p in each level, ``(LEVELS + 1,)``.
    """

    of_count: Indices
    odds: Floats
    frequency: Floats
    log_frequency: Floats

    @staticmethod
    def of(occurrences: Counts, least_share: float = LEAST_SHARE) -> Levels:
        """Return the levels of a class.

        Args:
            occurrences: number of units with each count 0 .. images, ``(images + 1,)``.
            least_share: smallest share of the images that a unit is kept for; units that were never counted are not.
        """
        images = len(occurrences) - 1
        least = max(1, int(np.ceil(least_share * images)))
        share = frequency(np.arange(images + 1), np.array(images))
        log = np.log(share)
        odds = log - np.log1p(-share)
        of_count = np.zeros(images + 1, np.int64)
        # A unit that was counted twice as often is met twice as often.
        weights = occurrences * np.arange(images + 1)
        of_count[least:] = 1 + best_ranges(odds[least:], weights[least:].astype(np.float64), LEVELS)
        means = [_means(table, of_count, occurrences) for table in (odds, share, log)]
        return Levels(of_count, *means)


def best_ranges(values: Floats, weights: Floats, most: int) -> Indices:
    """Return the number, 0 .. ``most`` - 1, of the range of each of the ascending ``values``, ``(n,)``.

    The weighted sum of squared distances to the mean of the range is smallest (Fisher 1958), up to bringing the values
    together in ``_BINS`` bins.
    """
    if len(values) <= most:
        return np.arange(len(values))
    place = (values - values[0]) / (values[-1] - values[0]) * _BINS
    _, bins = np.unique(place.astype(np.int64).clip(max=_BINS - 1), return_inverse=True)
    sums = [np.append(0, np.cumsum(np.bincount(bins, weights * values**power))) for power in range(3)]
    return _partition(_errors(*sums), most)[bins]


def _errors(weight: Floats, first: Floats, second: Floats) -> Floats:
    """Return the squared error of each range, from bin ``i`` to before bin ``j``, ``(n + 1, n + 1)``.

    Args:
        weight, first, second: sums over all bins before each of the weight, and of the weighted values and squares.
    """
    w, x, xx = (sums[None, :] - sums[:, None] for sums in (weight, first, second))
    error = xx - x**2 / np.where(w > 0, w, 1)
    n = len(weight)
    return np.where(np.arange(n)[:, None] <= np.arange(n)[None, :], error.clip(min=0), np.inf)


def _partition(errors: Floats, most: int) -> Indices:
    """Return the range of each bin, so that the errors of all ranges add up to the least."""
    n = len(errors) - 1
    best, cuts = errors[0], []
    for _ in range(most - 1):
        with_one_more = best[:, None] + errors
        cuts.append(with_one_more.argmin(0))
        best = with_one_more.min(0)
    found, end = np.zeros(n, np.int64), n
    for number in range(most - 1, 0, -1):
        begin = int(cuts[number - 1][end])
        found[begin:end] = number
        end = begin
    return found


def _means(table: Floats, of_count: Indices, occurrences: Counts) -> Floats:
    """Return the mean of ``table`` over the units in each level; over its counts where it has no units."""
    counts, units = (
        np.bincount(of_count, weights, minlength=LEVELS + 1) for weights in (np.ones(len(table)), occurrences)
    )
    over_units, over_counts = (
        np.bincount(of_count, weights * table, minlength=LEVELS + 1) for weights in (occurrences, np.ones(len(table)))
    )
    found: Floats = np.where(units > 0, over_units / np.maximum(units, 1), over_counts / np.maximum(counts, 1))
    return found
