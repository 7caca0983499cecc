"""Times that were measured in rounds: medians, ratios of pairs, and what two equal things differ by.

A round measures everything once, in a random order, so that what changes slowly on a machine meets all alike. The
values of one round are a pair; values of different rounds are independent.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from seqbench.statistics.intervals import median_rank
from seqbench.statistics.seeds import Estimate, Interval, Values, vector

LEVEL = 0.99
FEWEST = 8
"""Rounds below which there is no interval: of fewer, not even the smallest and the largest value enclose the median
with a probability of 99 % (it is 1 - 2 / 2^n)."""


def median_of_rounds(values: Values, level: float = LEVEL) -> Estimate:
    """The median over rounds with its interval, which needs no distribution; infinite values are allowed.

    Source: order statistics and the binomial distribution, e.g. Conover 1999, Practical Nonparametric Statistics, 3.2.

    >>> found = median_of_rounds([1.0, 1.1, 0.9, 1.2, 1.0, 1.0, 1.3, 0.8])
    >>> found.value, found.interval
    (1.0, (0.8, 1.3))
    >>> median_of_rounds([1.0, 2.0, 3.0]).why
    'fewer than 8 rounds: 3'
    """
    array = vector(values, finite=False)
    value = _middle(np.sort(array))
    ends = order_interval(array, level)
    if array.size < FEWEST or ends is None:
        return Estimate(value=value, why=f"fewer than {FEWEST} rounds: {array.size}")
    return Estimate(value=value, interval=ends)


def order_interval(values: np.ndarray, level: float) -> Interval | None:
    """The two order statistics that enclose the median with at least this probability; None where none do.

    Source: David & Nagaraja 2003, Order Statistics, section 7.1.

    >>> order_interval(np.arange(1.0, 21.0), 0.99)
    (4.0, 17.0)
    """
    ordered, rank = np.sort(values), median_rank(values.size, level)
    return None if rank is None else (float(ordered[rank]), float(ordered[ordered.size - 1 - rank]))


def _middle(ordered: np.ndarray) -> float:
    """The median, also of infinite values, of which NumPy's mean of the middle two may be no number."""
    low, high = ordered[(ordered.size - 1) // 2], ordered[ordered.size // 2]
    return float(low) if low == high else float((low + high) / 2)


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """How many times as long ``a`` takes as ``b``.

    "not told apart" says that the interval holds 1, so no difference was shown, which is no equality; "undecided" that
    there are too few rounds.
    """

    verdict: Literal["longer", "shorter", "not told apart", "undecided"]
    estimate: Estimate


def paired_ratio(a: Values, b: Values, level: float = LEVEL) -> Ratio:
    """Median over rounds of a / b, both positive and measured in the same rounds.

    Source: Kalibera & Jones 2013, doi:10.1145/2464157.2464160 (a ratio with its interval, not a p value).

    >>> slow, fast = [2.0, 2.2, 1.8, 2.0, 4.2, 2.0, 2.0, 2.1], [1.0, 1.1, 0.9, 1.0, 2.0, 1.0, 1.0, 1.0]
    >>> found = paired_ratio(slow, fast)
    >>> found.verdict, [round(bound, 2) for bound in found.estimate.interval]
    ('longer', [2.0, 2.1])
    """
    above, below = vector(a), vector(b)
    if above.size != below.size or min(above.min(), below.min()) <= 0:
        raise ValueError(f"needs pairs of positive numbers; got {above.tolist()} and {below.tolist()}.")
    found = median_of_rounds(above / below, level)
    if found.interval is None:
        return Ratio(verdict="undecided", estimate=found)
    low, high = found.interval
    return Ratio(verdict="longer" if low > 1 else "shorter" if high < 1 else "not told apart", estimate=found)


def resolution(twins: Ratio) -> float | None:
    """From a thing measured twice in each round: the share by which two things must differ to be told apart.

    The larger distance of the interval's ends from 1; None without an interval.
    Source: ours; that two equal things differ is the measurement's own doing.

    >>> resolution(paired_ratio([1.0, 1.02, 0.98, 1.0, 1.01, 1.0, 1.0, 1.0], [1.0] * 8))
    0.02
    """
    interval = twins.estimate.interval
    return None if interval is None else round(max(interval[1] - 1, 1 - interval[0]), 12)
