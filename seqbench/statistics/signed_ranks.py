"""Wilcoxon's signed ranks: two tests, their exact chances, and the means from which a shift and its bounds come.

Differences of 0 may keep their ranks or be left out: given how large the others are, their signs are fair coins either
way, so both tests are exact. Each does what its use asks for.
"""

import math
from functools import lru_cache, partial

import numpy as np
from scipy import special

from seqbench.statistics.permutation import doubled_midranks
from seqbench.statistics.seeds import Values, vector
from seqbench.statistics.strata import Stratum

MOST_EXACT = 200
"""Pairs up to which every choice of signs is counted; beyond, the normal approximation is as good."""


def one_sided_p(differences: Values) -> float:
    """One-sided p that the differences are symmetric around 0, against that they lie above it; exact, ties included.

    Zeros keep their ranks and count for neither side: then p never rises where a difference does, as long as no two
    but zeros are equally large. Were zeros left out it could: a seed that turned worse would speak against "worse".
    Source: Wilcoxon 1945, doi:10.2307/3001968; Pratt 1959, doi:10.1080/01621459.1959.10501526 (zeros).

    >>> one_sided_p([1.0, 2.0, 3.0]), one_sided_p([-1.0, -2.0, -3.0])
    (0.125, 1.0)
    """
    values = vector(differences)
    ranks = doubled_midranks(np.abs(values))
    chances = sign_chances(tuple(np.sort(ranks[values != 0]).tolist()))
    return min(1.0, float(chances[int(ranks[values > 0].sum()) :].sum()))


def two_sided_p(differences: Values) -> float:
    """Two-sided p that differences lie around 0 symmetrically; zeros are left out, infinities are the largest.

    As in the textbook and by default in SciPy's ``wilcoxon``, with which the p can be checked.
    Source: Wilcoxon 1945, doi:10.2307/3001968; Hollander, Wolfe & Chicken 2013, section 3.1 (zeros, many pairs).

    >>> round(two_sided_p([1, 2, 3, 4, 5]), 4), two_sided_p([0, 0])
    (0.0625, 1.0)
    """
    array = vector(differences, 0, finite=False)
    array = array[array != 0]
    if array.size == 0:
        return 1.0
    ranks = doubled_midranks(np.abs(array))
    observed = abs(int(ranks[array > 0].sum()) - int(ranks[array < 0].sum()))
    if array.size > MOST_EXACT:
        return float(2 * special.ndtr(-observed / math.sqrt(float((ranks.astype(float) ** 2).sum()))))
    chances = sign_chances(tuple(np.sort(ranks).tolist()))
    away = np.abs(2 * np.arange(chances.size) - chances.size + 1) >= observed
    return min(1.0, float(chances[away].sum()))


def signs(differences: Values) -> Stratum:
    """Pairs on one task: the sum of the signed ranks, against those of all signs; zeros are left out.

    The largest there can be is that of as many pairs without a zero: pairs of which most differ in nothing weigh less.
    Source: Wilcoxon 1945, doi:10.2307/3001968; many pairs as in ``two_sided_p``.

    >>> found = signs([1.0, -2.0, 3.0, 0.0])
    >>> found.observed, found.most
    (2, 10)
    """
    array = vector(differences, finite=False)
    ranks, pairs = doubled_midranks(np.abs(array[array != 0])), array.size
    most, reach = pairs * (pairs + 1) // 2, ranks.size * (ranks.size + 1) // 2
    law = partial(_drawn, ranks)
    if pairs <= MOST_EXACT:
        law = np.pad(sign_chances(tuple(np.sort(ranks).tolist())), most - reach)
    return Stratum(observed=int(ranks[array[array != 0] > 0].sum()) - reach, most=most, law=law, symmetric=True)


def _drawn(ranks: np.ndarray, rng: np.random.Generator, draws: int) -> np.ndarray:
    """Sums of very many signed ranks: normal."""
    return rng.normal(0, math.sqrt(float((ranks.astype(float) ** 2).sum())) / 2, draws)


@lru_cache(maxsize=512)
def sign_chances(ranks: tuple[int, ...]) -> np.ndarray:
    """The chance of every sum of the ranks that get a positive sign, all signs being fair coins: (sum + 1,).

    Source: Streitberg & Roehmel 1986 (shift algorithm).

    >>> sign_chances((1, 2)).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    chances = np.zeros(sum(ranks) + 1)
    chances[0] = 1.0
    for rank in ranks:
        chances[rank:], chances[:rank] = (chances[rank:] + chances[: chances.size - rank]) / 2, chances[:rank] / 2
    return chances


@lru_cache(maxsize=512)
def means_beyond(pairs: int, error: float) -> int:
    """Means of pairs of differences beyond each bound of the shift, if a bound may be wrong with such a chance.

    0 where even the extremes are wrong more often. Source: Hollander, Wolfe & Chicken 2013, section 3.3.

    >>> means_beyond(8, 0.025), means_beyond(5, 0.025)
    (4, 0)
    """
    return int(np.searchsorted(np.cumsum(sign_chances(tuple(range(1, pairs + 1)))), error, "right"))


def walsh_means(differences: np.ndarray) -> np.ndarray:
    """The means of any two differences, each with itself too, in order; that of two opposite infinities is 0.

    Source: Walsh 1949, Annals of Mathematical Statistics 20, pp. 64-81.

    >>> walsh_means(np.array([0.0, 1.0, 5.0])).tolist()
    [0.0, 0.5, 1.0, 2.5, 3.0, 5.0]
    """
    i, j = np.triu_indices(differences.size)
    with np.errstate(invalid="ignore"):
        means = (differences[i] + differences[j]) / 2
    return np.sort(np.where(np.isnan(means), 0.0, means))
