"""Which rows and runs of a large study are drawn: enough to see, few enough to look at, chosen without looking."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from seqbench.report.canvas import Style
from seqbench.report.costs import Entry
from seqbench.report.group import Cell, Group
from seqbench.report.wording import count

MOST_TASKS, MOST_CELLS, MOST_RUNS = 24, 24, 500
"""Tasks, rows of a task, and runs whose arrays are read for figures."""


def drawn(groups: Sequence[Group]) -> list[Group]:
    """The groups with what figures show of them: the first tasks, their first rows, the lowest seeds."""
    kept = [replace(group, cells=group.cells[:MOST_CELLS]) for group in groups[:MOST_TASKS]]
    seeds = max(1, MOST_RUNS // max(1, sum(len(group.cells) for group in kept)))
    if all(len(cell.records) <= seeds for group in kept for cell in group.cells):
        return kept
    return [replace(group, cells=tuple(_lowest(cell, seeds) for cell in group.cells)) for group in kept]


def _lowest(cell: Cell, seeds: int) -> Cell:
    return replace(cell, records=cell.records[:seeds])  # they are in the order of their seeds


def drawn_costs(entries: Sequence[Entry]) -> list[Entry]:
    """Of the costs those of the first tasks and of the first architectures of all."""
    tasks = [*dict.fromkeys((entry.env_id, entry.task) for entry in entries)][:MOST_TASKS]
    labels = [*dict.fromkeys(entry.label for entry in entries)][:MOST_CELLS]
    return [entry for entry in entries if entry.label in labels and (entry.env_id, entry.task) in tasks]


def among(look: Mapping[str, Style], kept: Sequence[Group], costs: Sequence[Entry]) -> dict[str, Style]:
    """The styles of what is drawn."""
    names = {cell.name for group in kept for cell in group.cells} | {entry.label for entry in costs}
    return {name: style for name, style in look.items() if name in names}


def left_out(groups: Sequence[Group], kept: Sequence[Group], costs: Sequence[Entry] = ()) -> list[str]:
    """What the figures do not show, in words; nothing where they show everything."""
    (rows, runs), (rows_kept, runs_kept) = _sizes(groups), _sizes(kept)
    which = f"{rows_kept:,} of {count(rows, 'row')}" if rows_kept < rows else f"all {count(rows, 'row')}"
    said = f"Figures and gradient flow show {which} with their lowest seeds, {runs_kept:,} of {count(runs, 'run')}; "
    told = [f"{said}tables and verdicts count all runs."] if runs_kept < runs else []
    measured = len(drawn_costs(costs))
    said = f"Figures of costs show {measured:,} of {count(len(costs), 'row')} of the table of costs; costs.csv has all."
    return [*told, said] if measured < len(costs) else told


def _sizes(groups: Sequence[Group]) -> tuple[int, int]:
    cells = [cell for group in groups for cell in group.cells]
    return len(cells), sum(len(cell.records) for cell in cells)
