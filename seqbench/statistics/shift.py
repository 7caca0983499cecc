"""How far one group of seeds lies above another: the shift, its interval, and the test that goes with it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy import special

from seqbench.statistics.permutation import Pair, doubled_midranks, permutation_p, smallest_p, split
from seqbench.statistics.seeds import Interval, Values, rows, too_few, vector
from seqbench.statistics.signed_ranks import MOST_EXACT, means_beyond, signs, two_sided_p, walsh_means
from seqbench.statistics.strata import Stratum, combined_p, mean_effect

MOST_PAIRS = 1_000_000
"""Differences that are listed for the interval."""


@dataclass(frozen=True, kw_only=True)
class Shift:
    """By how much ``b`` lies above ``a``.

    Attributes:
        value: Hodges and Lehmann's estimate: the median of all differences; infinite where most runs of one lack a
            score.
        interval: which holds the shift; None where no differences are extreme enough, as ``why`` says.
        p: two-sided, that there is none.
        smallest: the p that the most extreme outcome of so many seeds would have.
        paired: whether runs of the same seed were compared.
    """

    value: float
    interval: Interval | None
    p: float
    smallest: float
    paired: bool
    why: str | None = None


def paired_shift(a: Values, b: Values, level: float = 0.95) -> Shift:
    """The shift from ``a`` to ``b`` of values that belong together one by one: runs of the same seeds.

    The test flips the signs of the ranked differences (Wilcoxon's signed ranks), exactly, ties included; differences
    of 0 say nothing. The interval lies between two of the means of any two differences.
    Source: Wilcoxon 1945, doi:10.2307/3001968; Hollander, Wolfe & Chicken 2013, sections 3.1 to 3.3.

    >>> found = paired_shift([1, 2, 3, 4, 5, 6, 7, 8], [3, 3, 5, 6, 7, 8, 8, 10])
    >>> found.value, found.interval, round(found.p, 4)
    (2.0, (1.5, 2.0), 0.0078)
    """
    first, second = vector(a, finite=False), vector(b, finite=False)
    if first.size != second.size:
        raise ValueError(f"pairs need as many values on both sides; got {first.size} and {second.size}.")
    differences = _minus(second, first)
    n = differences.size
    means = np.sort(differences) if n * n > 2 * MOST_PAIRS else walsh_means(differences)
    outside = _outside_signed(n, level) if means.size > n or n == 1 else _outside_middle(n, level)
    return Shift(
        value=float(_median(means)),
        interval=_between(means, outside) if too_few(n) is None else None,
        p=two_sided_p(differences),
        smallest=2.0 ** (1 - n) if n else 1.0,
        paired=True,
        why=too_few(n) or (None if outside else f"{n} pairs are too few"),
    )


def independent_shift(a: Values, b: Values, level: float = 0.95) -> Shift:
    """The shift from ``a`` to ``b`` of two groups that have nothing to do with each other.

    The test is the exact rank-sum test; the interval lies between two of all differences.
    Source: Hodges & Lehmann 1963, doi:10.1214/aoms/1177704172; Hollander, Wolfe & Chicken 2013, sections 4.1 to 4.3.

    >>> found = independent_shift([1, 2, 3, 4, 5], [11, 12, 13, 14, 15])
    >>> found.value, found.interval, round(found.p, 4)
    (10.0, (7.0, 13.0), 0.0079)
    """
    first, second = vector(a, finite=False), vector(b, finite=False)
    n, m = first.size, second.size
    few = too_few(min(n, m))
    differences = np.sort(_minus(second[:, None], first).ravel()) if n * m <= MOST_PAIRS else None
    outside = _outside_groups(n, m, level)
    listed = few is None and differences is not None
    return Shift(
        value=float(_median(differences)) if differences is not None else math.nan,
        interval=_between(differences, outside) if listed and differences is not None else None,
        p=permutation_p(first, second),
        smallest=smallest_p(n, m),
        paired=False,
        why=few or (None if listed else f"more than {MOST_PAIRS:,} differences"),
    )


def overall_shift(pairs: Sequence[Pair], paired: Sequence[bool], seed: int = 0) -> tuple[float, float]:
    """Whether ``b`` lies above ``a`` over several rows at once: in which direction, from -1 to 1, and the two-sided p.

    Each row by the test that it has alone, ``paired_shift``'s or ``independent_shift``'s, and all rows weigh the same.
    Source: van Elteren 1960; see ``combined_p``, ``signs`` and ``split``.

    Args:
        pairs: for each row ``a`` and ``b``, or for each stratum of rows, see ``by_kind``; no value may be in two.
        paired: for each row whether its values belong together one by one.
        seed: of the generator, where the p is drawn.

    >>> a, b = [1, 20, 300, 4000, 50, 600], [2, 22, 303, 4004, 55, 606]
    >>> [round(found, 4) for found in overall_shift([(a, b), (a, b)], [True, True])]
    [1.0, 0.0005]
    """
    strata = [_signs(a, b) if same else split(b, a) for (a, b), same in zip(pairs, paired, strict=True)]
    return mean_effect(strata), combined_p(strata, seed)


def _signs(a: Values, b: Values) -> Stratum:
    """Of a stratum a seed changes sides with all its runs, and counts by the sum of its signed ranks."""
    first, second = rows(a, finite=False), rows(b, finite=False)
    differences = np.where(np.isnan(first), np.nan, _minus(second, first))
    if len(differences) == 1:
        return signs(differences[0])
    ranked = np.zeros(differences.shape)
    for row, mine in zip(ranked, differences, strict=True):
        there = ~np.isnan(mine)
        row[there] = np.sign(mine[there]) * doubled_midranks(np.abs(mine[there]))
    return replace(signs(ranked.sum(axis=0)), tasks=len(differences))


def _minus(b: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Differences, 0 where both are the same infinity: two runs without a score are equally bad."""
    with np.errstate(invalid="ignore"):
        found = b - a
    return np.where(np.isnan(found), 0.0, found)


def _median(ordered: np.ndarray) -> float:
    low, high = ordered[(ordered.size - 1) // 2], ordered[ordered.size // 2]
    return low if low == high else (low + high) / 2


def _between(ordered: np.ndarray, outside: int) -> Interval | None:
    return (float(ordered[outside - 1]), float(ordered[ordered.size - outside])) if outside else None


def _outside_signed(n: int, level: float) -> int:
    """Which mean from each end bounds the interval of n pairs; 0 where even the extremes cover too little."""
    if n > MOST_EXACT:
        spread = math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        return max(0, math.floor(n * (n + 1) / 4 + float(special.ndtri((1 - level) / 2)) * spread))
    return means_beyond(n, (1 - level) / 2)


def _outside_middle(n: int, level: float) -> int:
    """The same for the differences themselves: the sign test, of very many pairs."""
    return max(0, math.floor(n / 2 + float(special.ndtri((1 - level) / 2)) * math.sqrt(n) / 2))


@lru_cache(maxsize=512)
def _outside_groups(n: int, m: int, level: float) -> int:
    """Which difference from each end bounds the interval of two groups; 0 where even the extremes cover too little."""
    if n + m > 100:
        spread = math.sqrt(n * m * (n + m + 1) / 12)
        return max(0, math.floor(n * m / 2 + float(special.ndtri((1 - level) / 2)) * spread))
    ways = np.zeros((n + 1, n * m + 1))  # of so many of the first group, with so many pairs won
    ways[0, 0] = 1.0
    for place in range(n + m):
        for chosen in range(min(place + 1, n), 0, -1):
            won = place + 1 - chosen  # members of the second group below it
            if won <= m:
                ways[chosen, won:] += ways[chosen - 1, : n * m + 1 - won]
    below = np.cumsum(ways[n]) / math.comb(n + m, n)
    return int(np.searchsorted(below, (1 - level) / 2, "right"))
