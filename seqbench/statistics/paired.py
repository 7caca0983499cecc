"""Pairs of two things measured side by side: exact tests, the shift and its bounds.

A pair is a difference whose sign is a fair coin where nothing differs. That is all these tests need, so outliers, of
which times are full, make none of them wrong. The sign test also keeps its power among them; the signed-rank test has
more where there are few.
"""

import math
from functools import lru_cache

import numpy as np

from seqbench.statistics.seeds import Interval, Values, vector
from seqbench.statistics.signed_ranks import means_beyond, walsh_means


def sign_p(differences: Values) -> float:
    """One-sided p that the differences lie above 0 no more often than below; exact. Zeros count as below.

    Source: Conover 1999, Practical Nonparametric Statistics, section 3.4.

    >>> sign_p([1.0, 2.0, 3.0]), sign_p([0.0])
    (0.125, 1.0)
    """
    values = vector(differences)
    return _coins(values.size)[values.size - int((values > 0).sum())]


def median_bounds(differences: Values, error: float) -> Interval:
    """Lower and upper bound of the median, each wrong with a probability of at most ``error``: the sign test inverted.

    An end is infinite where so few values support none. Source: David & Nagaraja 2003, Order Statistics, section 7.1.

    >>> median_bounds(np.arange(10.0), 0.011), median_bounds([1.0, 2.0], 0.011)
    ((1.0, 8.0), (-inf, inf))
    """
    ordered = np.sort(vector(differences))
    beyond = sum(chance <= error for chance in _coins(ordered.size))
    if beyond == 0:
        return -math.inf, math.inf
    return float(ordered[beyond - 1]), float(ordered[ordered.size - beyond])


@lru_cache(maxsize=256)
def _coins(number: int) -> tuple[float, ...]:
    """The chance of at most k tails of so many fair coins, for each k."""
    return tuple(sum(math.comb(number, k) for k in range(most + 1)) / 2**number for most in range(number + 1))


def median_shift(differences: Values) -> float:
    """The median of the means of all pairs of values, each with itself included.

    Source: Hodges & Lehmann 1963, doi:10.1214/aoms/1177704172.

    >>> median_shift([0.0, 1.0, 5.0])
    1.75
    """
    return float(np.median(walsh_means(vector(differences))))


def shift_bounds(differences: Values, error: float) -> Interval:
    """Lower and upper bound of the shift, each wrong with a probability of at most ``error``: the test inverted.

    An end is infinite where so few values support none. Source: Hollander & Wolfe 1999, section 3.3.

    >>> shift_bounds(np.arange(1.0, 11.0), 0.01)
    (2.5, 8.5)
    >>> shift_bounds([1.0, 2.0], 0.01)
    (-inf, inf)
    """
    values = vector(differences)
    beyond = means_beyond(values.size, error)
    if beyond == 0:
        return -math.inf, math.inf
    means = walsh_means(values)
    return float(means[beyond - 1]), float(means[means.size - beyond])
