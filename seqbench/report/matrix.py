"""Wins, ties and losses of every pair of architectures over the tasks that they share, in one environment."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, groupby
from typing import Literal

from seqbench.report.groups import Group
from seqbench.report.item import Item, Row, Table
from seqbench.report.names import model_order, natural
from seqbench.report.row import VerdictRow
from seqbench.report.tables import reference_row, upward
from seqbench.report.wording import BEYOND, DASH, count, readable, some
from seqbench.statistics.permutation import Pair
from seqbench.statistics.verdict import Comparison, compare_families

MOST = 12
"""Architectures that a matrix holds: 66 pairs, each of them a hypothesis that every other one pays for."""
Verdict = Literal["better", "worse", "undecided", "unreachable"]
_OTHER: Mapping[Verdict, Verdict] = {"better": "worse", "worse": "better"}


@dataclass(frozen=True, kw_only=True)
class Duel:
    """One architecture against another, on the tasks where both were trained alike.

    Attributes:
        a, b: labels.
        tasks: names of the tasks, and what is said of ``a`` on each: Holm over all pairs of the task.
        overall: all these tasks at once: Holm over all pairs of the matrix.
    """

    a: str
    b: str
    tasks: tuple[tuple[str, Comparison], ...]
    overall: Comparison

    def count(self, *verdicts: Verdict) -> int:
        """Tasks with one of these verdicts."""
        return sum(found.verdict in verdicts for _, found in self.tasks)

    def mirrored(self) -> "Duel":
        """The same seen from ``b``."""
        tasks = tuple((task, _mirrored(found)) for task, found in self.tasks)
        return Duel(a=self.b, b=self.a, tasks=tasks, overall=_mirrored(self.overall))


def _mirrored(found: Comparison) -> Comparison:
    ends = found.interval and (1 - found.interval[1], 1 - found.interval[0])
    chance = None if found.probability is None else 1 - found.probability
    return replace(found, verdict=_OTHER.get(found.verdict, found.verdict), probability=chance, interval=ends)


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """All pairs of one environment.

    Attributes:
        labels: architectures in the order of every table; left_out: those beyond ``MOST``.
        several: what takes no part on a task, as two configurations there have its name: "gru on copy_10".
        duels: each pair once, the one that comes first in ``labels`` as ``a``; pairs without a common task are absent.
        against: every other architecture as ``a`` against the study's reference, Holm over these alone; empty where
            there is no reference.
    """

    env_id: str
    labels: tuple[str, ...]
    left_out: tuple[str, ...]
    several: tuple[str, ...]
    duels: tuple[Duel, ...]
    against: tuple[Duel, ...] = ()

    def between(self, a: str, b: str) -> Duel | None:
        """The pair seen from ``a``."""
        for duel in self.duels:
            if (duel.a, duel.b) == (a, b):
                return duel
            if (duel.a, duel.b) == (b, a):
                return duel.mirrored()
        return None


Shared = Mapping[tuple[str, str], Sequence[tuple[str, Pair]]]
"""Pair of labels -> tasks where both were trained alike, with their scores, higher being better."""


def matrices(
    groups: Sequence[Group], rows: Sequence[Sequence[VerdictRow]], reference: str | None = None
) -> list[Matrix]:
    """One matrix an environment with two architectures or more; ``rows`` are those of each group."""
    both = list(zip(groups, rows, strict=True))
    parts = groupby(both, key=lambda pair: pair[0].env_id)
    found = [_matrix(env_id, list(members), reference) for env_id, members in parts]
    return [matrix for matrix in found if matrix.duels]


@dataclass(frozen=True)
class Trained:
    """One architecture on one task: its scores, higher is better, its skills, and how it was trained."""

    scores: list[float]
    skills: tuple[float | None, ...]
    training: object


def _matrix(env_id: str, groups: list[tuple[Group, Sequence[VerdictRow]]], reference: str | None) -> Matrix:
    groups = [(group, rows) for group, rows in groups if group.better != "neither"]
    tasks = [(group.task, trained_once(group, rows)) for group, rows in groups]
    every = [row for _, rows in groups for row in rows]
    names = in_order({name for _, entries in tasks for name in entries}, every)
    kept, compared = names[:MOST], _compared_with(reference, every)
    shared: dict[tuple[str, str], list[tuple[str, Pair]]] = {}
    for task, entries in tasks:
        for a, b in combinations([name for name in kept if name in entries], 2):
            if entries[a].training == entries[b].training:
                shared.setdefault((a, b), []).append((task, (entries[a].scores, entries[b].scores)))
    with_reference = {pair: [one for one in found if compared.get(one[0]) in pair] for pair, found in shared.items()}
    against = _duels({pair: found for pair, found in with_reference.items() if found})
    return Matrix(
        env_id=env_id,
        labels=tuple(kept),
        left_out=tuple(names[MOST:]),
        several=tuple(f"{label} on {group.task}" for group, rows in groups for label in _several(rows)),
        duels=tuple(_duels(shared)),
        against=tuple(duel if duel.b in compared.values() else duel.mirrored() for duel in against),
    )


def _duels(shared: Shared) -> list[Duel]:
    """The pairs, as one family for each task and one over all tasks."""
    verdicts: dict[tuple[str, str], list[tuple[str, Comparison]]] = {pair: [] for pair in shared}
    for task in dict.fromkeys(task for found in shared.values() for task, _ in found):
        here = {pair: groups for pair, found in shared.items() for name, groups in found if name == task}
        for pair, found in zip(here, compare_families([[groups] for groups in here.values()]), strict=True):
            verdicts[pair].append((task, found))
    overall = compare_families([[groups for _, groups in found] for found in shared.values()])
    return [
        Duel(a=a, b=b, tasks=tuple(verdicts[a, b]), overall=found)
        for (a, b), found in zip(shared, overall, strict=True)
    ]


def label_of_reference(reference: str | None, rows: Iterable[VerdictRow]) -> str | None:
    """What the row is called that others are compared with, on one task or more of an environment; None on none."""
    return next(iter(_compared_with(reference, rows).values()), None)


def _compared_with(reference: str | None, rows: Iterable[VerdictRow]) -> dict[str, str]:
    """Task -> label of the row that its others are compared with; it is one: where tasks differ, the plain name."""
    tasks: dict[str, list[VerdictRow]] = {}
    for row in rows:
        tasks.setdefault(row.task, []).append(row)
    found = {task: row.label for task, mine in tasks.items() if (row := reference_row(mine, reference)) is not None}
    one = reference if len({*found.values()}) > 1 else None
    return {task: label for task, label in found.items() if one in (None, label)}


def in_order(labels: Collection[str], rows: Iterable[VerdictRow]) -> list[str]:
    """Labels in the order of every table; ``rows`` hold them all."""
    order = {row.label: (*model_order(row.name), natural(row.variant)) for row in rows}
    return sorted(labels, key=lambda label: order[label])


def trained_once(group: Group, rows: Sequence[VerdictRow]) -> dict[str, Trained]:
    """By label; two configurations of one label are not one architecture, and take no part."""
    several = _several(rows)
    trained = {row.cell_id: row for row in rows if row.kind == "model" and row.label not in several}
    return {
        row.label: Trained(upward(row), row.skills, cell.records[0].config.get("train"))
        for cell in group.cells
        if (row := trained.get(cell.records[0].cell_id)) is not None
    }


def _several(rows: Sequence[VerdictRow]) -> list[str]:
    """Labels that more than one configuration of a task has."""
    often = Counter(row.label for row in rows if row.kind == "model")
    return [label for label, number in often.items() if number > 1]


def matrix_table(matrix: Matrix, names: Mapping[str, str]) -> Table:
    """The matrix laid out: a row's architecture against a column's."""
    where = f" [{names[matrix.env_id]}]" if len(names) > 1 else ""
    rows = [
        Row(readable(a), [_item(matrix.between(a, b) if a != b else None) for b in matrix.labels])
        for a in matrix.labels
    ]
    return Table(
        label=f"Wins, ties and losses{where}",
        lead=_lead(matrix),
        columns=["architecture", *map(readable, matrix.labels)],
        groups=[("against", "won / no verdict / lost tasks", rows)],
    )


def _lead(matrix: Matrix) -> str:
    lead = (
        "Each row against each column: tasks won, without a verdict, and lost. A verdict on one task takes an exact "
        "rank-sum test, Holm-adjusted over all pairs of that task; below it stands the verdict on all common tasks at "
        "once, from a test in which runs change sides within their task only, Holm-adjusted over all pairs, and the "
        "chance that a run of the row beats one of the column on the same task. "
        f"{BEYOND} No verdict is no sign of equality."
    )
    of_tasks = [found for duel in matrix.duels for _, found in duel.tasks]
    lead += _out_of_reach("verdicts on one task", of_tasks)
    lead += _out_of_reach("verdicts on all tasks", [duel.overall for duel in matrix.duels])
    lead += _against_alone(matrix)
    if matrix.several:
        lead += f" In more than one configuration, and not compared there: {some([*map(readable, matrix.several)])}."
    if matrix.left_out:
        left = some([*map(readable, matrix.left_out)])
        lead += f" The first {MOST} architectures are compared; left out: {left}."
    return lead


def _out_of_reach(what: str, found: Sequence[Comparison]) -> str:
    """How many verdicts no outcome could give with the seeds there are, and what would."""
    there = [comparison for comparison in found if comparison.verdict == "unreachable"]
    return f" {len(there)} of {len(found)} {what} are out of reach: {there[0].why}." if there else ""


def _against_alone(matrix: Matrix) -> str:
    """Why verdicts on one task that are given against the reference are not given here; empty where all are."""
    lost = 0
    for duel in matrix.against:
        here = matrix.between(duel.a, duel.b)
        among_all = {task: found.verdict for task, found in here.tasks} if here else {}
        lost += sum(found.verdict in _OTHER and among_all.get(task) != found.verdict for task, found in duel.tasks)
    if not lost:
        return ""
    reference, few, pairs = readable(matrix.against[0].b), len(matrix.against), len(matrix.duels)
    return (
        f" {count(lost, 'verdict')} against {reference}, the reference, {'is' if lost == 1 else 'are'} given in the "
        f"tables of tasks and not here: those are adjusted over at most {count(few, 'comparison')} with {reference}, "
        f"these over up to {pairs} pairs."
    )


def _item(duel: Duel | None) -> Item:
    if duel is None:
        return Item(DASH)
    won, lost = duel.count("better"), duel.count("worse")
    text = f"{won} / {len(duel.tasks) - won - lost} / {lost}"
    verdict, chance = duel.overall.verdict, duel.overall.probability
    note = verdict if chance is None else f"{verdict}, {chance:.2f}"
    if duel.overall.interval:
        note += f" [{duel.overall.interval[0]:.2f}, {duel.overall.interval[1]:.2f}]"
    return Item(text, "" if chance is None else chance, note, f"number verdict {verdict}")
