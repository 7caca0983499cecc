"""``runs.csv``: one line a run, every one of them, also those that failed or were stopped."""

from collections.abc import Iterable, Iterator
from typing import Any

from seqbench.record.record import current
from seqbench.report.comma import csv_lines
from seqbench.report.names import model_order, natural
from seqbench.report.solving import is_solved
from seqbench.schema import CONTINUED, Record

COLUMNS = (
    "task",
    "model",
    "variant",
    "seed",
    "status",
    "solved",
    "score",
    "metric",
    "skill",
    "steps",
    "steps_to_solve",
    "budget",
    "learning_rate",
    "parameters",
    "selection",
    "clip_fraction",
    "gradient_norm_median",
    "training_steps_per_s",
    "duration_s",
    "population",
    "kernel",
    "study",
    "attempt",
    "run_id",
    "cell_id",
    "env_id",
    "started_at",
    "commit",
    "reason",
    "command",
)


def runs_csv(records: Iterable[Record]) -> str:
    """The learning runs as comma-separated text; the attempt that counts of each.

    ``solved`` is empty where a task has no notion of it, and of runs that are to be continued: they count nowhere yet.
    """
    return "".join(runs_lines(records))


def runs_lines(records: Iterable[Record]) -> Iterator[str]:
    """The same line by line."""
    runs = sorted((record for record in current(records) if record.kind == "learning"), key=_order)
    return csv_lines(COLUMNS, map(_values, runs))


def _order(record: Record) -> tuple[Any, ...]:
    labels = record.labels
    task, variant = natural(labels.get("task", "")), natural(labels.get("variant") or "")
    return task, model_order(labels.get("model", "")), variant, record.cell_id, record.env_id, record.seed or 0


def _values(record: Record) -> list[Any]:
    """What stands in each column: fields of the record, and else values of its summary."""
    own = ("seed", "status", "study", "attempt", "run_id", "cell_id", "env_id", "started_at", "reason", "command")
    told = record.task.get("solved") is not None and record.status not in CONTINUED
    found = {
        **{key: record.labels.get(key) for key in ("task", "model", "variant")},
        **{key: getattr(record, key) for key in own},
        "duration_s": record.duration_s,
        "metric": record.task.get("score"),
        "solved": is_solved(record) if told else None,
        "parameters": record.architecture.get("parameters"),
        "learning_rate": (record.config.get("model") or {}).get("learning_rate"),
        "commit": (record.git or {}).get("commit"),
    }
    return [found[column] if column in found else record.summary.get(column) for column in COLUMNS]
