"""The rows of the page: verdicts by task, the same by architecture, and the runs behind each row."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from seqbench.report.canvas import PALETTE, Style, Styles
from seqbench.report.content import Content
from seqbench.report.item import Item
from seqbench.report.provenance import command_of
from seqbench.report.row import VerdictRow
from seqbench.report.sections import Section
from seqbench.report.strips import strips
from seqbench.report.wording import (
    DASH,
    comparison_text,
    count,
    improvement_text,
    interval_text,
    rate_interval_text,
    readable,
    score_text,
    skill_interval_text,
    skill_text,
    solved_text,
    steps_interval_text,
    steps_text,
    whole,
)
from seqbench.schema import CONTINUED, Record

Columns = Sequence[tuple[str, str]]
"""Title and kind of each column of a table."""
MOST_ROWS, MOST_RUNS = 400, 2000
"""Rows and runs that a page holds; a larger study is read from its tables."""
RUN_COLUMNS: Columns = (
    ("seed", "number"),
    ("status", "text"),
    ("score", "number"),
    ("skill", "number"),
    ("solved at step", "number"),
    ("run", "text"),
)


def columns(reference: str | None) -> Columns:
    """The columns of the table of verdicts."""
    names = ["score", "baseline", "skill", "solved", "n", "median steps", "parameters"]
    against = [(f"against {readable(reference)}", "verdict")] if reference else []
    return [("architecture", "text"), ("worse → better", "dots"), *((name, "number") for name in names), *against]


def swatch(style: Style | None) -> Markup:
    """A stroke in an architecture's colour."""
    broken = f' stroke-dasharray="{dashes(style)}"' if style and dashes(style) else ""
    return Markup(  # numbers only
        f'<svg class="swatch" viewBox="0 0 22 10" aria-hidden="true">'
        f'<path d="M0 5H22" stroke="{_color(style)}" stroke-width="3"{broken}/></svg>'
    )


def _color(style: Style | None) -> str:
    return "currentColor" if style is None else f"var(--c{number_of(style)})"


def number_of(style: Style) -> int:
    """The number of a style's colour in the palette."""
    return PALETTE.index(style.color)


def dashes(style: Style) -> str:
    """A style's dashes for a line 3 wide, empty where it has none."""
    return "" if isinstance(style.dash, str) else " ".join(f"{3 * length:g}" for length in style.dash[1])


def laid_out(content: Content) -> tuple[list[dict[str, Any]], str]:
    """Sections with their rows and runs, at most ``MOST_ROWS`` rows; and what was left out, in words."""
    runs, made, left = _runs_of(content), [], MOST_ROWS
    for index, section in enumerate(content.sections):
        kept = section.rows[: max(left, 0)]
        left -= len(kept)
        if kept:
            rows = _section_rows(section, kept, f"runs-{index}", content, runs)
            made.append({"id": f"task-{index}", "title": readable(section.title),
                         "subtitle": readable(section.subtitle), "rows": rows})  # fmt: skip
    total = sum(len(section.rows) for section in content.sections)
    return made, f"The first {MOST_ROWS:,} of {total:,} rows are shown." if total > MOST_ROWS else ""


def _section_rows(
    section: Section,
    kept: Sequence[VerdictRow],
    link: str,
    content: Content,
    runs: Mapping[tuple[str, str], Sequence[Record]],
) -> list[dict[str, Any]]:
    drawn = strips(section.rows, [_color(content.look.get(row.label)) for row in section.rows])
    zero = next((row for row in section.rows if row.kind == "baseline" and row.skill == 0), None)
    made, against = [], content.against  # found among all rows, so once
    for order, (row, strip) in enumerate(zip(kept, drawn, strict=False)):
        fields = _row(row, strip, order, against, zero)
        if row.kind == "model":
            fields |= _behind(runs[row.env_id, row.cell_id], len(content.records)) | {"link": f"{link}-{order}"}
            fields["swatch"] = swatch(content.look.get(row.label))
        made.append(fields)
    return made


