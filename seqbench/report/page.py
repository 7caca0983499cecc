"""``index.html``: one page that needs nothing else, lays out a ``Content``, and escapes every text of the data."""

import base64
import hashlib
import math
import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from seqbench.report.canvas import inline
from seqbench.report.captions import CAPTIONS, COST_CAPTIONS
from seqbench.report.content import Content, Section
from seqbench.report.flow_table import COLUMNS as FLOW_COLUMNS
from seqbench.report.flow_table import FlowRow
from seqbench.report.groups import Cell
from seqbench.report.item import Item
from seqbench.report.row import VerdictRow
from seqbench.report.strips import strips
from seqbench.report.wording import (
    comparison_text,
    count,
    improvement_text,
    interval_text,
    number,
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
from seqbench.schema import Record

_HERE = Path(__file__).parent


def page(content: Content) -> str:
    """The whole page as text."""
    loader = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    loader.filters |= {
        "readable": readable,
        "score": score_text,
        "interval": interval_text,
        "skill": skill_text,
        "number": number,
    }
    loader.filters["cell_name"] = _cell_name
    loader.filters["anchor"] = _anchor
    script = (_HERE / "sort.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    figures = [_figure(content, *figure) for figure in CAPTIONS if figure[0] in content.figures]
    return loader.get_template("page.html.j2").render(
        content=content,
        title=readable(content.study or "Sequence architectures compared"),
        counts=_counts(content),
        contents=_contents(content, figures),
        columns=_columns(content),
        sections=[_section(section, content.reference) for section in content.sections],
        figures=figures,
        tables=content.tables,
        flow=_flow(content),
        flow_columns=[("architecture", "text"), *((name, "number") for name in FLOW_COLUMNS)],
        cost_figures=[
            (text, _svg(content, name, title)) for name, title, text in COST_CAPTIONS if name in content.figures
        ],
        style=Markup((_HERE / "style.css").read_text(encoding="utf-8")),  # our own file
        script=Markup(script),  # our own file
        script_hash=f"sha256-{digest}",
    )


def _counts(content: Content) -> str:
    models = {row.label for section in content.sections for row in section.rows if row.kind == "model"}
    models |= {entry.label for entry in content.costs}
    tasks = len(content.sections) or len({(entry.env_id, entry.comparable) for entry in content.costs})
    runs = sum(record.kind == "learning" for record in content.records)
    parts = [count(len(models), "architecture"), count(tasks, "task"), count(runs, "run")]
    measured = len(content.records) - runs
    return " · ".join([*parts, count(measured, "cost measurement")] if measured else parts)


def _contents(content: Content, figures: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    found = [("verdicts", "Verdicts")] if content.sections else []
    found += [(figure["id"], figure["title"]) for figure in figures]
    found += [("cost", "What it costs")] if content.costs or content.beside else []
    found += [(_anchor(table.label), table.label) for table in content.tables]
    found += [("by-name", "By name")] if content.architectures else []
    return [*found, ("provenance", "Where the numbers come from")]


def _anchor(label: str) -> str:
    """An id for a section of ours, from its title."""
    return re.sub("[^a-z]+", "-", label.lower()).strip("-")


def _columns(content: Content) -> list[tuple[str, str]]:
    names = ["score", "skill", "solved", "median steps", "parameters"]
    against = [(f"against {readable(content.reference)}", "verdict")] if content.reference else []
    numbers = [(name, "number") for name in names]
    return [("architecture", "text"), ("worse → better", "dots"), *numbers, *against]


def _section(section: Section, reference: str | None) -> dict[str, Any]:
    drawn = strips(section.rows)
    rows = [
        _row(row, strip, order, reference) for order, (row, strip) in enumerate(zip(section.rows, drawn, strict=True))
    ]
    return {"title": readable(section.title), "subtitle": readable(section.subtitle), "rows": rows}


def _row(row: VerdictRow, strip: Markup, order: int, reference: str | None) -> dict[str, Any]:
    cells = [_score(row), _skill(row), *_solving(row)]
    rate = "" if row.learning_rate is None else f"rate {row.learning_rate:g}"
    cells += [Item(whole(row.parameters), _value(row.parameters), rate)]
    if reference:
        found = row.comparison
        kind = f"verdict {found.verdict}" if found else "verdict"
        probability = found.probability if found else None
        cells.append(Item(comparison_text(row, reference), _value(probability), improvement_text(row), kind))
    fields = {"kind": row.kind, "order": order, "name": readable(row.name), "variant": readable(row.variant)}
    fields["remarks"] = readable("; ".join(row.remarks))
    return fields | {"strip": strip, "cells": cells}


def _score(row: VerdictRow) -> Item:
    if row.summary is None:
        return Item(score_text(row.score), _value(row.score))
    why = row.summary.why or ""
    there = [score for score in row.scores if score is not None]
    span = f"{score_text(min(there))} to {score_text(max(there))}" if len(there) > 1 else ""
    note = interval_text(row.summary.interval) or span
    return Item(score_text(row.score), _value(row.score), note, hint=f"no interval: {why}" if why else "")


def _skill(row: VerdictRow) -> Item:
    return Item(skill_text(row.skill), _value(row.skill), skill_interval_text(row))


def _solving(row: VerdictRow) -> list[Item]:
    found = row.summary
    rate = "" if found is None or found.solved is None else found.solved / found.runs
    median = found.median_steps if found else None
    value = "inf" if median is not None and math.isinf(median) else _value(median)
    solved = solved_text(row)
    solved = f"n = {found.runs}" if found and found.solved is None else solved
    return [
        Item(solved, rate, rate_interval_text(row)),
        Item(steps_text(row), value, steps_interval_text(row)),
    ]


def _value(value: float | None) -> float | str:
    return "" if value is None else value


def _figure(content: Content, name: str, title: str, text: str) -> dict[str, Any]:
    return {"id": name, "title": title, "text": text, "svg": _svg(content, name, title)}


def _svg(content: Content, name: str, label: str) -> Markup | None:
    svg = content.figures.get(name)
    return None if svg is None else Markup(inline(svg, name, label))  # matplotlib escapes the texts in it


def _flow(content: Content) -> list[tuple[str, list[dict[str, Any]]]]:
    def cells(row: FlowRow) -> list[Item]:
        return [
            Item(text, _value(value) if value is not None else text)
            for text, value in zip(row.texts, row.values, strict=True)
        ]

    return [
        (readable(task), [{"name": readable(row.label), "cells": cells(row)} for row in rows])
        for task, rows in groupby(content.flow, key=lambda row: row.task)
    ]


def _cell_name(record: Record) -> str:
    labels = record.labels
    return readable(Cell(model=labels.get("model", "?"), variant=labels.get("variant") or "", records=()).name)
