"""Records sorted into what may stand side by side: one task in one environment, and in it the cells."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, cast

from seqbench.metrics import METRICS
from seqbench.record.record import canonical, current
from seqbench.schema import Better, Record, without_length
from seqbench.statistics.seeds import UNLIMITED

FIRST = ("rnn", "lstm", "gru", "attention", "transformer")
"""Architectures that lead every table, in the order of their age; all others follow by name."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The records of one cell in one environment, by seed."""

    model: str
    variant: str
    records: tuple[Record, ...]

    @property
    def name(self) -> str:
        """What tables and legends print."""
        return f"{self.model} ({self.variant})" if self.variant else self.model

    def first(self, field: str, key: str) -> Any:
        """The first value of ``record.<field>[key]`` that is there; a run that failed early may lack it."""
        return next((v for record in self.records if (v := getattr(record, field).get(key)) is not None), None)


@dataclass(frozen=True, kw_only=True)
class Group:
    """All cells of one task (the same configuration of it) in one environment.

    Attributes:
        facts: ``Record.task`` of a run that got far enough to leave it, empty where none did.
        baselines: by name, as the records carry them.
    """

    env_id: str
    task: str
    cells: tuple[Cell, ...]
    facts: Mapping[str, Any]
    baselines: tuple[Mapping[str, Any], ...]
    metrics: Mapping[str, Mapping[str, str]]

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


def grouped(records: Iterable[Record], kind: Literal["learning", "cost"] = "learning") -> list[Group]:
    """The groups of the attempts that count, sorted by environment, then by the task's name.

    Labels of one configuration that differ in whether they name its length are those of one task.
    """
    parts: dict[tuple[str, str, str], list[Record]] = {}
    texts: dict[int, str] = {}  # many records share one object
    for record in current(record for record in records if record.kind == kind):
        task = record.config.get("task")
        if (text := texts.get(id(task))) is None:
            text = texts[id(task)] = canonical(task)
        parts.setdefault((record.env_id, without_length(record.labels.get("task", "?")), text), []).append(record)
    named = {key: max((record.labels.get("task", "?") for record in parts[key]), key=len) for key in parts}
    ordered = sorted(parts, key=lambda key: (key[0], natural(named[key]), key[2]))
    return [_group(key[0], named[key], parts[key]) for key in ordered]


def _group(env_id: str, task: str, records: list[Record]) -> Group:
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
        cells=tuple(sorted((_cell(members) for members in cells.values()), key=_cell_order)),
        facts=next((record.task for record in records if record.task), {}),
        baselines=tuple(baselines.values()),
        metrics=next((record.metrics for record in records if record.metrics), {}),
    )


def _cell(records: list[Record]) -> Cell:
    labels = records[0].labels
    return Cell(model=labels.get("model", "?"), variant=labels.get("variant") or "", records=tuple(records))


def _cell_order(cell: Cell) -> tuple[Any, ...]:
    return (*model_order(cell.model), natural(cell.variant), cell.records[0].cell_id)


def model_order(model: str) -> tuple[int, tuple[Any, ...]]:
    """Sort key of architectures: the five of ``FIRST``, then by name."""
    return (FIRST.index(model) if model in FIRST else len(FIRST)), natural(model)


@lru_cache(4096)
def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key by which copy_10 comes before copy_100 and after copy_9.

    >>> sorted(["copy_100", "copy_9", "copy_10"], key=natural)
    ['copy_9', 'copy_10', 'copy_100']
    """
    parts = re.split(r"([0-9]+)", name)
    return tuple((0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts if part)


def environment_names(records: Iterable[Record]) -> dict[str, str]:
    """env_id -> "A", "B", ...: short names in the order of the ids."""
    ids = sorted({record.env_id for record in records})
    return {env_id: chr(65 + i) if i < 26 else f"E{i + 1}" for i, env_id in enumerate(ids)}
