"""Exact tests of two groups of seeds, and the correction for testing many."""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache, reduce

import numpy as np

from seqbench.statistics.seeds import FEWEST, Values, vector

Pair = tuple[Values, Values]
"""Two groups of seeds on one task; an unsolved run is an infinity on the worse side."""

MOST_EXACT = 100
"""Seeds of both groups together up to which all splits of a task are counted; beyond, splits are drawn."""
_FINEST = 2000
_DRAWS = 20_000
_MOST_MULTIPLIED = 5_000_000
"""Products of a convolution of all tasks above which they are multiplied as Fourier transforms."""
_STEPS, _STEEPEST = 12, 40.0
"""Newton's steps to a tilt, and its limit: a lattice's next value then weighs exp(40) times as much."""
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
    least = abs(sum(_excess(ranks[:n], ranks.size) * (common // (n * (ranks.size - n))) for ranks, n in tasks))
    each = np.stack([_spread(_split_chances(ranks, n), common) for ranks, n in tasks])  # on one lattice around 0
    if len(each) * (len(each) - 1) // 2 * each.shape[1] ** 2 <= _MOST_MULTIPLIED:
        chances = reduce(np.convolve, each)
        return min(1.0, float(chances[np.abs(np.arange(chances.size) - chances.size // 2) >= least].sum()))
    upper = _tail(each, least)
    equal = all(ranks.size == 2 * n for ranks, n in tasks)  # then as many splits lack so much as exceed it
    return min(1.0, upper + (upper if equal else _tail(each[:, ::-1], least)))


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


def _spread(chances: np.ndarray, common: int) -> np.ndarray:
    """The same chances on the lattice of ``common``: from -common to common."""
    wide = np.zeros(2 * common + 1)
    wide[:: 2 * common // (chances.size - 1)] = chances
    return wide


def _tail(each: np.ndarray, least: int) -> float:
    """The chance that values, of each task one with its chances (tasks, lattice), add up to so much or more.

    By Fourier transforms of distributions whose mean is near where the tail begins: weighed by exp(tilt * value) they
    are multiplied as transforms, and the weights are taken away again. Rounding is small beside the tail then, however
    thin that is, and not 1e-16 of everything. Source: Keich 2005, doi:10.1089/cmb.2005.12.416.
    """
    half, tilt = each.shape[1] // 2, 0.0
    values = np.arange(-half, half + 1.0)
    with np.errstate(divide="ignore"):
        logs = np.log(each)
    for _ in range(_STEPS):
        weighed, _ = _weighed(logs + tilt * values)
        means = weighed @ values
        missing, variance = least - float(means.sum()), float((weighed @ values**2 - means**2).sum())
        if missing**2 <= variance:
            break
        tilt = min(tilt + missing / max(variance, 1e-9), _STEEPEST)
    weighed, scale = _weighed(logs + tilt * values)
    total = len(each) * 2 * half + 1
    length = min(odd << (-(-total // odd) - 1).bit_length() for odd in (1, 3, 5))  # quick to transform
    product = np.ones(length // 2 + 1, complex)
    for chances in weighed:
        product *= np.fft.rfft(chances, length)
    beyond = np.fft.irfft(product, length)[total // 2 + least : total]
    return float(beyond @ np.exp(scale - tilt * (least + np.arange(beyond.size))))


def _weighed(logs: np.ndarray) -> tuple[np.ndarray, float]:
    """Rows of logarithms as chances that add up to 1, and the logarithm of what all rows were divided by."""
    highest = logs.max(1, keepdims=True)
    weights = np.exp(logs - highest)
    sums = weights.sum(1, keepdims=True)
    return weights / sums, float((highest + np.log(sums)).sum())


def _drawn_p(tasks: list[tuple[np.ndarray, int]], rng: np.random.Generator) -> float:
    """The p of the first groups among drawn splits, the observed one being the first of them."""
    total = np.zeros(1 + _DRAWS)
    for ranks, n in tasks:
        found = np.concatenate([[_excess(ranks[:n], ranks.size)], *_drawn(ranks, n, rng)])
        total += found / (n * (ranks.size - n))
    return float(np.mean(np.abs(total) >= abs(total[0]) - 1e-9))  # sums of fractions: equal ones differ in last digits


def _drawn(ranks: np.ndarray, n: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """The excess of n drawn without replacement, ``_DRAWS`` of them: by their chances where these can be counted."""
    if ranks.size <= MOST_EXACT:
        chances = _split_chances(ranks, n)
        yield rng.choice(np.arange(chances.size), _DRAWS, p=chances) - chances.size // 2
        return
    rows = max(1, _BLOCK // ranks.size)
    for start in range(0, _DRAWS, rows):
        splits = np.tile(ranks, (min(rows, _DRAWS - start), 1))
        yield rng.permuted(splits, axis=1)[:, :n].sum(1) - n * (ranks.size + 1)


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
