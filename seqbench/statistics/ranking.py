"""Architectures in an order, as far as the data give one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from scipy import special

from seqbench.statistics.improvement import win_rate
from seqbench.statistics.permutation import doubled_midranks
from seqbench.statistics.roots import root
from seqbench.statistics.seeds import Values, too_few
from seqbench.statistics.verdict import Comparison, compare_families

FEWEST_TASKS = 5
"""Tasks below which ranks over tasks are not compared: with 4, even the same order on all decides little."""


@dataclass(frozen=True, kw_only=True)
class Rank:
    """A place in the order, 1 being the best, and the places that the data do not exclude."""

    rank: int
    low: int
    high: int


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Ranks in the order of the architectures given; None where there are too few seeds, as ``why`` says."""

    ranks: tuple[Rank, ...] | None
    why: str | None = None


def rank_intervals(
    scores: Sequence[Sequence[Values]], alpha: float = 0.05, verdicts: Sequence[Comparison] | None = None
) -> Ranking:
    """The rank of each architecture over the tasks, with an interval that holds for all of them at once.

    An architecture is above another where the verdict over all tasks says that it is better, all pairs being one
    family; its interval begins below those and ends above the ones that are below it. Where no pair differs, every
    interval is [1, all]. Bootstrapped ranks have no such guarantee: where nothing differs their percentile intervals
    put some pair in an order in 3 to 12 % of studies.
    The rank itself is by the mean probability of beating the others; equal ones share the better rank.

    Args:
        scores: for each architecture and each task one score a seed; higher is better.
        alpha: chance that any pair is put in an order, where nothing differs.
        verdicts: on all pairs, in the order of ``itertools.combinations``, where they are known already.

    Source: Mogstad et al. 2024, doi:10.1093/restud/rdad006 (ranks from pairwise differences).

    >>> rank_intervals([[[9, 8, 7, 9, 8, 7]], [[1, 2, 3, 1, 2, 3]], [[3, 2, 1, 3, 2, 1]]]).ranks
    (Rank(rank=1, low=1, high=1), Rank(rank=2, low=2, high=3), Rank(rank=2, low=2, high=3))
    """
    fewest = min(len(task) for architecture in scores for task in architecture)
    if why := too_few(fewest):
        return Ranking(ranks=None, why=why)
    all_pairs = list(combinations(range(len(scores)), 2))
    groups = [list(zip(scores[i], scores[j], strict=True)) for i, j in all_pairs]
    above = np.zeros((len(scores), len(scores)), dtype=bool)
    known = compare_families(groups, alpha) if verdicts is None else verdicts
    for (i, j), found in zip(all_pairs, known, strict=True):
        above[i, j], above[j, i] = found.verdict == "better", found.verdict == "worse"
    beats = np.round(win_rates(scores).mean(axis=0), 12)
    places = 1 + (beats > beats[:, None]).sum(axis=1)
    ends = zip(places, 1 + above.sum(axis=0), len(scores) - above.sum(axis=1), strict=True)
    ranks = tuple(Rank(rank=int(at), low=int(min(low, at)), high=int(max(high, at))) for at, low, high in ends)
    return Ranking(ranks=ranks)


def win_rates(scores: Sequence[Sequence[Values]]) -> np.ndarray:
    """Of each architecture the chance to beat a run of any other one on each task: (tasks, architectures).

    A run without a score, which is -infinity, loses to all that have one: no value has to be made up for it.
    Source: ours, the mean over the others of ``win_rate``, which is Mann and Whitney's.

    Args:
        scores: of two architectures or more, for each task one score a seed; higher is better.

    >>> win_rates([[[3, 4]], [[1, 2]], [[1, -np.inf]]]).tolist()
    [[1.0, 0.4375, 0.0625]]
    """
    wins = np.zeros((len(scores[0]), len(scores)))
    for i, j in combinations(range(len(scores)), 2):
        rates = np.array([win_rate([pair]) for pair in zip(scores[i], scores[j], strict=True)])
        wins[:, i] += rates
        wins[:, j] += 1 - rates
    return np.round(wins / (len(scores) - 1), 12)  # so that equal ones are equal


