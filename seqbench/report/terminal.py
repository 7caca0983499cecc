"""The result table that a command ends with."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from seqbench.report.names import common_words, environment_names
from seqbench.report.row import VerdictRow
from seqbench.report.tables import verdict_rows
from seqbench.report.wording import half_width_text, readable, score_text, skill_text, solved_text, steps_text, whole
from seqbench.schema import Record

WIDE = 100
"""Columns of a terminal from which the table is laid out wide."""


def result_table(records: Iterable[Record], reference: str | None = None, width: int = WIDE) -> Table:
    """Task, model, score with the half width of its interval, solved, median steps, skill; baselines dimmed.

    Readable at 100 columns, and below them at 80: there a task is a line above its models, remarks stand below the name
    of a model, and parameters are left to the report. Names are printed as they are: no markup in them is obeyed.
    """
    records = list(records)
    names = environment_names(record for record in records if record.kind == "learning")
    common = common_words(records)
    caption = Text(readable(f"all models: {common}")) if common else None
    table = Table(box=None, pad_edge=False, header_style="bold", caption=caption, caption_justify="left")
    wide = width >= WIDE
    for title in ("task", "model") if wide else ("model",):
        table.add_column(title, overflow="fold", min_width=8, max_width=26 if wide else 30)
    for title in ("score", "solved", "steps", "skill", *["parameters"] * wide):
        table.add_column(title, justify="right", no_wrap=True)
    if wide:
        table.add_column("remarks", overflow="fold", min_width=18)
    for _, group in groupby(verdict_rows(records, reference, common), key=lambda row: (row.env_id, row.task)):
        for position, row in enumerate(group):
            task = row.task if position == 0 else ""
            where = f" [{names[row.env_id]}]" if task and len(names) > 1 else ""
            if task and not wide:
                table.add_row(Text(readable(task) + where, style="bold"))
            cells: Sequence[RenderableType] = _cells(row, readable(task) + where)
            table.add_row(*(cells if wide else _narrow(cells)), style="dim" if row.kind == "baseline" else None)
        table.add_section()
    return table


def _cells(row: VerdictRow, task: str) -> list[Text]:
    interval = row.summary.interval if row.summary else None
    texts = [
        task,
        readable(row.label),
        score_text(row.score) + half_width_text(interval, row.score),
        solved_text(row),
        steps_text(row),
    ]
    texts += [skill_text(row.skill), whole(row.parameters)]
    return [*map(Text, texts), Text(readable("; ".join(row.remarks)), style="yellow")]


def _narrow(cells: Sequence[RenderableType]) -> list[RenderableType]:
    """The cells of a row without its task and its parameters, its remarks below the name."""
    _, name, *numbers, _, remarks = cells
    below = Group(name, Padding(remarks, (0, 0, 0, 2))) if remarks else name
    return [Padding(below, (0, 0, 0, 2)), *numbers]
