"""Which rows and runs of a large study are drawn: enough to see, few enough to look at, chosen without looking."""

from collections.abc import Sequence
from dataclasses import replace

from seqbench.report.group import Cell, Group
from seqbench.report.wording import count

MOST_TASKS, MOST_CELLS, MOST_RUNS = 24, 24, 1000
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


def left_out(groups: Sequence[Group], kept: Sequence[Group]) -> list[str]:
    """What the figures do not show, in words; nothing where they show everything."""
    (rows, runs), (rows_kept, runs_kept) = _sizes(groups), _sizes(kept)
    if runs == runs_kept:
        return []
    which = f"{rows_kept:,} of {count(rows, 'row')}" if rows_kept < rows else f"all {count(rows, 'row')}"
    return [f"Figures and gradient flow show {which} with their lowest seeds, {runs_kept:,} of {count(runs, 'run')}; "
            "tables and verdicts count all runs."]  # fmt: skip


def _sizes(groups: Sequence[Group]) -> tuple[int, int]:
    cells = [cell for group in groups for cell in group.cells]
    return len(cells), sum(len(cell.records) for cell in cells)