@dataclass(frozen=True, kw_only=True)
class CriticalDifference:
    """Friedman's test with Nemenyi's comparison of mean ranks.

    Attributes:
        mean_ranks: of each architecture over the tasks, 1 being the best.
        p: that all are the same. rejected: whether it is small enough to say that they are not.
        difference: of two mean ranks from which they differ.
        groups: largest sets of architectures (their indices, best first) that do not differ, those of one included.
        why: why there is no test; the mean ranks are given all the same.
    """

    mean_ranks: tuple[float, ...]
    p: float | None = None
    rejected: bool = False
    difference: float | None = None
    groups: tuple[tuple[int, ...], ...] = ()
    why: str | None = None


def critical_difference(scores: np.ndarray, alpha: float = 0.05) -> CriticalDifference:
    """Mean ranks over tasks and which of them differ; tasks are the unit, and the seeds of each are one number.

    Args:
        scores: (tasks, architectures), one number a cell; higher is better.
        alpha: chance that any two differ, where nothing does.

    Where Friedman's test does not reject, all architectures are one group; they may be so where it does, as it also
    sees what no single pair shows.
    Source: Demsar 2006, jmlr.org/papers/v7/demsar06a.html, section 3.2.

    >>> found = critical_difference(np.tile([0.9, 0.8, 0.1], (8, 1)))
    >>> found.mean_ranks, round(found.difference, 3), found.groups
    ((1.0, 2.0, 3.0), 1.172, ((0, 1), (1, 2)))
    """
    tasks, number = scores.shape
    if not np.isfinite(scores).all() or number < 3:
        raise ValueError(f"needs finite scores of at least 3 architectures; got {scores.tolist()}.")
    ranks = np.array([doubled_midranks(row) for row in -scores]) / 2
    mean = ranks.mean(axis=0)
    if tasks < FEWEST_TASKS:
        return CriticalDifference(mean_ranks=tuple(mean.tolist()), why=f"fewer than {FEWEST_TASKS} tasks")
    p = _friedman_p(ranks - (number + 1) / 2)
    difference = _nemenyi(alpha, number) * math.sqrt(number * (number + 1) / (6 * tasks))
    rejected = p < alpha
    groups = _groups(mean, difference if rejected else np.inf)
    return CriticalDifference(
        mean_ranks=tuple(mean.tolist()), p=p, rejected=rejected, difference=difference, groups=groups
    )


def _friedman_p(centred: np.ndarray) -> float:
    """Of ranks (tasks, architectures) less their mean; ties included (Conover 1999, section 5.8)."""
    spread = float((centred**2).sum())
    if spread == 0:  # all the same on every task
        return 1.0
    degrees = centred.shape[1] - 1
    return float(special.chdtrc(degrees, degrees * float((centred.sum(axis=0) ** 2).sum()) / spread))


@lru_cache
def _nemenyi(alpha: float, number: int) -> float:
    """The range that so many standard normal numbers exceed with a chance of alpha, over the square root of 2."""
    largest, apart = np.linspace(-9, 9, 1001, retstep=True)
    density = np.exp(-(largest**2) / 2) / math.sqrt(2 * math.pi)

    def below(reach: float) -> float:
        """The chance of a range of at most ``reach``, beyond the one wanted."""
        others = (special.ndtr(largest) - special.ndtr(largest - reach)) ** (number - 1)
        return number * float(np.sum(density * others)) * apart - (1 - alpha)

    return root(below, 0.0, 20.0) / math.sqrt(2)


def _groups(mean_ranks: np.ndarray, difference: float) -> tuple[tuple[int, ...], ...]:
    """Largest runs of neighbours in the order whose ends differ by less than ``difference``."""
    order = np.argsort(mean_ranks, kind="stable")
    ends = np.searchsorted(mean_ranks[order], mean_ranks[order] + difference - 1e-9)  # one past the last of the group
    starts = [i for i in range(order.size) if i == 0 or ends[i] > ends[i - 1]]
    return tuple(tuple(order[start : ends[start]].tolist()) for start in starts)
