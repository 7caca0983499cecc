"""Exact tests of two groups of seeds, and the correction for testing many."""

import math
from collections.abc import Sequence
from functools import lru_cache, partial

import numpy as np

from seqbench.statistics.seeds import FEWEST, Values, rows, seeds_of
from seqbench.statistics.strata import Stratum, combined_p

Pair = tuple[Values, Values]
"""Two groups of seeds on one task, or on a stratum of tasks; an unsolved run is an infinity on the worse side."""

MOST_EXACT = 100
"""Seeds of both groups together up to which all splits of a task are counted; beyond, splits are drawn."""
_BLOCK = 4_000_000  # numbers shuffled at once: drawing takes 100 MB however many seeds there are


def permutation_p(a: Values, b: Values, seed: int = 0) -> float:
    """Two-sided p of the rank-sum test of two independent groups; exact, ties and infinities included.

    All splits are counted, not listed, so that 20 against 20 seeds take a millisecond.
    Source: Mann & Whitney 1947, doi:10.1214/aoms/1177730491; Streitberg & Roehmel 1986 (shift algorithm).

    >>> round(permutation_p([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]), 4)
    0.0079
    """
    return stratified_p([(a, b)], seed)


def stratified_p(pairs: Sequence[Pair], seed: int = 0) -> float:
    """Two-sided p that two groups are the same on every task; runs change sides within their task only.

    The statistic is the mean over tasks of the probability of improvement. Of a stratum of several tasks, see
    ``by_kind``, a seed changes sides with all its runs, and counts by its mean rank over these tasks. Exact where its
    values lie on a common lattice that is not too fine (equal numbers of seeds always do); otherwise from 20,000 drawn
    splits. Source: van Elteren 1960; see ``combined_p``.

    Args:
        pairs: for each task, or stratum of tasks, the two groups.
        seed: of the generator, where splits are drawn.

    >>> round(stratified_p([([3, 4], [1, 2]), ([3, 4], [1, 2])]), 4)  # 2 of 6 x 6 splits
    0.0556
    """
    return combined_p([split(*pair) for pair in pairs], seed)


def doubled_midranks(values: np.ndarray) -> np.ndarray:
    """Twice the rank of each value, 1 being the lowest, equal ones sharing the mean of theirs: whole numbers.

    Source: Kendall 1945, doi:10.1093/biomet/33.3.239 (midranks).

    >>> doubled_midranks(np.array([0.5, 0.1, 0.5])).tolist()
    [5, 2, 5]
    """
    ordered = np.sort(values)
    return np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right") + 1


def tied(values: np.ndarray, more: int = 0) -> float:
    """The part that ties take from the variance of a rank sum of these values and of some more that tie with none.

    Source: Kendall 1945, doi:10.1093/biomet/33.3.239.

    >>> tied(np.array([0.5, 0.5, 0.1])), tied(np.array([0.5, 0.5, 0.5])), tied(np.array([0.5, 0.5, 0.5]), more=2)
    (0.25, 1.0, 0.2)
    """
    together, every = np.unique(values, return_counts=True)[1].astype(float), values.size + more
    return float((together**3 - together).sum()) / (every**3 - every)


def seed_ranks(a: Values, b: Values) -> np.ndarray:
    """Doubled midranks of all seeds, those of ``a`` first; on a stratum, see ``by_kind``, of their mean ranks.

    Source: see ``split``.

    >>> seed_ranks([3, 4], [1, 2]).tolist(), seed_ranks(np.array([[3, 4], [1, 2]]), np.array([[1], [3]])).tolist()
    ([6, 8, 2, 4], [2, 6, 4])
    """
    each = np.concatenate([rows(a, finite=False), rows(b, finite=False)], axis=1)
    ranks = np.sum([doubled_midranks(task) for task in each], axis=0)  # whole numbers compare exactly
    return doubled_midranks(ranks) if len(each) > 1 else ranks


