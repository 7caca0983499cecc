"""Each architecture against the study's reference: the rule by which one may say better, worse or nothing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from seqbench.statistics.improvement import probability_of_improvement, spread_of_many, win_rate
from seqbench.statistics.permutation import Pair, chance_of_extreme, holm, seed_ranks, seeds_needed, stratified_p, tied
from seqbench.statistics.seeds import Interval, Values, rows, seeds_of, too_few

MEANINGFUL = 0.75
"""Probability of improvement from which a difference matters in practice: Bouthillier et al. 2021, arXiv:2103.03098."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One architecture against the reference, on one task or over several.

    Attributes:
        verdict: "better" and "worse" take an interval on one side of 1/2 and an adjusted p below alpha; "undecided"
            where one is missing; "unreachable" where no outcome of so few seeds could decide.
        probability, interval: that a run of the architecture beats a run of the reference.
        p: Holm-adjusted within the family.
        why: why no verdict is reachable, and what would make one.
        seeds_needed: of an unreachable one the seeds on both sides with which it could be reached; of an undecided one
            about how many would decide it, if further seeds do as these did (see ``seeds_to_decide``).
        low_power: 5 to 9 seeds: "undecided" is then no sign of equality.
    """

    verdict: Literal["better", "worse", "undecided", "unreachable"]
    probability: float | None = None
    interval: Interval | None = None
    p: float | None = None
    why: str | None = None
    seeds_needed: int | None = None
    low_power: bool = False

    @property
    def meaningful(self) -> bool:
        """Whether the verdict is one, and the difference large enough to matter.

        >>> [Comparison(verdict="worse", probability=p).meaningful for p in (0.1, 0.3)]
        [True, False]
        """
        return self.verdict in ("better", "worse") and self.side != 0

    @property
    def side(self) -> int:
        """1 where the chance to beat the reference is large, -1 where that of the reference is, 0 between.

        >>> [Comparison(verdict="undecided", probability=p).side for p in (0.1, 0.3, 0.75, None)]
        [-1, 0, 1, 0]
        """
        chance = 0.5 if self.probability is None else self.probability
        return 1 if chance >= MEANINGFUL else -1 if chance <= 1 - MEANINGFUL else 0


def compare_to_reference(candidates: Sequence[Values], reference: Values, alpha: float = 0.05) -> list[Comparison]:
    """Each candidate against the reference on one task, as one Holm family; scores are such that higher is better.

    A run without a score takes -infinity: it loses to every run that has one. Source: see ``compare_families``.

    >>> [c.verdict for c in compare_to_reference([[2, 3, 4, 5, 6], [1, 2]], [0, 1, 1, 1, 1])]
    ['better', 'unreachable']
    """
    return compare_across_tasks([[candidate] for candidate in candidates], [reference], alpha)


def compare_across_tasks(
    candidates: Sequence[Sequence[Values]], reference: Sequence[Values], alpha: float = 0.05
) -> list[Comparison]:
    """Each candidate against the reference over all tasks at once, as one Holm family.

    Args:
        candidates: for each of them and each task, in the reference's order, one score a seed.
        reference: for each task one score a seed; higher is better.
        alpha: chance that the family holds any wrong verdict, where nothing differs.

    Source: see ``compare_families``.

    >>> [c.verdict for c in compare_across_tasks([[[1, 2, 3, 4, 5], [5, 6, 7, 8, 9]]], [[0] * 5, [4] * 5])]
    ['better']
    """
    return compare_families([list(zip(candidate, reference, strict=True)) for candidate in candidates], alpha)


def compare_families(families: Sequence[Sequence[Pair]], alpha: float = 0.05) -> list[Comparison]:
    """Any comparisons as one Holm family, each over tasks of its own: for each task the two groups; higher is better.

    Tasks of one kind on which the same seeds were run are given as one stratum (see ``by_kind``).

    Source: ours; the tests: see ``stratified_p``, ``holm`` and ``probability_of_improvement``.

    >>> first, second = [1, 2, 3, 4, 5], [5, 6, 7, 8, 9]
    >>> [c.verdict for c in compare_families([[(second, first)], [(first, second), (first, second)]])]
    ['better', 'worse']
    """
    few = [too_few(_fewest(pairs)) for pairs in families]
    # Holm is monotone: from the smallest p values that could be seen come the smallest adjusted ones.
    best = holm([1.0 if why else _smallest(pairs) for pairs, why in zip(families, few, strict=True)])
    seen = holm([1.0 if why else stratified_p(pairs) for pairs, why in zip(families, few, strict=True)])
    return [
        _verdict(pairs, p, len(families), alpha)
        if reachable < alpha
        else _unreachable(pairs, why, reachable, len(families), alpha)
        for pairs, why, p, reachable in zip(families, few, seen, best, strict=True)
    ]


def _fewest(pairs: Sequence[Pair]) -> int:
    return min(seeds_of(group) for pair in pairs for group in pair)


def _smallest(pairs: Sequence[Pair]) -> float:
    """The smallest p of all tasks together: all seeds that can change sides must be split in the same extreme way."""
    p = 2.0
    for a, b in pairs:
        p *= chance_of_extreme(a, b)
    return min(1.0, p)


def _unreachable(pairs: Sequence[Pair], why: str | None, p: float, family: int, alpha: float) -> Comparison:
    needed = seeds_needed(family, alpha, len(pairs))
    sizes = sorted({seeds_of(group) for pair in pairs for group in pair})
    seeds = f"{sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else f"{sizes[0]}"
    reason = why or f"the smallest p of {seeds} seeds in a family of {family} is {p:.2g}"
    those = " that are on the same tasks" if why is None and needed <= sizes[0] else ""
    takes = f"a verdict takes {needed} or more{those}"
    return Comparison(verdict="unreachable", why=f"{reason}; {takes}", seeds_needed=needed)


def _verdict(pairs: Sequence[Pair], p: float, family: int, alpha: float) -> Comparison:
    found = probability_of_improvement(pairs)
    verdict, needed = "undecided", None
    if p < alpha and found.interval is not None and not found.interval[0] <= 0.5 <= found.interval[1]:
        verdict = "better" if found.value > 0.5 else "worse"
    if verdict == "undecided":
        needed = seeds_to_decide(pairs, family, alpha)
        needed = None if needed is None else max(needed, _fewest(pairs) + 1)
    return Comparison(
        verdict=verdict,
        probability=found.value,
        interval=found.interval,
        p=p,
        seeds_needed=needed,
        low_power=found.low_power,
    )


def seeds_to_decide(pairs: Sequence[Pair], comparisons: int = 1, alpha: float = 0.05, power: float = 0.8) -> int | None:
    """Seeds on both sides of each task with which the rule decides, 8 times in 10, if further ones do as these did.

    Both of its parts have such a number, and it is the larger: the test, as if of the ranks of a stratum's seeds,
    at alpha over the number of comparisons, Holm's first step, and the interval. Both take the variance that the ties
    leave. Of few seeds it is a guess, as the difference itself is; None where one of the two sees none.
    Source: Noether 1987, doi:10.1080/01621459.1987.10478478, equation 1 for equal groups; ties: see ``tied``; the
    interval likewise, see ``spread_of_many``.

    >>> apart, solved = ([2, 4, 5, 6, 8], [1, 2.5, 3, 4.5, 7]), ([1, 1, 1, 1, 0], [1, 1, 1, 1, 1])
    >>> [seeds_to_decide([apart]), seeds_to_decide([apart] * 5), seeds_to_decide([solved], comparisons=4)]
    [48, 10, 51]
    """
    weights = [len(rows(a, finite=False)) for a, _ in pairs]
    ranks = [seed_ranks(*pair) for pair in pairs]
    of_seeds = [win_rate([pair]) for pair in ranks]
    tested, seen = float(np.average(of_seeds, weights=weights)) - 0.5, win_rate(pairs) - 0.5
    if min(abs(tested), abs(seen)) < 1e-9:
        return None
    left = [tasks**2 * (1 - tied(np.concatenate(pair))) for tasks, pair in zip(weights, ranks, strict=True)]
    by_test = _noether(tested, sum(left) / 6 / sum(weights) ** 2, alpha / comparisons, power)
    by_interval = _noether(seen, spread_of_many(pairs), 0.05, power)
    return max(seeds_needed(comparisons, alpha, len(pairs)), math.ceil(max(by_test, by_interval)))


def _noether(effect: float, variance: float, alpha: float, power: float) -> float:
    """Seeds with which an effect is told from 0, if its variance is so much over the seeds."""
    return float(special.ndtri(1 - alpha / 2) + special.ndtri(power)) ** 2 * variance / effect**2
