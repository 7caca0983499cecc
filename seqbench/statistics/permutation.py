"""Exact tests of two groups of seeds, and the correction for testing many."""

import math
from collections.abc import Sequence
from functools import lru_cache, partial, reduce

import numpy as np

from seqbench.statistics.seeds import FEWEST, Values, rows
from seqbench.statistics.strata import Stratum, combined_p

Pair = tuple[Values, Values]
"""Two groups of seeds on one task, or on a stratum of tasks; an unsolved run is an infinity on the worse side."""

MOST_EXACT = 100
"""Seeds of both groups together up to which all splits of a task are counted; beyond, splits are drawn."""
_FARTHEST = 6000
"""The largest sum, in whole numbers, up to which they are counted."""
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

    The statistic is how far the mean over tasks of the probability of improvement is from 1/2: p is small on the side
    on which that is, never on the other. Of a stratum of several tasks, see ``by_kind``, a seed changes sides with all
    its runs, and only with seeds on the same tasks. Exact where the values lie on a common lattice that is not too
    fine; otherwise from 20,000 drawn splits. Source: van Elteren 1960; see ``split`` and ``combined_p``.

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


def split(a: Values, b: Values) -> Stratum:
    """What two groups win of each other on a task, against what they would in all splits of their runs.

    As part of the largest there can be it is 2 P(a > b) - 1, ties counting half: on one task the doubled rank sum of
    ``a`` above its expectation, over several the mean of these, see ``win_rate``. Of a stratum, see ``by_kind``, a
    seed changes sides with all its runs, and only with seeds that are on just the same tasks: all that are there count
    in what is won, but those with a set of tasks that one group alone has stay where they are.
    Source: Mann & Whitney 1947, doi:10.1214/aoms/1177730491; conditional on the sets of tasks: van Elteren 1960.

    >>> found = split([3, 4], [1, 2])
    >>> found.observed, found.most
    (4, 4)
    """
    first, second = rows(a, finite=False), rows(b, finite=False)
    points, most = _points(first, second)
    sets = [(points[mine], int(mine[: first.shape[1]].sum())) for mine in _sets(first, second)]
    exact = points.size <= MOST_EXACT and int(np.abs(points).sum()) <= 2 * _FARTHEST
    return Stratum(
        observed=int(points[: first.shape[1]].sum()),
        most=len(first) * most,
        law=reduce(np.convolve, [_split_chances(*one) for one in sets]) if exact else partial(_drawn, sets),
        symmetric=all(2 * n == mine.size for mine, n in sets),  # then as many splits lack so much as exceed it
        tasks=len(first),
    )


def seed_ranks(a: Values, b: Values) -> tuple[np.ndarray, np.ndarray]:
    """Doubled midranks of the seeds of ``a`` and of ``b`` among all of them, by what each adds to the test.

    On a stratum, see ``by_kind``, it adds what it wins on all its tasks. Source: see ``split``.

    >>> [ranks.tolist() for ranks in seed_ranks(np.array([[3, 4], [1, 2]]), np.array([[1], [3]]))]
    [[2, 6], [4]]
    """
    first, second = rows(a, finite=False), rows(b, finite=False)
    ranks = doubled_midranks(_points(first, second)[0])
    return ranks[: first.shape[1]], ranks[first.shape[1] :]


def _points(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, int]:
    """What each seed of both adds to what its group wins, all its tasks together, and the most that a task gives.

    Whole numbers, which compare exactly: a task of n x m pairs of runs counts by 1 / nm, times the most.
    """
    return _pointed(len(a), a.tobytes(), len(b), b.tobytes())


@lru_cache(maxsize=2048)  # a verdict asks for the test, and for the seeds that would decide
def _pointed(tasks: int, one: bytes, tasks_of_other: int, other: bytes) -> tuple[np.ndarray, int]:
    """The same of the groups' numbers as bytes."""
    a, b = np.frombuffer(one).reshape(tasks, -1), np.frombuffer(other).reshape(tasks_of_other, -1)
    sizes = [(int(n), int(m)) for n, m in zip((~np.isnan(a)).sum(axis=1), (~np.isnan(b)).sum(axis=1), strict=True)]
    most = math.lcm(*(n * m for n, m in sizes))
    points = np.zeros(a.shape[1] + b.shape[1], dtype=np.int64)
    for task, (n, m) in zip(np.concatenate([a, b], axis=1), sizes, strict=True):
        there = ~np.isnan(task)
        points[there] += most // (n * m) * (doubled_midranks(task[there]) - (n + m + 1))
    points.flags.writeable = False  # whoever asks again has the same array
    return points, most


def _sets(a: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
    """Of each set of tasks on which some seeds of both are, and no others, a mask of them: (seeds of both,)."""
    tasks = [one.tobytes() for one in np.isnan(np.concatenate([a, b], axis=1)).T]
    return [np.array([mine == one for mine in tasks]) for one in dict.fromkeys(tasks)]


def _split_chances(points: np.ndarray, n: int) -> np.ndarray:
    """The chance of every sum of n of the points, all choices being as likely, from -reach to reach."""
    return _counted(tuple(np.sort(points).tolist()), n)


@lru_cache(maxsize=2048)  # a matrix of 24 tasks and 66 pairs asks for each by task, and again by pair
def _counted(points: tuple[int, ...], n: int) -> np.ndarray:
    """The same of points in order."""
    size = len(points)
    lowest, highest = points[:n], points[size - n :]
    reach = max(abs(sum(lowest)), abs(sum(highest)))
    half = max(reach, sum(max(point, 0) for point in highest), sum(max(-point, 0) for point in lowest))  # on the way
    ways = np.zeros((n + 1, 2 * half + 1))  # to choose so many with such a sum
    ways[0, half] = 1
    left = right = half  # columns that are not 0: few for long, where points come from the middle outward
    for position, own in enumerate(sorted(points, key=abs)):
        fewest, most = max(1, n - (size - position - 1)), min(n, position + 1)  # from other numbers no way leads to n
        left, right = max(0, left + min(own, 0)), min(2 * half, right + max(own, 0))
        first, last = max(left, own), min(right, 2 * half + own)
        ways[fewest : most + 1, first : last + 1] += ways[fewest - 1 : most, first - own : last + 1 - own]
    return ways[n, half - reach : half + reach + 1] / math.comb(size, n)


def _drawn(sets: Sequence[tuple[np.ndarray, int]], rng: np.random.Generator, draws: int) -> np.ndarray:
    """The sum of n points of each set, drawn without replacement: (draws,)."""
    total = np.zeros(draws, dtype=np.int64)
    for points, n in sets:
        at_once = max(1, _BLOCK // points.size)
        for start in range(0, draws, at_once):
            splits = np.tile(points, (min(at_once, draws - start), 1))
            total[start : start + at_once] += rng.permuted(splits, axis=1)[:, :n].sum(1)
    return total


def chance_of_extreme(a: Values, b: Values) -> float:
    """The chance of the one split in which, among seeds on the same tasks, all of ``a`` are above all of ``b``.

    Source: ours, by counting.

    >>> apart = np.array([[1, 2, 3, np.nan], [1, 2, np.nan, 3]])
    >>> 1 / chance_of_extreme([1, 2], [3, 4]), 1 / chance_of_extreme(apart, apart)
    (6.0, 24.0)
    """
    first, second = rows(a, finite=False), rows(b, finite=False)
    sizes = [(int(mine.sum()), int(mine[: first.shape[1]].sum())) for mine in _sets(first, second)]
    return 1 / math.prod(math.comb(size, n) for size, n in sizes)


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
