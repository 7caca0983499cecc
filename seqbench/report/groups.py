"""Records sorted into groups and their cells, and what each of these is called."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, Literal

from seqbench.record.record import canonical, current, ended
from seqbench.report.differences import differences, settings
from seqbench.report.group import Cell, Group
from seqbench.report.names import label_of, model_order, natural, plainest, task_name
from seqbench.schema import Record, without_length

_MOST_SETTINGS, _MOST_ALIKE = 3, 8
"""Settings that differ and are told, so that names stay short; cells of one name up to which they are told at all."""


def grouped(
    records: Iterable[Record],
    kind: Literal["learning", "cost"] = "learning",
    reference: str | None = None,
    common: str = "",
) -> list[Group]:
    """The groups of the attempts that count, sorted by environment, then by the task's name; of learning, ended ones.

    Labels of one task stand apart, as they were asked for apart, unless they differ in the word for its length alone.
    A cell is one configuration whatever its runs are called, so all its runs are in one of these groups,
    under the plainest of their names, or under the ``reference``'s where any of them has it; no name repeats the words
    that are ``common`` to all (``names.common_words``).
    """
    tasks: dict[tuple[str, str], dict[str, list[Record]]] = {}
    texts: dict[tuple[int, int], str] = {}  # many records share one object
    counted = ended if kind == "learning" else current
    for record in counted(record for record in records if record.kind == kind):
        task, data = record.config.get("task"), record.config.get("data_sha256")
        if (text := texts.get((id(task), id(data)))) is None:
            text = texts[id(task), id(data)] = canonical([task, data])
        by_label = tasks.setdefault((record.env_id, text), {})
        by_label.setdefault(without_length(label_of(record).task), []).append(record)
    found = [
        (env_id, text, _group(env_id, name, members, {*map(task_name, by_label.values())}, reference, common))
        for (env_id, text), by_label in tasks.items()
        for name, members in _settled(by_label, reference)
    ]
    found.sort(key=lambda part: (part[0], natural(part[2].task), part[1]))
    return _told_apart([group for *_, group in found])


def _settled(by_label: Mapping[str, Sequence[Record]], reference: str | None) -> list[tuple[str, list[Record]]]:
    """The groups of one task: what each is called, and the records of its cells, each cell with all of its records.

    A cell of several labels goes where it has most to be compared with: where most architectures were trained as it
    was, of several such where most of its runs are, then by the plainest name.
    """
    cells: dict[str, list[Record]] = {}
    for record in chain.from_iterable(by_label.values()):
        cells.setdefault(record.cell_id, []).append(record)
    names = {cell_id: plainest(map(label_of, records), reference).model for cell_id, records in cells.items()}
    trained = {cell_id: canonical(records[0].config.get("train")) for cell_id, records in cells.items()}
    runs = {label: Counter(record.cell_id for record in records) for label, records in by_label.items()}

    def home(cell_id: str) -> str:
        def order(label: str) -> tuple[Any, ...]:
            alike = {names[other] for other in runs[label] if trained[other] == trained[cell_id]}
            return -len(alike), -runs[label][cell_id], natural(label)

        labels = [label for label in by_label if cell_id in runs[label]]
        return min(labels, key=order) if len(labels) > 1 else labels[0]

    homes = {cell_id: home(cell_id) for cell_id in cells}
    settled: dict[str, list[Record]] = {}
    for record in chain.from_iterable(by_label.values()):
        settled.setdefault(homes[record.cell_id], []).append(record)
    return [(task_name(by_label[label]), records) for label, records in settled.items()]


def _told_apart(groups: list[Group]) -> list[Group]:
    """The groups; different tasks that go by one name in an environment are named with what sets them apart."""
    alike: dict[tuple[str, str], list[Group]] = {}
    for group in groups:
        alike.setdefault((group.env_id, group.task), []).append(group)
    words = {place: differences([_values(other) for other in others]) for place, others in alike.items()}
    return [
        group
        if len(others := alike[place := (group.env_id, group.task)]) == 1
        else replace(group, task=f"{group.task} ({words[place][others.index(group)]})")
        for group in groups
    ]


def _values(group: Group) -> dict[str, str]:
    """Key -> value, as text, of a task and of what it reads."""
    config = group.cells[0].records[0].config
    task, data = config.get("task"), config.get("data_sha256")
    values = task if isinstance(task, Mapping) else {"task": task}
    return {key: canonical(value).strip('"') for key, value in values.items()} | {"data": str(data)[:8]}


def _group(
    env_id: str, task: str, records: Sequence[Record], names: Collection[str], reference: str | None, common: str
) -> Group:
    """A group that is called ``task``; ``names`` are all that its task goes by in the environment."""
    cells: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda r: (r.seed is None, r.seed or 0)):
        cells.setdefault(record.cell_id, []).append(record)
    baselines: dict[str, Mapping[str, Any]] = {}
    for record in records:
        for baseline in record.baselines:
            baselines.setdefault(baseline["name"], baseline)
    return Group(
        env_id=env_id,
        task=task,
        also=tuple(sorted({*names} - {task}, key=natural)),
        cells=_named([_cell(runs, task, reference, common) for runs in cells.values()]),
        facts=next((record.task for record in records if record.task), {}),
        baselines=tuple(baselines.values()),
        metrics=next((record.metrics for record in records if record.metrics), {}),
    )


def _cell(records: Sequence[Record], task: str, reference: str | None, common: str) -> Cell:
    """The cell of records whose group is called ``task``."""
    labels = Counter(label_of(record, common) for record in records)
    own, also = plainest(labels, reference), Counter[str]()
    for label, number in labels.items():
        same = without_length(label.task) == without_length(task)
        also[label.name if same else f"{label.name} on {label.task}"] += number
    del also[own.name]
    return Cell(model=own.model, variant=own.variant, records=tuple(records), common=common, also=dict(also))


def _named(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """Cells in their order; of one name, as where a file was edited between runs, they are named with what differs.

    The one that was trained as the others of its task keeps the name.
    """
    alike: dict[str, list[Cell]] = {}
    for cell in cells:
        alike.setdefault(cell.name, []).append(cell)
    trained: dict[str, Counter[str]] = {}  # training -> runs of each name
    for cell in cells if len(alike) < len(cells) else ():
        trained.setdefault(_training(cell), Counter())[cell.name] += len(cell.records)
    found = (one for same in alike.values() for one in (same if len(same) == 1 else _with_settings(same, trained)))
    return tuple(sorted(found, key=_cell_order))


def _training(cell: Cell) -> str:
    return canonical(cell.records[0].config.get("train"))


def _with_settings(cells: Sequence[Cell], trained: Mapping[str, Counter[str]]) -> list[Cell]:
    if cells[0].records[0].kind == "cost" or len(cells) > _MOST_ALIKE:  # costs: by length, backend and round
        return [*cells]
    words = differences([settings(cell.records[0].config) for cell in cells], _MOST_SETTINGS)
    usual = _usual(cells, trained)
    return [
        cell if cell is usual else replace(cell, variant=f"{cell.variant} {own}".strip())
        for cell, own in zip(cells, words, strict=True)
    ]


def _usual(cells: Sequence[Cell], trained: Mapping[str, Counter[str]]) -> Cell | None:
    """Of cells of one name the one trained as most other names were, or as many and more runs; None where two were."""

    def weight(cell: Cell) -> tuple[int, int]:
        runs = trained[_training(cell)]
        return len(runs) - 1, runs.total() - runs[cell.name]

    weights = [weight(cell) for cell in cells]
    most = max(weights)
    return cells[weights.index(most)] if most[0] and weights.count(most) == 1 else None


def _cell_order(cell: Cell) -> tuple[Any, ...]:
    return (*model_order(cell.model), natural(cell.variant), cell.records[0].cell_id)
