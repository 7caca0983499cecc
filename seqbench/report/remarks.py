"""What a reader must not overlook about a row, in words: it loses to ridge, it stays at the baseline."""

import math
from collections.abc import Sequence

from seqbench.report.row import VerdictRow
from seqbench.report.wording import count, some
from seqbench.statistics.seeds import FEWEST

BEST = 1.0 + 1e-6
"""Normalised skill that no run can exceed, because 1 is the best possible loss; rounding aside."""
AT_BASELINE = 0.02
"""Mean normalised skill within which a cell counts as standing at the baseline."""
AT_BASELINE_ALONE = 0.05
"""The same of each of its runs, which scatter around the mean; the study of dependencies has up to 0.04."""
LOSES = "loses to "
"""Begins the remark that names the trivial method to which a row loses."""


def remarks(row: VerdictRow, baselines: Sequence[VerdictRow]) -> tuple[str, ...]:
    """Remarks on a row of an architecture, the most important first."""
    found = [f"{number} {status}" for status, number in sorted(row.not_completed.items())]
    zero = next((baseline for baseline in baselines if baseline.skill == 0.0), None)
    found += ["budget too short to tell whether it solves"] if row.left_open else []
    beyond = beyond_bound(row)
    found += [f"{beyond} of {len(row.skills)} runs beyond the best possible score"] if beyond else []
    stays = zero is not None and stays_at_baseline(row)
    if stays and zero is not None:
        found.append(f"stays at the {zero.name} baseline")
    against = [b for b in baselines if not (stays and b is zero)]
    found += _all_against(row, against)
    found += [pooled(row)] if row.also else []
    found += [text] if (text := _met_at_the_end(row)) else []
    unconfirmed = count(row.unconfirmed, "run")
    found += [f"{unconfirmed} met the threshold on validation, not on the test set"] if row.unconfirmed else []
    return tuple(found)


def pooled(row: VerdictRow) -> str:
    """How many runs of a row go by which other names."""
    return f"{count(sum(row.also.values()), 'run')} of this configuration called {some(list(row.also))}"


def _met_at_the_end(row: VerdictRow) -> str:
    """How many unsolved runs end with a test score that meets the threshold; nothing where none does.

    They met it too late, or not at enough validation evaluations in a row.
    """
    if row.threshold is None or row.summary is None or row.summary.solved is None:
        return ""
    lower, threshold = row.better == "lower", row.threshold
    unsolved = [score for score, step in zip(row.scores, row.steps, strict=True) if step is None and score is not None]
    met = sum(score < threshold if lower else score >= threshold for score in unsolved)
    ends = "ends" if met == 1 else "end"
    return f"{count(met, 'unsolved run')} {ends} {'below' if lower else 'at or above'} the threshold" if met else ""


def beats_baseline(row: VerdictRow) -> bool:
    """Whether a row shows skill in the mean; one without any score has shown none yet and is not blamed."""
    least = 0.0 if row.summary and row.summary.solved else AT_BASELINE
    return row.skill is None or row.skill >= least


def beyond_bound(row: VerdictRow) -> int:
    """Runs whose loss is below the information bound of their task: the task, or its scoring, is then in error."""
    return sum(skill is not None and skill > BEST for skill in row.skills)


def stays_at_baseline(row: VerdictRow) -> bool:
    """Whether the mean skill is within ``AT_BASELINE`` of 0 and that of every run within ``AT_BASELINE_ALONE``.

    The mean alone is not enough, nor an interval that holds 0: where one seed learns and another is far worse than
    trivial, nobody "stays".
    """
    if row.skill is None or (row.summary and row.summary.solved):
        return False
    alone = (skill for skill in row.skills if skill is not None)
    return abs(row.skill) < AT_BASELINE and all(abs(skill) < AT_BASELINE_ALONE for skill in alone)


def _all_against(row: VerdictRow, baselines: Sequence[VerdictRow]) -> list[str]:
    """One remark for all trivial methods of which the same is said, but for each that it loses to."""
    said: dict[str, list[str]] = {}
    for baseline in baselines:
        if text := _against(row, baseline):
            said.setdefault(text, []).append(baseline.name)
    return [f"{text}{names}" for text, own in said.items() for names in (own if text == LOSES else [some(own)])]


def _against(row: VerdictRow, baseline: VerdictRow) -> str | None:
    """'Loses to' where the interval, or every run, is on the worse side; 'not clearly better' where it straddles.

    Fewer than ``FEWEST`` runs lose to nothing: what is seen of them is said, and no verdict. The name is to follow.
    """
    low_high = _span(row)
    if low_high is None or baseline.score is None or row.better == "neither":
        return None
    sign = 1.0 if row.better == "higher" else -1.0
    worst, best = sorted(sign * bound for bound in low_high)
    if best < sign * baseline.score:
        if len(row.scores) >= FEWEST:
            return LOSES
        return f"{'its only run is' if len(row.scores) == 1 else 'all runs are'} worse than "
    if worst <= sign * baseline.score:
        straddles = row.summary is not None and row.summary.interval is not None
        return f"{'not clearly' if straddles else 'not every run'} better than "
    return None


def _span(row: VerdictRow) -> tuple[float, float] | None:
    """The interval of the score where one is given, else the lowest and the highest run.

    A run without a score is worse than any; None where no run left one.
    """
    if row.summary and row.summary.interval:
        return row.summary.interval
    there = [score for score in row.scores if score is not None]
    if not there:
        return None
    worst = -math.inf if row.better == "higher" else math.inf
    every = [worst if score is None else score for score in row.scores]
    return min(every), max(every)
