"""Records sorted into what may stand side by side: one task in one environment, and in it the cells."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Literal, cast

from seqbench.metrics import METRICS
from seqbench.record.record import canonical, current, ended
from seqbench.report.differences import differences, settings
from seqbench.report.names import Label, full_name, label_of, less, model_order, natural, plainest, task_name
from seqbench.schema import Better, Record, without_length
from seqbench.statistics.seeds import UNLIMITED

_MOST_SETTINGS, _MOST_ALIKE = 3, 8
"""Settings that differ and are told, so that names stay short; cells of one name up to which they are told at all."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The records of one cell in one environment, by seed.

    Attributes:
        common: words of the variant that all names of the report share, and that ``shown`` leaves out.
        also: other name -> records that go by it, where the same configuration was run under several labels.
    """

    model: str
    variant: str
    records: tuple[Record, ...]
    common: str = ""
    also: Mapping[str, int] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """The variant as tables and legends print it."""
        return less(self.variant, self.common)

    @property
    def name(self) -> str:
        """What tables and legends print."""
        return full_name(self.model, self.shown)

    @property
    def labels(self) -> Counter[Label]:
        """What the records are called; one configuration may have several labels."""
        return Counter(label_of(record, self.common) for record in self.records)

    def first(self, field: str, key: str) -> Any:
        """The first value of ``record.<field>[key]`` that is there; a run that failed early may lack it."""
        return next((v for record in self.records if (v := getattr(record, field).get(key)) is not None), None)


@dataclass(frozen=True, kw_only=True)
class Group:
    """All cells of one task (the same configuration of it) in one environment.

    Attributes:
        task: what it was asked for as. also: what others call the very same task, here or in another group.
        facts: ``Record.task`` of a run that got far enough to leave it, empty where none did.
        baselines: by name, as the records carry them.
    """

    env_id: str
    task: str
    cells: tuple[Cell, ...]
    facts: Mapping[str, Any]
    baselines: tuple[Mapping[str, Any], ...]
    metrics: Mapping[str, Mapping[str, str]]
    also: tuple[str, ...] = ()

    @property
    def metric(self) -> str | None:
        """Name of the headline score."""
        return self.facts.get("score")

    @property
    def family(self) -> str:
        """The kind of task: the name of its Python file, which tasks of all lengths share; "" where none is known."""
        config = self.cells[0].records[0].config.get("task")
        target = config.get("target") if isinstance(config, Mapping) else None
        return str(target).partition(":")[0].rpartition(".")[2] if target else ""

    @property
    def length(self) -> int | None:
        """Time steps of a sequence."""
        return self.facts.get("length")

    @property
    def better(self) -> Better:
        """Direction of the headline score."""
        return cast(Better, self.metrics.get(self.metric or "", {}).get("better", "neither"))

    @property
    def limits(self) -> tuple[float, float]:
        """The lowest and the highest headline score that there can be, where the metric is one of ours."""
        known = METRICS.get(self.metric or "")
        return known.limits if known else UNLIMITED

    @property
    def threshold(self) -> float | None:
        """Value of the headline score at which the task counts as solved; None where another metric decides."""
        solved = self.facts.get("solved")
        return solved["threshold"] if solved and solved["metric"] == self.metric else None

    def baseline_score(self, baseline: Mapping[str, Any]) -> float | None:
        """A baseline's value of the headline score."""
        return baseline["values"].get(self.metric)

    def baseline_skill(self, baseline: Mapping[str, Any]) -> float | None:
        """A baseline's normalised skill."""
        name = self.facts.get("skill_metric", "")
        zero = next((b["values"].get(name) for b in self.baselines if b.get("skill")), None)
        value, floor = baseline["values"].get(name), self.facts.get("floor", 0.0)
        return None if value is None or zero is None or zero == floor else (zero - value) / (zero - floor)


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
    """Cells in their order; of one name, as where a file was edited between runs, they are named with what differs."""
    alike: dict[str, list[Cell]] = {}
    for cell in cells:
        alike.setdefault(cell.name, []).append(cell)
    found = (one for same in alike.values() for one in (same if len(same) == 1 else _with_settings(same)))
    return tuple(sorted(found, key=_cell_order))


def _with_settings(cells: Sequence[Cell]) -> list[Cell]:
    if cells[0].records[0].kind == "cost" or len(cells) > _MOST_ALIKE:  # costs: by length, backend and round
        return [*cells]
    words = differences([settings(cell.records[0].config) for cell in cells], _MOST_SETTINGS)
    return [replace(cell, variant=f"{cell.variant} {own}".strip()) for cell, own in zip(cells, words, strict=True)]


def _cell_order(cell: Cell) -> tuple[Any, ...]:
    return (*model_order(cell.model), natural(cell.variant), cell.records[0].cell_id)
