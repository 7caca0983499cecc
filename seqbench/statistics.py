"""Statistics of a handful of seeds: pure functions on arrays, each with its source.

Seeds are the unit of replication. Fewer than ``FEWEST`` support no interval and no verdict; runs of a hard task are
bimodal (solved or not), so a t interval is given only where all are solved or none is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

Interval = tuple[float, float]

FEWEST = 5
"""Seeds below which no interval is given and no verdict passed."""
_MOST_SPLITS = 200_000


def t_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Student's interval of the mean; ``values`` are at least 2 finite numbers.

    Source: Student 1908, doi:10.2307/2331554.

    >>> [round(bound, 3) for bound in t_interval([1.0, 2.0, 3.0])]
    [-0.484, 4.484]
    """
    array = np.asarray(values, dtype=np.float64)
    if array.size < 2 or not np.isfinite(array).all():
        raise ValueError(f"a t interval takes at least 2 finite values; got {list(values)}.")
    half = stats.t.ppf((1 + level) / 2, array.size - 1) * array.std(ddof=1) / math.sqrt(array.size)
    return float(array.mean() - half), float(array.mean() + half)


def wilson_interval(successes: int, trials: int, level: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion; never leaves [0, 1], never has width 0.

    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953.

    >>> [round(bound, 2) for bound in wilson_interval(5, 5)]
    [0.57, 1.0]
    """
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"successes must lie between 0 and trials >= 1; got {successes} of {trials}.")
    z = float(stats.norm.ppf((1 + level) / 2))
    rate, shrink = successes / trials, 1 + z * z / trials
    centre = (rate + z * z / (2 * trials)) / shrink
    half = z * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials)) / shrink
    return (0.0 if successes == 0 else centre - half), (1.0 if successes == trials else centre + half)


def median_steps(steps: Sequence[float | None]) -> float:
    """Median of steps to solve; None, a run that never solved, counts as infinity and is never dropped.

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
    if n == 0 or 1 - 2 * stats.binom.cdf(0, n, 0.5) < level:
        return None
    rank = max(k for k in range(n // 2) if 1 - 2 * stats.binom.cdf(k, n, 0.5) >= level)
    return ordered[rank], ordered[n - 1 - rank]


def _with_infinity(steps: Sequence[float | None]) -> list[float]:
    return sorted(math.inf if step is None else float(step) for step in steps)


def iqm(values: Sequence[float] | np.ndarray) -> float:
    """Interquartile mean: the mean without the lowest and the highest quarter.

    Source: Agarwal et al. 2021, arXiv:2108.13264.

    >>> iqm([0.0, 1.0, 2.0, 100.0])
    1.5
    """
    return float(stats.trim_mean(np.asarray(values, dtype=np.float64).ravel(), 0.25))


def iqm_interval(scores: Sequence[Sequence[float]], level: float = 0.95, draws: int = 2000, seed: int = 0) -> Interval:
    """Percentile bootstrap interval of the IQM over tasks x seeds; seeds are drawn anew within each task.

    Args:
        scores: one sequence of seeds for each task, of any lengths.
        level: coverage aimed at.
        draws: bootstrap samples.
        seed: of the generator.

    Source: Agarwal et al. 2021, arXiv:2108.13264, section 4. With 5 seeds the real coverage of 95 % is 80 to 91 %.
    """
    rng = np.random.default_rng(seed)
    columns = [_resample(rng, task, draws) for task in scores]
    values = stats.trim_mean(np.concatenate(columns, axis=1), 0.25, axis=1)
    return _percentiles(values, level)


def _resample(rng: np.random.Generator, values: Sequence[float], draws: int) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    return array[rng.integers(array.size, size=(draws, array.size))]  # (draws, seeds)


def _percentiles(values: np.ndarray, level: float) -> Interval:
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def permutation_p(a: Sequence[float], b: Sequence[float]) -> float:
    """Two-sided p of the rank-sum test of two independent groups; exact, ties included, by going through all splits.

    Beyond 200000 splits (more than 10 seeds against 10) the normal approximation with tie correction is used.
    Source: Mann & Whitney 1947, doi:10.1214/aoms/1177730491.

    >>> round(permutation_p([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]), 4)
    0.0079
    """
    n, m = len(a), len(b)
    if math.comb(n + m, n) > _MOST_SPLITS:
        return float(stats.mannwhitneyu(a, b, alternative="two-sided", method="asymptotic").pvalue)
    doubled = np.rint(2 * stats.rankdata([*a, *b])).astype(int)  # midranks are halves: whole numbers compare exactly
    centre = n * (n + m + 1)
    seen = abs(int(doubled[:n].sum()) - centre)
    sums = np.array([sum(split) for split in combinations(doubled.tolist(), n)])
    return float(np.mean(np.abs(sums - centre) >= seen))


def smallest_p(n: int, m: int) -> float:
    """The smallest p that ``permutation_p`` can reach with n against m seeds.

    >>> round(smallest_p(3, 3), 3), round(smallest_p(5, 5), 4)
    (0.1, 0.0079)
    """
    return min(1.0, 2 / math.comb(n + m, n))


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


def probability_of_improvement(
    a: Sequence[float], b: Sequence[float], level: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[float, Interval]:
    """P(a > b), ties counting half, with its percentile bootstrap interval over the seeds of both.

    Source: Agarwal et al. 2021, arXiv:2108.13264, section 4.2.

    >>> probability_of_improvement([3, 4, 5], [1, 2, 2])
    (1.0, (1.0, 1.0))
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    wins = (first[:, None] > second) + 0.5 * (first[:, None] == second)  # (seeds of a, seeds of b)
    rng = np.random.default_rng(seed)
    rows = rng.integers(first.size, size=(draws, first.size, 1))
    columns = rng.integers(second.size, size=(draws, 1, second.size))
    return float(wins.mean()), _percentiles(wins[rows, columns].mean(axis=(1, 2)), level)


@dataclass(frozen=True, kw_only=True)
class CellSummary:
    """What the seeds of one cell say; None where they do not say it.

    Attributes:
        runs, solved: members, and how many solved; ``solved`` is None where the task has no such notion.
        mean, interval: of the scores there are; ``why`` says why there is no interval.
        rate_interval: Wilson interval of the solve rate.
        median_steps, median_interval: steps to solve, unsolved = infinity.
    """

    runs: int
    solved: int | None
    mean: float | None
    interval: Interval | None
    why: str | None
    rate_interval: Interval | None
    median_steps: float | None
    median_interval: Interval | None


def summarise(
    scores: Sequence[float | None], solved: Sequence[bool] | None, steps: Sequence[float | None] | None
) -> CellSummary:
    """The summary of one cell's members; ``solved`` and ``steps`` are None where the task has no notion of solved.

    >>> summary = summarise([1.0, 1.0, 0.2, 1.0, 1.0], [True, True, False, True, True], [10, 20, None, 30, 40])
    >>> summary.why, summary.median_steps
    ('4 of 5 seeds solved: the scores form two groups', 30.0)
    """
    there = [score for score in scores if score is not None]
    count = sum(solved) if solved is not None else None
    why = _no_interval(len(scores), len(there), count)
    wilson = wilson_interval(count, len(scores)) if count is not None and len(scores) >= FEWEST else None
    return CellSummary(
        runs=len(scores),
        solved=count,
        mean=float(np.mean(there)) if there else None,
        interval=None if why else t_interval(there),
        why=why,
        rate_interval=wilson,
        median_steps=median_steps(steps) if steps else None,
        median_interval=median_interval(steps) if steps else None,
    )


def _no_interval(runs: int, scored: int, solved: int | None) -> str | None:
    """Why the scores of a cell support no t interval; None where they do."""
    if runs < FEWEST:
        return f"fewer than {FEWEST} seeds"
    if scored < runs:
        return f"{runs - scored} of {runs} runs left no score"
    if solved not in (None, 0, runs):
        return f"{solved} of {runs} seeds solved: the scores form two groups"
    return None
