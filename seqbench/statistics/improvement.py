"""The probability that a run of one architecture beats a run of another."""

import math
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
from scipy import special

from seqbench.statistics.aggregate import mean_interval
from seqbench.statistics.permutation import Pair, tied
from seqbench.statistics.roots import root
from seqbench.statistics.seeds import Estimate, Interval, Values, low_power, rows, seeds_of, too_few


def probability_of_improvement(pairs: Sequence[Pair], level: float = 0.95) -> Estimate:
    """The mean over tasks of P(a > b), ties counting half; ``pairs`` holds for each task the two groups.

    Scores are such that higher is better; an infinity is allowed (a run without a score is -infinity). On one task the
    interval is Newcombe's, not a bootstrap, which has width 0 where all of ``a`` beat all of ``b``: where the truth is
    0.95 a percentile bootstrap covers 36 % (5 seeds) to 78 % (20 seeds), this one 91 to 97 %. Its variance supposes
    that no scores tie and that the groups scatter alike. Ties make it smaller, as they do that of the rank-sum test:
    runs that are solved or not it covers 91 % of the time at least with 5 to 50 seeds, as many on both sides or not,
    and 96 to 99 % on average (tested exactly), and more where nearly all solve, of whom nearly all tie. Where the runs
    show a larger variance, as where half of one group solves and all of the other lie between, it is taken as much
    larger: alone it covers 88 % there with 20 seeds. Over tasks, every one weighing the same, it covers 90 to 97 % with
    5 to 20 seeds of 1 to 5 tasks; on the tasks of one stratum, see ``by_kind``, 92 % or more, whether a seed's runs win
    or lose together or not; both more where nearly all tie.
    Source: Agarwal et al. 2021, arXiv:2108.13264, section 4.2; interval: Newcombe 2006, doi:10.1002/sim.2324, method 5;
    variance of the runs: DeLong et al. 1988, doi:10.2307/2531595; with ties: Kendall 1945, doi:10.1093/biomet/33.3.239;
    over tasks: see ``mean_interval``.

    >>> found = probability_of_improvement([([3, 4, 5, 6, 7], [1, 2, 2, 1, 0])])
    >>> found.value, [round(bound, 2) for bound in found.interval]
    (1.0, [0.64, 1.0])
    """
    seen = [_seen(a, b) for a, b in pairs]
    fewest = min(min(one.n, one.m) for one in seen)
    value, why = float(np.concatenate([one.shares for one in seen]).mean()), too_few(fewest)
    each = [] if why else [partial(_newcombe, _share(one)) for one in seen]
    interval = mean_interval(each, level, [len(one.shares) for one in seen]) if each else None
    return Estimate(value=value, interval=interval, why=why, low_power=low_power(fewest))


def win_rate(pairs: Sequence[Pair]) -> float:
    """The mean over tasks of the share of pairs of runs in which the first group's is higher, ties counting half.

    Source: Mann & Whitney 1947, doi:10.1214/aoms/1177730491 (their U over the number of pairs).

    >>> win_rate([([1, 3], [2, 2]), ([5, 5], [5, 6])])
    0.375
    """
    return float(np.concatenate([_shares(_wins(a, b)) for a, b in pairs]).mean())


def _shares(wins: np.ndarray) -> np.ndarray:
    """Of every task the mean of the wins that there are."""
    if not np.isnan(wins).any():
        return wins.mean(axis=(1, 2))  # quicker, and the usual case
    return np.nansum(wins, axis=(1, 2)) / (~np.isnan(wins)).sum(axis=(1, 2))


def spread_of_many(pairs: Sequence[Pair]) -> float:
    """The win rate's variance at 1/2 as its interval takes it, times the seeds on a side, had it many like these.

    Where every seed wins as much, the tasks of a stratum count as one, as in the interval.
    Source: see ``probability_of_improvement``.

    >>> half_solved = ([8, 8, 1, 1], [3, 4, 5, 6])
    >>> round(6 * spread_of_many([half_solved]), 2)  # 1 without ties, if both scattered alike
    1.78
    """
    seen = [_seen(a, b) for a, b in pairs]
    total = 0.0
    for one in seen:
        tasks, untied = len(one.shares), 1 - one.tied
        share = _Share(float(one.shares.mean()), one.n, one.m, untied, 1.0)
        supposed = _variance(share, share.value)
        total += tasks**2 * (max(untied / tasks, one.shown / supposed) if one.shown > 1e-12 else untied) / 6
    return total / sum(len(one.shares) for one in seen) ** 2


def _wins(a: Values, b: Values) -> np.ndarray:
    """(tasks, seeds, seeds): 1 where the first's run is higher, 1/2 where both are equal, else 0; NaN without both."""
    first, second = rows(a, finite=False)[:, :, None], rows(b, finite=False)[:, None, :]
    wins = ((first > second) + (first >= second).astype(float)) / 2
    return np.where(np.isnan(first) | np.isnan(second), np.nan, wins)


