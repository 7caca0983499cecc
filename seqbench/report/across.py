"""Architectures over all tasks that they share: skill in the middle, ranks, and how often one beats the reference."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, groupby

import numpy as np

from seqbench.report.block import Block, shared_by_most
from seqbench.report.group import Group
from seqbench.report.matrix import MOST, Matrix, Trained, common, joined, label_of_reference
from seqbench.report.row import VerdictRow
from seqbench.report.wording import some
from seqbench.statistics.aggregate import Profile, interquartile_mean, mean_and_median, performance_profile
from seqbench.statistics.improvement import probability_of_improvement
from seqbench.statistics.permutation import Pair
from seqbench.statistics.ranking import CriticalDifference, Rank, critical_difference, rank_intervals, win_rates
from seqbench.statistics.seeds import Estimate, by_kind, too_few
from seqbench.statistics.verdict import Comparison, compare_families

SKILLS = tuple(point / 100 for point in range(101))
"""At which the performance profile is told: from the trivial baseline to the best possible loss."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One architecture over the tasks.

    Attributes:
        runs: on all of them.
        iqm: of normalised skill over tasks and seeds, every task weighing the same; mean, median: likewise. A run
            that left no skill (failed, out of memory, timed out) counts as the worst one of any architecture on its
            task, and as no more than 0, the trivial baseline. With no skill at all on some task the IQM has no
            interval.
        rank: by the scores of its runs; None where too few seeds or too many architectures give none.
        improvement: chance that a run beats one of the reference on the same task; None for the reference itself,
            where it is not among the architectures, and with too few seeds.
        profile: share of its runs above each of ``SKILLS``; None where there are no ranks.
    """

    label: str
    runs: int
    iqm: Estimate
    mean: float
    median: float
    rank: Rank | None
    improvement: Estimate | None
    profile: Profile | None


@dataclass(frozen=True, kw_only=True)
class Across:
    """What can be said over several tasks of one environment.

    Attributes:
        tasks: their names. kinds: how many kinds of task they are.
        rows: the architectures that were trained alike on all of them, in the order of every table.
        left_out: the others. tasks_left_out: without a skill, or not shared by all of the architectures.
        again: further names of the same tasks, which count once.
        reference: of the study, where it is among the architectures.
        critical: mean ranks with the tasks as the unit, on each of them by the chance to beat a run of any other
            architecture, as ``rank`` is; None where there are no ranks, or but two architectures.
        why: why there are no ranks, nor intervals of those with too few seeds.
    """

    env_id: str
    tasks: tuple[str, ...]
    kinds: int
    rows: tuple[Standing, ...]
    left_out: tuple[str, ...]
    tasks_left_out: tuple[str, ...]
    again: tuple[str, ...]
    reference: str | None
    critical: CriticalDifference | None
    why: str | None

    @property
    def labels(self) -> list[str]:
        """Of the architectures."""
        return [row.label for row in self.rows]


def across_tasks(
    groups: Sequence[Group],
    rows: Sequence[Sequence[VerdictRow]],
    found: Sequence[Matrix],
    reference: str | None = None,
) -> list[Across]:
    """One an environment where at least two tasks with a skill are shared by at least two architectures.

    Args:
        groups: the tasks of all environments.
        rows: of each of them.
        found: the matrices, whose verdicts on pairs the ranks take.
        reference: label of the architecture that the others are compared with.
    """
    matrix_of = {matrix.env_id: matrix for matrix in found}
    made = []
    for env_id, members in groupby(zip(groups, rows, strict=True), key=lambda pair: pair[0].env_id):
        here = list(members)
        block, mine = shared_by_most(here), label_of_reference(reference, [row for _, all_ in here for row in all_])
        if block.labels:
            made.append(_across(env_id, block, matrix_of.get(env_id), mine))
    return made


def _across(env_id: str, block: Block, matrix: Matrix | None, reference: str | None) -> Across:
    kept, labels = block.kept, block.labels
    cells = {label: [table[label] for _, table in kept] for label in labels}
    worst = [_worst(table[label] for label in labels) for _, table in kept]
    why = _too_few({label: {group.task: len(table[label].skills) for group, table in kept} for label in labels})
    ranked = why is None and len(labels) <= MOST
    tasks = tuple(group.task for group, _ in kept)
    scores = [[cell.scores for cell in mine] for mine in cells.values()]
    ranks = _ranks(cells, tasks, matrix) if ranked else [None] * len(labels)
    against = cells.get(reference or "")
    return Across(
        env_id=env_id,
        tasks=tasks,
        kinds=len({group.family or group.task for group, _ in kept}),
        rows=tuple(
            _standing(label, tasks, cells[label], worst, rank, None if why or label == reference else against)
            for label, rank in zip(labels, ranks, strict=True)
        ),
        left_out=block.left_out,
        tasks_left_out=block.tasks_left_out,
        again=block.again,
        reference=reference if against else None,
        critical=critical_difference(win_rates(scores)) if ranked and len(labels) > 2 else None,
        why=why,
    )


def _too_few(seeds: Mapping[str, Mapping[str, int]]) -> str | None:
    """Why there are no ranks, from the seeds of each architecture on each task; and of whom."""
    short = [f"{label} on {task}" for label, tasks in seeds.items() for task, n in tasks.items() if too_few(n)]
    why = too_few(min(n for tasks in seeds.values() for n in tasks.values()))
    return f"{why} of {some(short)}" if why and len(short) < sum(map(len, seeds.values())) else why


def _worst(cells: Iterable[Trained]) -> float:
    """What a run without a skill counts as: with 0 it would stand above runs that ended below the baseline."""
    return min([0.0, *(skill for cell in cells for skill in cell.skills if skill is not None)])


def _ranks(
    cells: Mapping[str, Sequence[Trained]], tasks: tuple[str, ...], matrix: Matrix | None
) -> Sequence[Rank | None]:
    """Of the architectures over these tasks; by the matrix's verdicts where it compares just them on just these."""
    pairs, known = list(combinations(cells, 2)), list[Comparison]()
    if matrix and matrix.labels == tuple(cells):
        duels = [matrix.between(a, b) for a, b in pairs]
        known = [duel.overall for duel in duels if duel and tuple(task for task, _ in duel.tasks) == tasks]
    if len(known) < len(pairs):
        known = compare_families([_shared_by(tasks, cells[a], cells[b]) for a, b in pairs])
    scores = [[cell.scores for cell in mine] for mine in cells.values()]
    return rank_intervals(scores, verdicts=known).ranks or [None] * len(cells)