def split(a: Values, b: Values) -> Stratum:
    """Two groups on one task: the doubled rank sum of ``a`` above its expectation, against those of all splits.

    Of several tasks of a stratum, see ``by_kind``, the ranks are those of the seeds' mean ranks over the tasks. As
    part of the largest there can be it is 2 P(a > b) - 1, ties counting half.
    Source: Mann & Whitney 1947, doi:10.1214/aoms/1177730491.

    >>> found = split([3, 4], [1, 2])
    >>> found.observed, found.most
    (4, 4)
    """
    ranks, n, m = seed_ranks(a, b), seeds_of(a), seeds_of(b)
    return Stratum(
        observed=_excess(ranks[:n], ranks.size),
        most=n * m,
        law=_split_chances(ranks, n) if ranks.size <= MOST_EXACT else partial(_drawn, ranks, n),
        symmetric=n == m,  # then as many splits lack so much as exceed it
        tasks=len(rows(a, finite=False)),
    )


def _excess(ranks: np.ndarray, total: int) -> int:
    """Doubled rank sum of a group above its expectation; from -nm to nm."""
    return int(ranks.sum()) - ranks.size * (total + 1)


def _split_chances(ranks: np.ndarray, n: int) -> np.ndarray:
    """The chance of every excess from -nm to nm, over all choices of n of the doubled ranks: (2nm + 1,)."""
    ordered, m = tuple(np.sort(ranks).tolist()), ranks.size - n
    return _counted(ordered, n) if n <= m else _counted(ordered, m)[::-1]  # what these have in excess, the others lack


@lru_cache(maxsize=2048)  # a matrix of 24 tasks and 66 pairs asks for each by task, and again by pair
def _counted(ranks: tuple[int, ...], n: int) -> np.ndarray:
    """The same of sorted ranks, where n are no more than half of them."""
    size, half = len(ranks), n * (len(ranks) - n)
    ways = np.zeros((n + 1, 2 * half + 1))  # to choose so many with such an excess
    ways[0, half] = 1
    lowest = highest = half  # columns that are not 0: few for long, where ranks come from the middle outward
    for position, own in enumerate(sorted((rank - (size + 1) for rank in ranks), key=abs)):
        fewest, most = max(1, n - (size - position - 1)), min(n, position + 1)  # from other numbers no way leads to n
        lowest, highest = max(0, lowest + min(own, 0)), min(2 * half, highest + max(own, 0))
        first, last = max(lowest, own), min(highest, 2 * half + own)
        ways[fewest : most + 1, first : last + 1] += ways[fewest - 1 : most, first - own : last + 1 - own]
    return ways[n] / math.comb(size, n)


def _drawn(ranks: np.ndarray, n: int, rng: np.random.Generator, draws: int) -> np.ndarray:
    """The excess of n of the doubled ranks, drawn without replacement: (draws,)."""
    found, at_once = [], max(1, _BLOCK // ranks.size)
    for start in range(0, draws, at_once):
        splits = np.tile(ranks, (min(at_once, draws - start), 1))
        found.append(rng.permuted(splits, axis=1)[:, :n].sum(1) - n * (ranks.size + 1))
    return np.concatenate(found)


def smallest_p(n: int, m: int) -> float:
    """The smallest p that ``permutation_p`` can reach with n against m seeds.

    Source: ours, by counting: of all splits two are the most extreme, one on each side.

    >>> round(smallest_p(3, 3), 3), round(smallest_p(5, 5), 4)
    (0.1, 0.0079)
    """
    return min(1.0, 2 / math.comb(n + m, n))


def seeds_needed(comparisons: int, alpha: float = 0.05, tasks: int = 1) -> int:
    """The fewest seeds, as many on both sides, with which one of so many comparisons could be decided after Holm.

    To be decided in practice a moderate difference takes many more. Source: ours, from ``smallest_p`` and ``holm``.

    >>> [seeds_needed(comparisons) for comparisons in (1, 6, 7, 30)], seeds_needed(30, tasks=2)
    ([5, 5, 6, 7], 5)
    """
    seeds = FEWEST
    while comparisons * 2 * (smallest_p(seeds, seeds) / 2) ** tasks >= alpha:
        seeds += 1
    return seeds


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p values, in the order given.

    Source: Holm 1979, www.jstor.org/stable/4615733.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * float(p_values[index])))
        adjusted[int(index)] = highest
    return adjusted
