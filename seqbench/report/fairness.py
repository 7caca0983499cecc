"""What each architecture was given: parameters, arithmetic, tuning, seeds; and what became of its runs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from seqbench.report.group import Cell, Group
from seqbench.report.item import Item, Row, Table
from seqbench.report.wording import DASH, number, readable, whole

Span = tuple[float, float]
"""Smallest and largest value over tasks."""
Trials = Mapping[tuple[str, str], int]
"""(task label, model label) -> runs that its learning rate was chosen from; 0 where it was not chosen."""


@dataclass(frozen=True, kw_only=True)
class Fairness:
    """One architecture in one environment, over its tasks; a span is None where no record says.

    Attributes:
        tasks, runs: how many it was trained on, and how often.
        parameters: of the whole model. flops: of the architecture's forward pass, for one time step, as declared.
        trials: runs from which its learning rate was chosen, of the declared tuning.
        configurations: most configurations that it was given on one task; more than others had is more chances.
        seeds, budget: runs of a configuration; optimiser steps of a run.
        not_completed: status -> runs.
    """

    env_id: str
    label: str
    tasks: int
    runs: int
    parameters: Span | None
    flops: Span | None
    trials: Span | None
    configurations: int
    seeds: Span
    budget: Span | None
    not_completed: Mapping[str, int] = field(default_factory=dict)


def fairness(groups: Sequence[Group], trials: Trials) -> list[Fairness]:
    """A row an architecture and environment, in the order of every table."""
    found = []
    for env_id, members in groupby(groups, key=lambda group: group.env_id):
        by_label: dict[str, list[tuple[Group, Cell]]] = {}
        for group in members:
            for cell in group.cells:
                by_label.setdefault(cell.name, []).append((group, cell))
        found += [_row(env_id, label, mine, trials) for label, mine in by_label.items()]
    return found


def _row(env_id: str, label: str, mine: list[tuple[Group, Cell]], trials: Trials) -> Fairness:
    cells = [cell for _, cell in mine]
    records = [record for cell in cells for record in cell.records]
    on_task = Counter(id(group) for group, _ in mine)
    return Fairness(
        env_id=env_id,
        label=label,
        tasks=len(on_task),
        runs=len(records),
        parameters=_span([cell.first("architecture", "parameters") for cell in cells]),
        flops=_span([_flops(group, cell) for group, cell in mine]),
        trials=_span([number for group, cell in mine for number in tried(trials, group, cell)]),
        configurations=max(on_task.values()),
        seeds=_span([len(cell.records) for cell in cells]) or (0, 0),
        budget=_span([(cell.records[0].config.get("train") or {}).get("steps") for cell in cells]),
        not_completed=dict(sorted(Counter(r.status for r in records if r.status != "completed").items())),
    )


def tried(trials: Trials, group: Group, cell: Cell) -> list[int]:
    """Runs from which a cell's learning rate was chosen, ascending: a number for each that its names tell, if any."""
    own = {(label.task, label.model) for label in cell.labels} & trials.keys()
    return sorted({trials[name] for name in own or {(group.task, cell.model)} & trials.keys()})


def _flops(group: Group, cell: Cell) -> float | None:
    flops = cell.first("architecture", "flops")
    return flops / group.length if flops is not None and group.length else None


def _span(values: Sequence[float | None]) -> Span | None:
    there = [value for value in values if value is not None]
    return (min(there), max(there)) if there else None


def fairness_table(rows: Sequence[Fairness], names: Mapping[str, str]) -> Table:
    """The rows laid out, a group an environment."""
    several = len(names) > 1
    groups = [
        (
            f"Environment {names[env_id]}" if several else "All tasks",
            "smallest and largest of tasks",
            [*map(_line, of)],
        )
        for env_id, of in groupby(rows, key=lambda row: row.env_id)
    ]
    lead = (
        "What each architecture was given. FLOPs: of its forward pass for one time step, as it declares them. Trials: "
        "runs from which its learning rate was chosen before this study. Configurations: the most it had on one task; "
        "whoever has more has more chances. Runs that did not complete count as not solved."
    )
    columns = ["architecture", "tasks", "runs", "seeds", "parameters", "FLOPs a step", "trials", "configurations"]
    columns += ["training steps", "not completed"]
    return Table(label="Fairness", lead=lead, columns=columns, groups=groups)


def _line(row: Fairness) -> Row:
    lost = ", ".join(f"{number_of} {status}" for status, number_of in row.not_completed.items())
    cells = [Item(str(row.tasks), row.tasks), Item(str(row.runs), row.runs), _item(row.seeds), _item(row.parameters)]
    cells += [_item(row.flops), _item(row.trials), Item(str(row.configurations), row.configurations)]
    cells += [_item(row.budget), Item(lost or "0", sum(row.not_completed.values()))]
    return Row(readable(row.label), cells)


def _item(span: Span | None) -> Item:
    if span is None:
        return Item(DASH)
    low, high = (whole(end) if end < 1e9 else number(end) for end in span)
    return Item(low if low == high else f"{low} \N{EN DASH} {high}", span[1])
