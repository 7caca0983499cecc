"""Architectures across tasks: the interquartile mean of normalised skill over all tasks and seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import mean, median

from seqbench.report.groups import Cell, Group
from seqbench.statistics.aggregate import interquartile_mean
from seqbench.statistics.seeds import Interval


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """One architecture over the tasks that all architectures of its environment share.

    Attributes:
        iqm, interval: of normalised skill; no interval where a task has fewer than 5 seeds.
        mean, median: of the same values, shown beside it.
        tasks, runs: how many entered.
    """

    env_id: str
    label: str
    iqm: float
    interval: Interval | None
    mean: float
    median: float
    tasks: int
    runs: int


def across_tasks(groups: Sequence[Group]) -> list[Aggregate]:
    """One row an architecture and environment; none where fewer than 2 tasks are shared by 2 architectures.

    A run that left no skill (failed, out of memory, timed out) counts as 0, the trivial baseline.
    """
    found = []
    for env_id, members in groupby(groups, key=lambda group: group.env_id):
        found += _of_environment(env_id, [group for group in members if _has_skill(group)])
    return found


def _has_skill(group: Group) -> bool:
    return any("skill" in record.summary for cell in group.cells for record in cell.records)


def _of_environment(env_id: str, groups: list[Group]) -> list[Aggregate]:
    tables = [{cell.name: cell for cell in group.cells} for group in groups]
    names = [name for name in dict.fromkeys(n for table in tables for n in table)]
    shared = [name for name in names if all(name in table for table in tables)]
    if len(tables) < 2 or len(shared) < 2 or len(shared) < len(names):
        return []
    return [_aggregate(env_id, name, [table[name] for table in tables]) for name in shared]


def _aggregate(env_id: str, name: str, cells: list[Cell]) -> Aggregate:
    skills = [[float(record.summary.get("skill") or 0.0) for record in cell.records] for cell in cells]
    values, found = [skill for task in skills for skill in task], interquartile_mean(skills)
    return Aggregate(
        env_id=env_id,
        label=name,
        iqm=found.value,
        interval=found.interval,
        mean=mean(values),
        median=median(values),
        tasks=len(cells),
        runs=len(values),
    )
