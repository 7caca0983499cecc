"""The verdict table: one row an architecture and task, one row a baseline. HTML, Markdown and terminal print it."""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from seqbench.report.group import Cell, Group
from seqbench.report.groups import grouped
from seqbench.report.remarks import remarks
from seqbench.report.row import VerdictRow
from seqbench.report.solving import is_solved, is_unconfirmed, left_open
from seqbench.schema import Record
from seqbench.statistics.summary import summarise
from seqbench.statistics.verdict import compare_to_reference

_SKILLS = (-math.inf, 1.0)
"""A skill of 1 is the best possible loss."""


def verdict_rows(records: Iterable[Record], reference: str | None = None, common: str = "") -> list[VerdictRow]:
    """The rows of all learning records, grouped by environment and task: architectures, then baselines.

    Args:
        records: any records; only the attempt that counts of each learning run is used.
        reference: label of the architecture that the others are compared with, task by task.
        common: words that no name repeats; see ``grouped``.
    """
    groups = grouped(records, reference=reference, common=common)
    return [row for group in groups for row in group_rows(group, reference)]


def group_rows(group: Group, reference: str | None = None) -> list[VerdictRow]:
    """The rows of one task in one environment."""
    baselines = [_baseline_row(group, baseline) for baseline in group.baselines]
    rows = [_model_row(group, cell) for cell in group.cells]
    compared = _compared(rows, reference, [_train(cell) for cell in group.cells])
    return [replace(row, remarks=remarks(row, baselines)) for row in compared] + baselines


def _model_row(group: Group, cell: Cell) -> VerdictRow:
    records = cell.records
    scores = tuple(record.summary.get("score") for record in records)
    solvable = bool(group.facts.get("solved"))
    is_open = solvable and left_open(records)
    solved = [is_solved(record) for record in records] if solvable and not is_open else None
    steps = [record.summary.get("steps_to_solve") if is_solved(record) else None for record in records]
    each = _skills(group, records)
    skills = summarise(each, solved, None, _SKILLS)
    train = records[0].config.get("train") or {}
    return VerdictRow(
        kind="model",
        env_id=group.env_id,
        task=group.task,
        name=cell.model,
        variant=cell.variant,
        common=cell.common,
        family=group.family,
        length=group.length,
        metric=group.metric,
        better=group.better,
        threshold=group.threshold,
        summary=(summary := summarise(scores, solved, steps if solved is not None else None, group.limits)),
        score=summary.mean,
        scores=scores,
        skill=skills.mean,
        skill_interval=skills.interval,
        skills=each,
        steps=tuple(steps),
        parameters=cell.first("architecture", "parameters"),
        left_open=is_open,
        learning_rate=(records[0].config.get("model") or {}).get("learning_rate"),
        budget=train.get("steps") or cell.first("summary", "budget"),
        unconfirmed=sum(map(is_unconfirmed, records)) if solvable else 0,
        not_completed=Counter(record.status for record in records if record.status != "completed"),
        also=cell.also,
        command=records[0].command,
        cell_id=records[0].cell_id,
        seeds=tuple(record.seed for record in records),
    )


def _skills(group: Group, records: Sequence[Record]) -> tuple[float | None, ...]:
    """None of all where the trivial method is as good as perfect: older records hold a number there."""
    return (None,) * len(records) if group.exact else tuple(record.summary.get("skill") for record in records)


def _baseline_row(group: Group, baseline: Mapping[str, Any]) -> VerdictRow:
    return VerdictRow(
        kind="baseline",
        env_id=group.env_id,
        task=group.task,
        name=baseline["name"],
        variant=baseline.get("kind", ""),
        metric=group.metric,
        better=group.better,
        score=group.baseline_score(baseline),
        skill=group.baseline_skill(baseline),
    )


def _train(cell: Cell) -> Any:
    return cell.records[0].config.get("train")


def _compared(rows: list[VerdictRow], reference: str | None, trainings: list[Any]) -> list[VerdictRow]:
    """Rows with their comparison; the family is all rows of the task that were trained as the reference was."""
    found = reference_row(rows, reference)
    if found is None:
        return rows
    chosen = rows.index(found)
    family = [i for i in range(len(rows)) if i != chosen and trainings[i] == trainings[chosen]]
    results = compare_to_reference([upward(rows[i]) for i in family], upward(rows[chosen]))
    by_index = dict(zip(family, results, strict=True))
    return [replace(row, comparison=by_index.get(i), is_reference=i == chosen) for i, row in enumerate(rows)]


def reference_row(rows: Iterable[VerdictRow], reference: str | None) -> VerdictRow | None:
    """The row of one task that its others are compared with: the reference's own, of several that without a variant.

    None where there is no such row, or more than one, or where no score of the task is better than another.
    """
    named = [row for row in rows if row.kind == "model" and row.name == reference]
    plain = named if len(named) == 1 else [row for row in named if not row.shown]
    return plain[0] if len(plain) == 1 and plain[0].better != "neither" else None


def kind_of(row: VerdictRow) -> Hashable:
    """Equal for rows whose runs of a seed may do well or badly together: kind of task, at any length."""
    return (row.family, "") if row.family else ("", row.task)


def upward(row: VerdictRow) -> list[float]:
    """Scores as verdicts compare them: higher is better, and a run without one loses to all that have one.

    What is beyond the threshold for solved counts as just there: training ends at it, so how far beyond a run ended is
    the luck of that moment, and says nothing of what its architecture could have reached. A run that ended there and is
    not solved comes right after those that are: it did not get there in time, or did not stay.
    """
    sign = 1.0 if row.better == "higher" else -1.0
    most = math.inf if row.threshold is None else sign * row.threshold
    rated = row.threshold is not None and not row.left_open
    steps = row.steps if rated and row.steps else [0.0] * len(row.scores)
    caps = [math.nextafter(most, -math.inf) if step is None else most for step in steps]
    return [-math.inf if score is None else min(sign * score, cap) for score, cap in zip(row.scores, caps, strict=True)]


def alike(x: VerdictRow, y: VerdictRow) -> str | None:
    """Why the scores of two rows count as equal, but for who is solved; None where they do not."""
    if all(score is None for score in (*x.scores, *y.scores)):
        return "no run left a score"
    values = sorted({*upward(x), *upward(y)})
    beyond = x.threshold is not None and math.nextafter(values[0], math.inf) == values[-1]  # solved or not, but there
    if len(values) > 1 and not beyond:
        return None
    if all(row.summary and row.summary.solved == row.summary.runs for row in (x, y)):
        return "all solved"
    return "all runs equal" if len({*x.scores, *y.scores}) == len(values) == 1 else "all beyond the threshold"
