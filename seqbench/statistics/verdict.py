"""Each architecture against the study's reference: the rule by which one may say better, worse or nothing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scipy import special

from seqbench.statistics.improvement import probability_of_improvement
from seqbench.statistics.permutation import Pair, chance_of_extreme, holm, seeds_needed, stratified_p
from seqbench.statistics.seeds import Interval, Values, seeds_of, too_few

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
            about how many would decide it, if the difference is as large as it looks (see ``seeds_to_decide``).
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
        """Whether the verdict is one, and the difference large enough to matter."""
        if self.probability is None or self.verdict not in ("better", "worse"):
            return False
        return max(self.probability, 1 - self.probability) >= MEANINGFUL


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
        needed = seeds_to_decide(found.value, family, len(pairs), alpha)
        needed = None if needed is None else max(needed, _fewest(pairs) + 1)
    return Comparison(
        verdict=verdict,
        probability=found.value,
        interval=found.interval,
        p=p,
        seeds_needed=needed,
        low_power=found.low_power,
    )


def seeds_to_decide(
    probability: float, comparisons: int = 1, tasks: int = 1, alpha: float = 0.05, power: float = 0.8
) -> int | None:
    """Seeds on both sides of each task with which a true probability of improvement would be decided, 8 times in 10.

    For the rank-sum test at alpha over the number of comparisons, Holm's first step; None where nothing differs.
    Source: Noether 1987, doi:10.1080/01621459.1987.10478478, equation 1 for equal groups.

    >>> seeds_to_decide(0.75), seeds_to_decide(0.75, comparisons=4), seeds_to_decide(0.75, tasks=5)
    (21, 30, 5)
    """
    if abs(probability - 0.5) < 1e-9:
        return None
    z = float(special.ndtri(1 - alpha / (2 * comparisons)) + special.ndtri(power))
    return max(seeds_needed(comparisons, alpha, tasks), math.ceil(z * z / (6 * tasks * (probability - 0.5) ** 2)))
