"""When the runs of an architecture solve a task: the share not solved yet against training steps."""

from collections.abc import Sequence
from dataclasses import dataclass

from seqbench.report.group import Group
from seqbench.report.row import VerdictRow
from seqbench.report.sections import Section
from seqbench.statistics.seeds import Interval
from seqbench.statistics.survival import SurvivalCurve, survival


@dataclass(frozen=True, kw_only=True)
class SolveTimes:
    """Of one architecture on one task.

    Attributes:
        budget: training steps of a run: one that did not solve, for whatever reason, was unsolved all that time.
        median_interval: of the step by which half of the runs have solved, as everywhere.
    """

    label: str
    budget: int
    median_interval: Interval | None
    curve: SurvivalCurve


@dataclass(frozen=True, kw_only=True)
class TaskTimes:
    """All architectures on one task that can be solved."""

    env_id: str
    task: str
    title: str
    architectures: tuple[SolveTimes, ...]

    @property
    def steps(self) -> list[float]:
        """At which any run solved."""
        return [step for one in self.architectures for step in one.curve.steps[1:]]


def solve_times(groups: Sequence[Group], sections: Sequence[Section]) -> list[TaskTimes]:
    """The tasks that can be solved; ``groups`` hold the architectures that are shown of each section."""
    shown = {(group.env_id, cell.records[0].cell_id) for group in groups for cell in group.cells}
    made = []
    for section in sections:
        rows = [row for row in section.rows if row.kind == "model" and (row.env_id, row.cell_id) in shown]
        if found := tuple(times for row in rows if (times := _times(row)) is not None):
            made.append(TaskTimes(env_id=rows[0].env_id, task=rows[0].task, title=section.title, architectures=found))
    return made


def _times(row: VerdictRow) -> SolveTimes | None:
    """None where nothing can be solved, or a run does not say when it was."""
    known = [step for step in row.steps if step is not None]
    solved = row.summary.solved if row.summary else None
    if solved != len(known) or not row.budget or min(known, default=1) <= 0:
        return None
    steps = [row.budget if step is None else step for step in row.steps]
    curve = survival(steps, [step is not None for step in row.steps])
    interval = row.summary.median_interval if row.summary else None
    return SolveTimes(label=row.label, budget=row.budget, median_interval=interval, curve=curve)
