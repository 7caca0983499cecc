"""Which tasks of an environment are compared over all of them: those that most architectures share, trained alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seqbench.record.record import canonical
from seqbench.report.group import Group
from seqbench.report.matrix import Trained, in_order, trained_once
from seqbench.report.row import VerdictRow

FEWEST = 2
"""Tasks, and architectures that share them, below which nothing is said across tasks."""
_MOST_SETS = 1000
"""Of tasks that some architectures share, above which no further ones are looked for."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """Tasks of one environment, and the architectures that were trained alike on all of them; who is left out."""

    kept: list[tuple[Group, dict[str, Trained]]]
    labels: list[str]
    left_out: tuple[str, ...]
    tasks_left_out: tuple[str, ...]
    again: tuple[str, ...]


def shared_by_most(here: Sequence[tuple[Group, Sequence[VerdictRow]]]) -> Block:
    """The most cells there are of tasks and architectures; the same task counts once."""
    tables = [trained_once(*pair) if _has_skill(*pair) else {} for pair in here]
    same = [_identity(group) for group, _ in here]
    places, labels = _shared(tables, same)
    rows = [row for _, rows in here for row in rows if row.kind == "model"]
    order = in_order({row.label for row in rows}, rows)
    others = [place for place in range(len(here)) if place not in places]
    taken = {same[place] for place in places}
    return Block(
        kept=[(here[place][0], tables[place]) for place in places],
        labels=[label for label in order if label in labels],
        left_out=tuple(label for label in order if label not in labels),
        tasks_left_out=tuple(here[place][0].task for place in others if same[place] not in taken),
        again=tuple(here[place][0].task for place in others if same[place] in taken),
    )


def _has_skill(group: Group, rows: Sequence[VerdictRow]) -> bool:
    return group.better != "neither" and any(skill is not None for row in rows for skill in row.skills)


def _identity(group: Group) -> str:
    """What makes it the same task as another one, whatever they are called."""
    config = group.cells[0].records[0].config
    return canonical([config.get("task"), config.get("data_sha256")])


_Shared = frozenset[tuple[int, str]]
"""Places of tasks, and how some architectures were trained on each."""


def _shared(tables: Sequence[Mapping[str, Trained]], same: Sequence[str]) -> tuple[list[int], frozenset[str]]:
    """Places of the tasks, and the architectures that were trained alike on all of these: the most cells there are.

    The same task counts once. Looked at are the tasks of each architecture, those that all of them share, and, as long
    as these sets are fewer than ``_MOST_SETS``, those that any number of them share.
    """
    trained: dict[str, set[tuple[int, str]]] = {}
    for place, table in enumerate(tables):
        for label, cell in table.items():
            trained.setdefault(label, set()).add((place, canonical(cell.training)))
    best: tuple[int, list[tuple[int, str]], frozenset[str]] = (0, [], frozenset())
    for shared in _intersections({frozenset(keys) for keys in trained.values()}):
        tasks = {same[task[0]]: task for task in sorted(shared, reverse=True)}.values()  # the first of equal ones
        labels = frozenset(label for label, keys in trained.items() if keys.issuperset(tasks))
        if min(len(tasks), len(labels)) >= FEWEST:
            best = max(best, (len(tasks) * len(labels), sorted(tasks), labels), key=lambda block: block[:2])
    return [place for place, _ in best[1]], best[2]


def _intersections(sets: set[_Shared]) -> set[_Shared]:
    found = sets | {frozenset.intersection(*sets)} if sets else set()
    while len(found) < _MOST_SETS and (new := {one & other for one in found for other in sets} - found):
        found |= new
    return found
