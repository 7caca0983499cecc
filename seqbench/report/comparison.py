"""Each architecture against the study's reference: the rule by which the report says better, worse or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from seqbench.statistics import FEWEST, Interval, holm, permutation_p, probability_of_improvement, smallest_p


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One architecture against the reference on one task.

    Attributes:
        verdict: "better" and "worse" take both an interval on one side of 1/2 and an adjusted p below 0.05; "undecided"
            where they do not agree; "unreachable" where no outcome of so few seeds could decide.
        probability, interval: that a run of the architecture beats a run of the reference.
        p: Holm-adjusted within the family.
    """

    verdict: Literal["better", "worse", "undecided", "unreachable"]
    probability: float | None = None
    interval: Interval | None = None
    p: float | None = None


def compare_to_reference(
    candidates: Sequence[Sequence[float]], reference: Sequence[float], alpha: float = 0.05
) -> list[Comparison]:
    """Each candidate against the reference, as one Holm family; scores are such that higher is better.

    A run without a score takes -infinity: it loses to every run that has one.

    >>> [c.verdict for c in compare_to_reference([[2, 3, 4, 5, 6], [1, 2]], [0, 1, 1, 1, 1])]
    ['better', 'unreachable']
    """
    enough = [min(len(scores), len(reference)) >= FEWEST for scores in candidates]
    pairs = list(zip(candidates, enough, strict=True))
    # Holm is monotone: from the smallest p values that could be seen come the smallest adjusted ones.
    best = holm([smallest_p(len(scores), len(reference)) if ok else 1.0 for scores, ok in pairs])
    adjusted = holm([permutation_p(scores, reference) if ok else 1.0 for scores, ok in pairs])
    return [
        _verdict(scores, reference, p, alpha) if reachable < alpha else Comparison(verdict="unreachable")
        for scores, p, reachable in zip(candidates, adjusted, best, strict=True)
    ]


def _verdict(scores: Sequence[float], reference: Sequence[float], p: float, alpha: float) -> Comparison:
    probability, interval = probability_of_improvement(scores, reference)
    verdict = "undecided"
    if p < alpha and not interval[0] <= 0.5 <= interval[1]:
        verdict = "better" if probability > 0.5 else "worse"
    return Comparison(verdict=verdict, probability=probability, interval=interval, p=p)