class _Seen(NamedTuple):
    """What the runs of two groups say of each other, on a task or on a stratum of tasks.

    Of every task the share of pairs that the first wins; the seeds of both of the task with the fewest; the variance
    that what each seed wins shows, 0 where a seed is alone; the part that ties take from the variance, of these runs
    alone and with two more that tie with none.
    """

    shares: np.ndarray
    n: int
    m: int
    shown: float
    tied: float
    tied_of_more: float


def _seen(a: Values, b: Values) -> _Seen:
    """What two groups say of each other."""
    first, second = rows(a, finite=False), rows(b, finite=False)
    return _looked(len(first), first.tobytes(), len(second), second.tobytes())


@lru_cache(maxsize=2048)  # a verdict asks for the interval, and for the seeds that would decide
def _looked(tasks: int, a: bytes, tasks_of_other: int, b: bytes) -> _Seen:
    """The same of the groups' numbers as bytes."""
    first, second = np.frombuffer(a).reshape(tasks, -1), np.frombuffer(b).reshape(tasks_of_other, -1)
    wins, n, m = _wins(first, second), seeds_of(first), seeds_of(second)
    both = [task[~np.isnan(task)] for task in np.concatenate([first, second], axis=1)]
    ties = [float(np.mean([tied(task, more) for task in both])) for more in (0, 2)]
    shares = _shares(wins)
    shares.flags.writeable = False  # whoever asks again has the same array
    return _Seen(shares, n, m, _shown(wins) if min(n, m) > 1 else 0.0, *ties)


class _Share(NamedTuple):
    """The share of pairs of runs that the first group wins, of so many runs each.

    Its variance is the model's times ``wider``, which is ``untied`` where the runs show nothing beyond the model.
    """

    value: float
    n: int
    m: int
    untied: float
    wider: float

    def mirrored(self) -> "_Share":
        """The share that the second group wins."""
        return self._replace(value=1 - self.value)


def _share(seen: _Seen) -> _Share:
    """What each seed wins of all of the other group, on all tasks, tells the variance without a model of the scores.

    On one task it is taken where it is larger than the model's. On a stratum, of whose tasks the model does not know
    how alike they are, it is taken with Student's quantile for Gauss's, but for no less than of independent tasks.
    Where every seed wins as much, as where all tie, the runs say nothing of that: the tasks count as one.
    """
    tasks, n, m = len(seen.shares), seen.n, seen.m
    # Two runs more that tie with none: where all tie, as all solve, those to come may not. And of unlike groups the
    # smaller one decides, be all of the other tied: with the plain ratio 5 against 50 seeds are covered 84 % only.
    untied = 1 - (min(n, m) / max(n, m)) ** 1.5 * seen.tied_of_more
    share = _Share(float(seen.shares.mean()), n, m, untied, untied)
    if seen.shown < 1e-12:
        return share
    student = 1.0 if tasks == 1 else special.stdtrit(min(n, m), 0.975) / special.ndtri(0.975)
    supposed = _variance(share._replace(wider=1.0), share.value)
    return share._replace(wider=max(untied / tasks, float(student) ** 2 * seen.shown / supposed))


def _shown(wins: np.ndarray) -> float:
    """The variance that what each seed wins and loses shows.

    What a seed adds to the mean over tasks is that of all its runs; where all seeds are on all tasks it is the variance
    of the seeds' shares over their number.
    """
    around, shown = wins - _shares(wins)[:, None, None], 0.0
    lacking = np.isnan(around)
    whole = not lacking.any()
    for axis in (2, 1):  # around is (tasks, seeds of one group, of the other)
        if whole:  # quicker, and the usual case
            seeds = around.shape[3 - axis]
            added = (around.mean(axis=axis) / seeds).mean(axis=0)
        else:
            there = ~lacking
            of_run = np.nansum(around, axis=axis) / np.maximum(there.sum(axis=axis), 1)
            of_task = there.any(axis=axis).sum(axis=1, keepdims=True)
            added, seeds = (of_run / of_task).mean(axis=0), int(of_task.min())
        shown += float(added @ added) * seeds / (seeds - 1)
    return shown


def _variance(share: _Share, truth: float) -> float:
    """Hanley & McNeil's at a truth, as Newcombe takes it, times what the runs show beyond it."""
    shape = 1 + ((share.n + share.m) / 2 - 1) * ((1 - truth) / (2 - truth) + truth / (1 + truth))
    return share.wider * truth * (1 - truth) * shape / (share.n * share.m)


def _newcombe(share: _Share, level: float) -> Interval:
    return _lower(share, level), 1 - _lower(share.mirrored(), level)


@lru_cache(maxsize=4096)  # with 10 against 10 seeds there are but 201 values, and few variances of each
def _lower(share: _Share, level: float) -> float:
    """The lowest truth that the observed value does not contradict; where all is won, it can be no higher."""
    if share.value <= 0:
        return 0.0
    end = min(share.value, 1 - 1e-9)  # at 1 the variance is 0, a root of its own
    z = float(special.ndtri((1 + level) / 2))
    found = root(lambda truth: share.value - truth - z * math.sqrt(_variance(share, truth)), 0.0, end)
    most = share._replace(value=1.0, wider=share.untied)  # below it anyway, where the variance is no smaller
    return min(found, _lower(most, level)) if share.wider < share.untied else found
