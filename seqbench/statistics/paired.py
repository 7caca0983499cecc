"""Pairs of two things measured side by side: exact tests, the shift and its bounds.

A pair is a difference whose sign is a fair coin where nothing differs. That is all these tests need, so outliers, of
which times are full, make none of them wrong. The sign test also keeps its power among them; the signed-rank test has
more where there are few.
"""

import math
from functools import lru_cache

import numpy as np

from seqbench.statistics.seeds import Interval, Values, vector


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

    An end is infinite where so few values support none.

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


def signed_rank_p(differences: Values) -> float:
    """One-sided p that the differences are symmetric around 0, against that they lie above it; exact, ties included.

    Source: Wilcoxon 1945, doi:10.2307/3001968; zeros keep their ranks and count for neither side (Pratt 1959).

    >>> signed_rank_p([1.0, 2.0, 3.0]), signed_rank_p([-1.0, -2.0, -3.0])
    (0.125, 1.0)
    """
    values = vector(differences)
    sizes = np.abs(values)
    ordered = np.sort(sizes)
    ranks = np.searchsorted(ordered, sizes, "left") + np.searchsorted(ordered, sizes, "right") + 1  # doubled midranks
    nonzero = values != 0
    chances = _chances(tuple(np.sort(ranks[nonzero]).tolist()))
    observed = int(ranks[values > 0].sum())
    return min(1.0, float(chances[observed:].sum()))


def median_shift(differences: Values) -> float:
    """The median of the means of all pairs of values, each with itself included.

    Source: Hodges & Lehmann 1963, doi:10.1214/aoms/1177704172.

    >>> median_shift([0.0, 1.0, 5.0])
    1.75
    """
    return float(np.median(_walsh(vector(differences))))


def shift_bounds(differences: Values, error: float) -> Interval:
    """Lower and upper bound of the shift, each wrong with a probability of at most ``error``: the test inverted.

    An end is infinite where so few values support none. Source: Hollander & Wolfe 1999, section 3.3.

    >>> shift_bounds(np.arange(1.0, 11.0), 0.01)
    (2.5, 8.5)
    >>> shift_bounds([1.0, 2.0], 0.01)
    (-inf, inf)
    """
    values = vector(differences)
    chances = _chances(tuple(range(2, 2 * values.size + 1, 2)))[::2]
    beyond = int(np.searchsorted(np.cumsum(chances), error, "right"))  # rank sums that are that rare
    if beyond == 0:
        return -math.inf, math.inf
    means = np.sort(_walsh(values))
    return float(means[beyond - 1]), float(means[means.size - beyond])


def _walsh(values: np.ndarray) -> np.ndarray:
    rows, columns = np.triu_indices(values.size)
    return (values[rows] + values[columns]) / 2


@lru_cache(maxsize=256)
def _chances(ranks: tuple[int, ...]) -> np.ndarray:
    """The chance of every sum of the ranks that get a positive sign, all signs being fair coins: (sum + 1,)."""
    chances = np.zeros(sum(ranks) + 1)
    chances[0] = 1.0
    for rank in ranks:
        chances[rank:] = (chances[rank:] + chances[: chances.size - rank]) / 2 if rank else chances
        chances[:rank] /= 2
    return chances