def _runs_of(content: Content) -> dict[tuple[str, str], list[Record]]:
    found: dict[tuple[str, str], list[Record]] = {}
    for record in sorted(content.records, key=lambda record: (record.seed is None, record.seed or 0)):
        if record.kind == "learning" and record.status not in CONTINUED:
            found.setdefault((record.env_id, record.cell_id), []).append(record)
    return found


def _behind(members: Sequence[Record], total: int) -> dict[str, Any]:
    """What stands behind a row: its command and its runs, some of them where the page would hold too many."""
    most = len(members) if total <= MOST_RUNS else 5
    said = count(len(members), "run") + (f", the first {most} shown" if most < len(members) else "")
    shown = [_run(record) for record in members[:most]]
    return {"command": readable(command_of(members)), "runs": shown, "runs_said": said}


def _run(record: Record) -> list[Item]:
    found = record.summary
    score, skill, step = found.get("score"), found.get("skill"), found.get("steps_to_solve")
    return [
        Item(DASH if record.seed is None else str(record.seed), _value(record.seed)),
        Item(record.status, record.status, kind="text"),
        Item(score_text(score), _value(score)),
        Item(skill_text(skill), _value(skill)),
        Item(whole(step), "inf" if step is None else step),
        Item(record.run_id, record.run_id, kind="text mono"),
    ]


def by_architecture(sections: Sequence[Mapping[str, Any]], look: Styles) -> list[tuple[str, Markup, list[Any]]]:
    """Each architecture with its rows of all tasks: (name, its colour, (title of the task, row))."""
    found: dict[str, list[Any]] = {}
    for section in sections:
        for row in section["rows"]:
            if row["kind"] == "model":
                found.setdefault(row["label"], []).append((section["title"], row))
    swatches = {readable(name): swatch(style) for name, style in look.items()}
    order = [name for name in swatches if name in found] + [name for name in found if name not in swatches]
    return [(name, swatches.get(name, swatch(None)), found[name]) for name in order]


def _row(row: VerdictRow, strip: Markup, order: int, reference: str | None, zero: VerdictRow | None) -> dict[str, Any]:
    known = zero is not None and row.kind == "model"
    baseline = Item(score_text(zero.score), _value(zero.score), readable(zero.name)) if zero and known else Item("")
    cells = [_score(row), baseline, _skill(row), *_solving(row)]
    rate = "" if row.learning_rate is None else f"rate {row.learning_rate:g}"
    cells += [Item(whole(row.parameters), _value(row.parameters), rate)]
    if reference:
        found = row.comparison
        kind = f"verdict {found.verdict}" if found else "verdict"
        probability = found.probability if found else None
        said, _, p = comparison_text(row).partition(" (p")  # which stays in one line
        said += p and " (p" + p.replace(" ", "\N{NO-BREAK SPACE}")
        cells.append(Item(said, _value(probability), improvement_text(row), kind))
    fields = {"kind": row.kind, "order": order, "name": readable(row.name), "variant": readable(row.shown)}
    fields |= {"label": readable(row.label), "remarks": readable("; ".join(row.remarks)), "link": ""}
    return fields | {"strip": strip, "cells": cells}


def _score(row: VerdictRow) -> Item:
    if row.summary is None:
        return Item(score_text(row.score), _value(row.score))
    why = row.summary.why or ""
    there = [score for score in row.scores if score is not None]
    span = f"{score_text(min(there))} to {score_text(max(there))}" if len(set(there)) > 1 else ""
    note = interval_text(row.summary.interval) or span
    return Item(score_text(row.score), _value(row.score), note, hint=f"no interval: {why}" if why else "")


def _skill(row: VerdictRow) -> Item:
    return Item(skill_text(row.skill), _value(row.skill), skill_interval_text(row))


def _solving(row: VerdictRow) -> list[Item]:
    found = row.summary
    rate = "" if found is None or found.solved is None else found.solved / found.runs
    median = found.median_steps if found else None
    value = "inf" if median is not None and math.isinf(median) else _value(median)
    return [
        Item(solved_text(row), rate, rate_interval_text(row)),
        Item(str(found.runs), found.runs) if found else Item(""),
        Item(steps_text(row), value, steps_interval_text(row)),
    ]


def _value(value: float | None) -> float | str:
    return "" if value is None else value
