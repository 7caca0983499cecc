"""Intervals of one cell: mean of scores, solve rate, median."""

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache, partial

import numpy as np
from scipy import special

from seqbench.statistics.roots import root
from seqbench.statistics.seeds import UNLIMITED, Interval, Values, vector


def t_interval(values: Values, level: float = 0.95, limits: Interval = UNLIMITED) -> Interval:
    """Student's interval of the mean, without what lies outside of ``limits``.

    Cutting it there excludes no mean that there can be: it covers as often as the whole one. A limit that a value
    exceeds is none, and the interval then ends no nearer than at that value.

    Args:
        values: at least 2 finite numbers.
        level: coverage aimed at.
        limits: the lowest and the highest value that there can be, such as 0 and 1 for a share.

    Source: Student 1908, doi:10.2307/2331554.

    >>> [round(bound, 3) for bound in t_interval([1.0, 2.0, 3.0])]
    [-0.484, 4.484]
    >>> [round(bound, 3) for bound in t_interval([0.98, 0.99, 1.0], limits=(0.0, 1.0))]
    [0.965, 1.0]
    """
    array = vector(values, least=2)
    half = special.stdtrit(array.size - 1, (1 + level) / 2) * array.std(ddof=1) / math.sqrt(array.size)
    low, high = float(array.mean() - half), float(array.mean() + half)
    return max(low, min(limits[0], float(array.min()))), min(high, max(limits[1], float(array.max())))


def prediction_interval(values: Values, error: float) -> Interval:
    """Bounds of one more value from where ``values`` come, each wrong with a chance of ``error`` if they are normal.

    Source: Hahn & Meeker 1991, Statistical Intervals, section 4.7.

    >>> [round(bound, 2) for bound in prediction_interval([1.0, 2.0, 3.0], 0.05)]
    [-1.37, 5.37]
    """
    array = vector(values, least=2)
    half = special.stdtrit(array.size - 1, 1 - error) * array.std(ddof=1) * math.sqrt(1 + 1 / array.size)
    return float(array.mean() - half), float(array.mean() + half)


def wilson_interval(successes: float, trials: int, level: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion; never leaves [0, 1], never has width 0.

    For rates from 0.1 to 0.95 and 5 to 30 seeds it covers 0.89 at least and 0.95 on average.
    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953.

    >>> [round(bound, 2) for bound in wilson_interval(5, 5)]
    [0.57, 1.0]
    """
    _check_counts(successes, trials)
    z = float(special.ndtri((1 + level) / 2))
    rate, shrink = successes / trials, 1 + z * z / trials
    centre = (rate + z * z / (2 * trials)) / shrink
    half = z * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials)) / shrink
    return (0.0 if successes == 0 else centre - half), (1.0 if successes == trials else centre + half)


def mid_p_interval(successes: int, trials: int, level: float = 0.95) -> Interval:
    """Mid-p interval of a proportion: the exact binomial test inverted, the observed count weighed one half.

    A little wider than Wilson's; for the same rates and seeds it covers 0.92 at least: solve rates take it.
    Source: Lancaster 1961, JASA 56, pp. 223-234; Berry & Armitage 1995, The Statistician 44, pp. 417-423;
    Newcombe 1998, Statistics in Medicine 17, pp. 857-872 (comparison).

    >>> [round(bound, 2) for bound in mid_p_interval(5, 5)]
    [0.55, 1.0]
    """
    _check_counts(successes, trials)
    return _mid_p_lower(successes, trials, level), 1 - _mid_p_lower(trials - successes, trials, level)


@lru_cache(maxsize=4096)  # a study has few different counts, and asks for them often
def _mid_p_lower(successes: int, trials: int, level: float) -> float:
    if successes == 0:
        return 0.0
    tail = (1 - level) / 2
    return root(partial(_mid_p, successes, trials, tail), 0.0, successes / trials)


def _mid_p(successes: int, trials: int, tail: float, rate: float) -> float:
    """The chance of more successes, plus half that of exactly as many, above the one wanted."""
    more, as_many_or_more = special.bdtrc([successes, successes - 1], trials, rate)
    return float(more + as_many_or_more) / 2 - tail


def _check_counts(successes: float, trials: int) -> None:
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"successes must lie between 0 and trials >= 1; got {successes} of {trials}.")


def median_steps(steps: Sequence[float | None]) -> float:
    """Median of steps to solve; None, a run that never solved, counts as infinity and is never dropped.

    Source: ours; of a run that has not solved a median asks only that it takes longer than those that have.

    >>> median_steps([100, 300, None]), median_steps([100, None, None])
    (300.0, inf)
    """
    if not steps:
        raise ValueError("a median takes at least 1 value; got none.")
    ordered = _with_infinity(steps)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return math.inf if math.isinf(high) else (low + high) / 2


def median_interval(steps: Sequence[float | None], level: float = 0.95) -> Interval | None:
    """Interval of the median between two order statistics, free of any assumption on the distribution.

    None where even the extremes cover less than ``level`` (fewer than 6 values at 95 %).
    Source: David & Nagaraja 2003, Order Statistics, section 7.1.

    >>> median_interval([10, 20, 30, 40, 50, None])
    (10.0, inf)
    """
    ordered, n = _with_infinity(steps), len(steps)
    rank = median_rank(n, level)
    return None if rank is None else (ordered[rank], ordered[n - 1 - rank])


@lru_cache(maxsize=512)  # thousands of cells have the same number of seeds
def median_rank(n: int, level: float) -> int | None:
    """How many values of n lie beyond each end of the median's interval; None where even the extremes cover less.

    Source: David & Nagaraja 2003, Order Statistics, section 7.1.

    >>> median_rank(20, 0.99), median_rank(5, 0.95)
    (3, None)
    """
    if n == 0 or 1 - 2 * special.bdtr(0, n, 0.5) < level:
        return None
    return max(k for k in range(n // 2) if 1 - 2 * special.bdtr(k, n, 0.5) >= level)


def fewest_of_median(level: float = 0.95) -> int:
    """Values below which the median has no interval.

    Source: see ``median_rank``.

    >>> fewest_of_median(), fewest_of_median(0.99)
    (6, 8)
    """
    return next(n for n in itertools.count(1) if median_rank(n, level) is not None)


def _with_infinity(steps: Sequence[float | None]) -> list[float]:
    return np.sort(vector([math.inf if step is None else float(step) for step in steps], 0, finite=False)).tolist()