def _shared_by(tasks: Sequence[str], a: Sequence[Trained], b: Sequence[Trained]) -> list[Pair]:
    return joined([common(task, *both) for task, *both in zip(tasks, a, b, strict=True)])


def _standing(
    label: str,
    tasks: Sequence[str],
    cells: Sequence[Trained],
    worst: Sequence[float],
    rank: Rank | None,
    against: Sequence[Trained] | None,
) -> Standing:
    skills = [[at if one is None else one for one in cell.skills] for cell, at in zip(cells, worst, strict=True)]
    mean, median = mean_and_median(skills)
    runs = [(cell.seeds, mine) for cell, mine in zip(cells, skills, strict=True)]
    strata = [stratum for (stratum,) in by_kind([cell.kind for cell in cells], runs)]
    return Standing(
        label=label,
        runs=sum(map(len, skills)),
        iqm=_iqm(strata, cells),
        mean=mean,
        median=median,
        rank=rank,
        improvement=probability_of_improvement(_shared_by(tasks, cells, against)) if against else None,
        profile=performance_profile(strata, SKILLS) if rank else None,
    )


def _iqm(strata: Sequence[np.ndarray], cells: Sequence[Trained]) -> Estimate:
    """Without an interval where a task is but a value that stands for runs without a skill: drawn anew it stays."""
    found = interquartile_mean(strata)
    lost = sum(all(skill is None for skill in cell.skills) for cell in cells)
    return replace(found, interval=None, why=f"no skill on {lost} of {len(cells)} tasks") if lost else found
