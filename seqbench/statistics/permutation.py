"""Exact tests of two groups of seeds, and the correction for testing many."""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from seqbench.statistics.seeds import FEWEST, Values, vector

Pair = tuple[Values, Values]
"""Two groups of seeds on one task; an unsolved run is an infinity on the worse side."""

MOST_EXACT = 100
"""Seeds of both groups together up to which all splits of a task are counted; beyond, splits are drawn."""
_FINEST = 2000
_DRAWS = 20_000
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

    The statistic is the mean over tasks of the probability of improvement. Exact where its values lie on a common
    lattice that is not too fine (equal numbers of seeds always do); otherwise from 20,000 drawn splits, the observed
    one counted among them. Source: van Elteren 1960; Davison & Hinkley 1997, section 4.2 (drawn splits).

    Args:
        pairs: for each task the two groups.
        seed: of the generator, where splits are drawn.

    >>> round(stratified_p([([3, 4], [1, 2]), ([3, 4], [1, 2])]), 4)  # 2 of 6 x 6 splits
    0.0556
    """
    tasks = [_ranked(*pair) for pair in pairs]
    common = math.lcm(*(n * (ranks.size - n) for ranks, n in tasks))
    if max(ranks.size for ranks, _ in tasks) > MOST_EXACT or common > _FINEST:
        return _drawn_p(tasks, np.random.default_rng(seed))
    observed = sum(_excess(ranks[:n], ranks.size) * (common // (n * (ranks.size - n))) for ranks, n in tasks)
    chances = np.ones(1)  # of every value of the statistic, on a lattice that is symmetric around 0
    for ranks, n in tasks:
        chances = np.convolve(chances, _spread(_split_chances(tuple(np.sort(ranks).tolist()), n), common))
    away = np.abs(np.arange(chances.size) - chances.size // 2) >= abs(observed)
    return min(1.0, float(chances[away].sum()))


def _ranked(a: Values, b: Values) -> tuple[np.ndarray, int]:
    """Doubled midranks of both groups, the first one first: whole numbers compare exactly. And the first one's size."""
    first, second = vector(a, finite=False), vector(b, finite=False)
    return doubled_midranks(np.concatenate([first, second])), first.size


def doubled_midranks(values: np.ndarray) -> np.ndarray:
    """Twice the rank of each value, 1 being the lowest, equal ones sharing the mean of theirs: whole numbers.

    Source: Kendall 1945, doi:10.1093/biomet/33.3.239 (midranks).

    >>> doubled_midranks(np.array([0.5, 0.1, 0.5])).tolist()
    [5, 2, 5]
    """
    ordered = np.sort(values)
    return np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right") + 1


def _excess(ranks: np.ndarray, total: int) -> int:
    """Doubled rank sum of a group above its expectation; from -nm to nm."""
    return int(ranks.sum()) - ranks.size * (total + 1)


@lru_cache(maxsize=512)
def _split_chances(ranks: tuple[int, ...], n: int) -> np.ndarray:
    """The chance of every excess from -nm to nm, over all choices of n of the doubled ranks: (2nm + 1,)."""
    m, size = len(ranks) - n, sum(ranks) + 1
    ways = np.zeros((n + 1, size))  # ways to choose so many with such a sum
    ways[0, 0] = 1
    for rank in ranks:
        ways[1:, rank:] += ways[:-1, : size - rank].copy()
    lowest = n * (n + m + 1) - n * m
    return ways[n, lowest : lowest + 2 * n * m + 1] / math.comb(n + m, n)


def _spread(chances: np.ndarray, common: int) -> np.ndarray:
    """The same chances on the lattice of ``common``: from -common to common."""
    wide = np.zeros(2 * common + 1)
    wide[:: 2 * common // (chances.size - 1)] = chances
    return wide


def _drawn_p(tasks: list[tuple[np.ndarray, int]], rng: np.random.Generator) -> float:
    """The p of the first groups among drawn splits, the observed one being the first of them."""
    total = np.zeros(1 + _DRAWS)
    for ranks, n in tasks:
        sums = np.concatenate([[ranks[:n].sum()], *_drawn_sums(ranks, n, rng)])
        total += (sums - n * (ranks.size + 1)) / (n * (ranks.size - n))
    return float(np.mean(np.abs(total) >= abs(total[0]) - 1e-9))  # sums of fractions: equal ones differ in last digits


def _drawn_sums(ranks: np.ndarray, n: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Rank sums of n drawn without replacement, ``_DRAWS`` of them in blocks."""
    rows = max(1, _BLOCK // ranks.size)
    for start in range(0, _DRAWS, rows):
        splits = np.tile(ranks, (min(rows, _DRAWS - start), 1))
        yield rng.permuted(splits, axis=1)[:, :n].sum(1)


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
