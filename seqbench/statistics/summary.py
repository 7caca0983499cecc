"""What the seeds of one cell say, in one object."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqbench.statistics.intervals import median_interval, median_steps, mid_p_interval, t_interval
from seqbench.statistics.seeds import FEWEST, UNLIMITED, Interval, too_few


@dataclass(frozen=True, kw_only=True)
class CellSummary:
    """What the seeds of one cell say; None where they do not say it.

    Attributes:
        runs, solved: members, and how many solved; ``solved`` is None where the task has no such notion, or it cannot
            be told.
        mean, interval: of the scores there are; ``why`` says why there is no interval.
        rate_interval: mid-p interval of the solve rate.
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
    scores: Sequence[float | None],
    solved: Sequence[bool] | None,
    steps: Sequence[float | None] | None,
    limits: Interval = UNLIMITED,
) -> CellSummary:
    """The summary of one cell's members; ``solved`` and ``steps`` are None where the task has no notion of solved.

    ``limits`` are the lowest and the highest score that there can be.
    Source: see ``t_interval``, ``mid_p_interval``, ``median_steps`` and ``median_interval``.

    >>> summary = summarise([1.0, 1.0, 0.2, 1.0, 1.0], [True, True, False, True, True], [10, 20, None, 30, 40])
    >>> summary.why, summary.median_steps
    ('4 of 5 seeds solved: the scores may form two groups', 30.0)
    """
    there = [score for score in scores if score is not None]
    count = sum(solved) if solved is not None else None
    why = _no_interval(len(scores), there, count)
    rate = mid_p_interval(count, len(scores)) if count is not None and len(scores) >= FEWEST else None
    return CellSummary(
        runs=len(scores),
        solved=count,
        mean=float(np.mean(there)) if there else None,
        interval=None if why else t_interval(there, limits=limits),
        why=why,
        rate_interval=rate,
        median_steps=median_steps(steps) if steps else None,
        median_interval=median_interval(steps) if steps else None,
    )


def _no_interval(runs: int, scores: Sequence[float], solved: int | None) -> str | None:
    """Why the scores of a cell support no t interval; None where they do."""
    if why := too_few(runs):
        return why
    if len(scores) < runs:
        return f"{runs - len(scores)} of {runs} runs left no score"
    if solved not in (None, 0, runs):
        return f"{solved} of {runs} seeds solved: the scores may form two groups"
    if min(scores) == max(scores):  # the interval would have no width, as if one more run could not differ
        return "all runs equal"
    return None
