"""Wins, ties and losses of every pair of architectures over the tasks that they share, in one environment."""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, groupby
from typing import Literal, NamedTuple

from seqbench.report.group import Group
from seqbench.report.names import model_order, natural
from seqbench.report.row import VerdictRow
from seqbench.report.tables import kind_of, reference_row, upward
from seqbench.statistics.permutation import Pair
from seqbench.statistics.seeds import Cell, by_kind
from seqbench.statistics.verdict import Comparison, compare_families

MOST = 12
"""Architectures that a matrix holds: 66 pairs, each of them a hypothesis that every other one pays for."""
Verdict = Literal["better", "worse", "undecided", "unreachable"]
OTHER: Mapping[Verdict, Verdict] = {"better": "worse", "worse": "better"}
"""A verdict -> the same one seen from the other side."""


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

    @property
    def apart(self) -> dict[str, int]:
        """Of several tasks those where the difference is large -> 1 where it is in favour of ``a``, else -1."""
        return {task: found.side for task, found in self.tasks if found.side and len(self.tasks) > 1}

    def mirrored(self) -> "Duel":
        """The same seen from ``b``."""
        tasks = tuple((task, _mirrored(found)) for task, found in self.tasks)
        return Duel(a=self.b, b=self.a, tasks=tasks, overall=_mirrored(self.overall))


def _mirrored(found: Comparison) -> Comparison:
    ends = found.interval and (1 - found.interval[1], 1 - found.interval[0])
    chance = None if found.probability is None else 1 - found.probability
    return replace(found, verdict=OTHER.get(found.verdict, found.verdict), probability=chance, interval=ends)


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """All pairs of one environment.

    Attributes:
        labels: architectures in the order of every table; left_out: those beyond ``MOST``.
        beyond_first: whether the last of ``labels`` is the reference, which stands beyond the first ``MOST``.
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
    beyond_first: bool = False

    def between(self, a: str, b: str) -> Duel | None:
        """The pair seen from ``a``."""
        for duel in self.duels:
            if (duel.a, duel.b) == (a, b):
                return duel
            if (duel.a, duel.b) == (b, a):
                return duel.mirrored()
        return None


class Common(NamedTuple):
    """A task on which two architectures were trained alike: of both the scores, higher being better, and the seeds."""

    task: str
    kind: Hashable
    a: Cell
    b: Cell


def common(task: str, a: "Trained", b: "Trained") -> Common:
    """The task as two architectures share it."""
    return Common(task, a.kind, (a.seeds, a.scores), (b.seeds, b.scores))


def joined(found: Sequence[Common]) -> list[Pair]:
    """The tasks as strata for tests over all of them: a seed's runs on one kind of task stay together."""
    kinds = [one.kind for one in found]
    return [(a, b) for a, b in by_kind(kinds, [one.a for one in found], [one.b for one in found])]


Shared = Mapping[tuple[str, str], Sequence[Common]]
"""Pair of labels -> tasks where both were trained alike."""


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
    """One architecture on one task: scores, higher is better, skills, the seeds of both, and how it was trained.

    ``kind`` is that of the task.
    """

    scores: list[float]
    skills: tuple[float | None, ...]
    training: object
    seeds: tuple[int | None, ...]
    kind: Hashable


def _matrix(env_id: str, groups: list[tuple[Group, Sequence[VerdictRow]]], reference: str | None) -> Matrix:
    groups = [(group, rows) for group, rows in groups if group.better != "neither"]
    tasks = [(group.task, trained_once(group, rows)) for group, rows in groups]
    every = [row for _, rows in groups for row in rows]
    names = in_order({name for _, entries in tasks for name in entries}, every)
    compared = _compared_with(reference, every)
    last = next((name for name in names[MOST:] if name in compared.values()), None)
    kept = names[:MOST] if last is None else [*names[: MOST - 1], last]
    shared: dict[tuple[str, str], list[Common]] = {}
    for task, entries in tasks:
        for a, b in combinations([name for name in kept if name in entries], 2):
            if entries[a].training == entries[b].training:
                shared.setdefault((a, b), []).append(common(task, entries[a], entries[b]))
    with_reference = {pair: [one for one in found if compared.get(one.task) in pair] for pair, found in shared.items()}
    against = _duels({pair: found for pair, found in with_reference.items() if found})
    return Matrix(
        env_id=env_id,
        labels=tuple(kept),
        left_out=tuple(name for name in names if name not in kept),
        several=tuple(f"{label} on {group.task}" for group, rows in groups for label in _several(rows)),
        duels=tuple(_duels(shared)),
        against=tuple(duel if duel.b in compared.values() else duel.mirrored() for duel in against),
        beyond_first=last is not None,
    )


def _duels(shared: Shared) -> list[Duel]:
    """The pairs, as one family for each task and one over all tasks."""
    verdicts: dict[tuple[str, str], list[tuple[str, Comparison]]] = {pair: [] for pair in shared}
    for task in dict.fromkeys(one.task for found in shared.values() for one in found):
        here = {pair: (one.a[1], one.b[1]) for pair, found in shared.items() for one in found if one.task == task}
        for pair, found in zip(here, compare_families([[groups] for groups in here.values()]), strict=True):
            verdicts[pair].append((task, found))
    overall = compare_families([joined(found) for found in shared.values()])
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
        row.label: Trained(
            scores=upward(row),
            skills=row.skills,
            training=cell.records[0].config.get("train"),
            seeds=row.seeds,
            kind=kind_of(row),
        )
        for cell in group.cells
        if (row := trained.get(cell.records[0].cell_id)) is not None
    }


def _several(rows: Sequence[VerdictRow]) -> list[str]:
    """Labels that more than one configuration of a task has."""
    often = Counter(row.label for row in rows if row.kind == "model")
    return [label for label, number in often.items() if number > 1]
