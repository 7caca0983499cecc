"""``verdicts.csv``: one line a row of the verdict table, numbers to their last digit."""

from collections.abc import Iterable
from dataclasses import replace

from seqbench.report.comma import csv_lines
from seqbench.report.provenance import with_seeds
from seqbench.report.row import VerdictRow
from seqbench.statistics.seeds import Interval

COLUMNS = (
    "env_id", "task", "family", "length", "kind", "architecture", "variant", "metric", "better", "runs", "score",
    "score_low", "score_high", "skill", "skill_low", "skill_high", "solved", "rate_low", "rate_high", "median_steps",
    "steps_low", "steps_high", "budget", "parameters", "learning_rate", "verdict", "p", "improvement",
    "improvement_low", "improvement_high", "seeds_needed", "remarks", "cell_id", "command",
)  # fmt: skip


def verdicts_csv(rows: Iterable[VerdictRow]) -> str:
    """The rows of all tasks and environments; an empty cell where there is no number, ``inf`` for steps never reached.

    ``verdict`` and what follows it are against the study's reference: ``improvement`` is the probability that a run
    beats one of the reference.
    """
    return "".join(csv_lines(COLUMNS, (_line(whole(row)) for row in rows)))


def whole(row: VerdictRow) -> VerdictRow:
    """The row with a command that trains all of its runs again: its own trains the first alone."""
    return replace(row, command=with_seeds(row.command, row.seeds)) if row.kind == "model" else row


def _line(row: VerdictRow) -> list[object]:
    cell, found = row.summary, row.comparison
    line: list[object] = [row.env_id, row.task, row.family, row.length, row.kind, row.name, row.variant, row.metric]
    line += [row.better, cell.runs if cell else None, row.score, *_ends(cell.interval if cell else None)]
    line += [row.skill, *_ends(row.skill_interval)]
    line += [cell.solved if cell else None, *_ends(cell.rate_interval if cell else None)]
    line += [cell.median_steps if cell else None, *_ends(cell.median_interval if cell else None)]
    line += [row.budget, row.parameters, row.learning_rate, found.verdict if found else None]
    line += [found.p if found else None, found.probability if found else None]
    line += _ends(found.interval if found else None)
    return [*line, found.seeds_needed if found else None, "; ".join(row.remarks), row.cell_id, row.command]


def _ends(interval: Interval | None) -> tuple[float | None, float | None]:
    return interval or (None, None)
