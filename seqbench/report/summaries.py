"""One architecture over all its tasks, one task over all its architectures: what a reader looks up by name."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from seqbench.report.group import Group
from seqbench.report.matrix import OTHER, Matrix
from seqbench.report.row import VerdictRow
from seqbench.report.wording import count, decision_text, listed, number, readable, score_text, verdict_text
from seqbench.schema import Better
from seqbench.statistics.verdict import Comparison


@dataclass(frozen=True, kw_only=True)
class ArchitectureSummary:
    """One architecture in one environment.

    Attributes:
        tasks, runs: how many it has; rated: tasks that can be solved.
        solved: tasks that at least half of its seeds solve.
        longest: family of tasks -> time steps of the longest of them that it solves so.
        better_than, worse_than: over all common tasks, from the matrix. how: of each of them the words.
        reference, against: of the study, and the verdict on it where the comparisons with it are all that p is adjusted
            over; None for the reference itself, and where there is none. apart: see ``wording.verdict_text``.
        not_completed: status -> runs.
    """

    env_id: str
    label: str
    tasks: int
    rated: int
    runs: int
    solved: tuple[str, ...]
    longest: Mapping[str, int]
    better_than: tuple[str, ...]
    worse_than: tuple[str, ...]
    how: Mapping[str, str] = field(default_factory=dict)
    reference: str | None = None
    against: Comparison | None = None
    apart: bool = False
    not_completed: Mapping[str, int] = field(default_factory=dict)

    @property
    def said(self) -> str:
        """The same in words."""
        parts = [f"{count(self.runs, 'run')} on {count(self.tasks, 'task')}"]
        if self.rated:
            names = f": {listed([*map(readable, self.solved)])}" if self.solved else ""
            parts.append(f"at least half of the seeds solve {len(self.solved)} of {self.rated}{names}")
        if self.longest:
            reach = [f"{steps:,} steps of {readable(family)}" for family, steps in self.longest.items()]
            parts.append(f"longest: {listed(reach)}")
        parts += self._compared()
        lost = listed([f"{number_of} {status}" for status, number_of in self.not_completed.items()])
        return "; ".join([*parts, lost] if lost else parts) + "."

    def _compared(self) -> list[str]:
        """Verdicts over all common tasks: of the matrix, and against the reference where the matrix has none."""
        told = []
        for others in (self.better_than, self.worse_than):
            words = sorted({self.how[label] for label in others}, key=len)  # "better", then what tells of how
            for word in words:
                told.append(f"{word} than {listed([readable(label) for label in others if self.how[label] == word])}")
        said = [f"over all common tasks {', '.join(told)}"] if told else []
        alone = self.against if self.reference not in self.better_than + self.worse_than else None
        if alone and alone.verdict in OTHER:
            reference, told_of = readable(self.reference), decision_text(alone, self.apart)
            said.append(f"among the comparisons with {reference}, the reference, alone {told_of}")
        return said


def architecture_summaries(rows: Sequence[VerdictRow], found: Sequence[Matrix]) -> list[ArchitectureSummary]:
    """One an architecture and environment, in the order of every table."""
    models = [row for row in rows if row.kind == "model"]
    matrix_of = {matrix.env_id: matrix for matrix in found}
    made = []
    for env_id, members in groupby(models, key=lambda row: row.env_id):
        by_label: dict[str, list[VerdictRow]] = {}
        for row in members:
            by_label.setdefault(row.label, []).append(row)
        made += [_architecture(env_id, label, mine, matrix_of.get(env_id)) for label, mine in by_label.items()]
    return made


def _architecture(env_id: str, label: str, rows: list[VerdictRow], matrix: Matrix | None) -> ArchitectureSummary:
    solved = [row for row in rows if row.summary and row.summary.solved and 2 * row.summary.solved >= row.summary.runs]
    longest: dict[str, int] = {}
    for row in solved:
        if row.length and row.family:
            longest[row.family] = max(row.length, longest.get(row.family, 0))
    duels = [duel for duel in matrix.duels if label in (duel.a, duel.b)] if matrix else []
    mine = [duel if duel.a == label else duel.mirrored() for duel in duels]
    decided = {duel.b: duel for duel in mine if duel.overall.verdict in OTHER}
    against = next((duel for duel in matrix.against if duel.a == label), None) if matrix else None
    lost: Counter[str] = Counter()
    for row in rows:
        lost.update(row.not_completed)
    return ArchitectureSummary(
        env_id=env_id,
        label=label,
        tasks=len({row.task for row in rows}),
        rated=len({row.task for row in rows if row.summary and row.summary.solved is not None}),
        runs=sum(len(row.scores) for row in rows),
        solved=tuple(dict.fromkeys(row.task for row in solved)),
        longest=longest,
        better_than=tuple(other for other, duel in decided.items() if duel.overall.verdict == "better"),
        worse_than=tuple(other for other, duel in decided.items() if duel.overall.verdict == "worse"),
        how={other: verdict_text(duel.overall, bool(duel.apart)) for other, duel in decided.items()},
        reference=against.b if against else None,
        against=against.overall if against else None,
        apart=bool(against and against.apart),
        not_completed=dict(sorted(lost.items())),
    )


@dataclass(frozen=True, kw_only=True)
class TaskSummary:
    """One task in one environment.

    Attributes:
        family, length, metric, better, threshold, floor, budget: as the records declare them; ``floor`` is the best
            possible loss, ``threshold`` the value of ``solved_metric`` at which the task counts as solved.
        skill_source: name and kind (derived, fitted) of the trivial method from which skill is measured.
        baselines: name -> its value of the headline score.
        solved: label -> (runs that solved it, runs), of all its configurations; empty where nothing can be solved.
        left_open: labels of which the budget ended too soon to tell.
    """

    env_id: str
    task: str
    family: str
    length: int | None
    metric: str | None
    better: Better
    solved_metric: str | None
    threshold: float | None
    floor: float | None
    budget: int | None
    skill_source: tuple[str, str] | None
    baselines: Mapping[str, float]
    solved: Mapping[str, tuple[int, int]]
    runs: int
    left_open: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """The same in words."""
        parts = [f"{count(self.runs, 'run')}"]
        parts += [f"sequences of {self.length:,} steps"] if self.length else []
        parts += [f"score: {readable(self.metric).replace('_', ' ')}"] if self.metric else []
        if self.skill_source:
            name, kind = map(readable, self.skill_source)
            parts.append(f"skill is measured from {name}{f' ({kind})' if kind else ''}")
        parts += [f"best possible loss {number(self.floor)}"] if self.floor is not None else []
        trivial = [f"{readable(name)} {score_text(value)}" for name, value in self.baselines.items()]
        parts += [f"trivial methods: {listed(trivial)}"] if trivial else []
        solved = [f"{readable(label)} {k}/{n}" for label, (k, n) in self.solved.items() if k]
        parts += [f"solved by {listed(solved)}" if solved else "solved by none"] if self.solved else []
        parts += [f"too short a budget to tell of {listed([*map(readable, self.left_open)])}"] if self.left_open else []
        return "; ".join(parts) + "."


def task_summaries(groups: Sequence[Group], rows: Sequence[Sequence[VerdictRow]]) -> list[TaskSummary]:
    """One a task and environment, in the order of every table; ``rows`` are those of each group."""
    return [_task(group, mine) for group, mine in zip(groups, rows, strict=True)]


def _task(group: Group, rows: Sequence[VerdictRow]) -> TaskSummary:
    facts: Mapping[str, Any] = group.facts
    solved = facts.get("solved") or {}
    source = None if group.exact else next((b for b in group.baselines if b.get("skill")), None)
    models = [row for row in rows if row.kind == "model"]
    values = {b["name"]: value for b in group.baselines if (value := group.baseline_score(b)) is not None}
    return TaskSummary(
        env_id=group.env_id,
        task=group.task,
        family=group.family,
        length=group.length,
        metric=group.metric,
        better=group.better,
        solved_metric=solved.get("metric"),
        threshold=solved.get("threshold"),
        floor=facts.get("floor"),
        budget=facts.get("budget"),
        skill_source=(source["name"], source.get("kind", "")) if source else None,
        baselines=values,
        solved=_solved(models),
        runs=sum(len(row.scores) for row in models),
        left_open=tuple(dict.fromkeys(row.label for row in models if row.left_open)),
    )


def _solved(rows: Sequence[VerdictRow]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for row in rows:
        if row.summary and row.summary.solved is not None:
            k, n = found.get(row.label, (0, 0))
            found[row.label] = (k + row.summary.solved, n + row.summary.runs)
    return found
