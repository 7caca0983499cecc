"""``index.html``: one page that needs nothing else, lays out a ``Content``, and escapes every text of the data.

A section of the page is a ``Part``: an id, a title, and a template of its own in ``parts/``.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from seqbench.report.captions import CAPTIONS, COST_CAPTIONS
from seqbench.report.content import Content
from seqbench.report.embed import inline
from seqbench.report.flow_table import COLUMNS as FLOW_COLUMNS
from seqbench.report.flow_table import FlowRow
from seqbench.report.item import Item, Table
from seqbench.report.names import label_of
from seqbench.report.sections import rows_of
from seqbench.report.verdict_table import (
    MOST_ROWS,
    RUN_COLUMNS,
    Columns,
    by_architecture,
    columns,
    dashes,
    laid_out,
    number_of,
    swatch,
)
from seqbench.report.wording import BEYOND, SKILL, count, median_note, number, readable
from seqbench.schema import CONTINUED

_HERE = Path(__file__).parent / "parts"
_MOST_LISTED = 200
"""Failures and problems that a page lists."""
MOST_BYTES = 5_000_000
"""Of a page, so that a phone opens it and a mail carries it."""
_FLOW = ("profile", "flow", "states", "norm", "saliency", "attention", "gates")


@dataclass(frozen=True, kw_only=True)
class Part:
    """A section of the page. ``figures``: title, how to read it, drawing. ``laid``: a table of its own."""

    id: str
    title: str
    template: str
    figures: Sequence[tuple[str, str, Markup]] = ()
    laid: Table | None = None


def page(content: Content) -> str:
    """The whole page as text; where it would be too large, its largest figures are named in their place."""
    content = replace(content, cost_tables=[table.first(MOST_ROWS) for table in content.cost_tables])
    text, sizes = _page(content), {name: len(svg.encode()) for name, svg in content.figures.items()}
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        if len(text.encode()) <= MOST_BYTES:
            break
        content = replace(content, figures={**content.figures, name: ""})
        text = _page(content)
    return text


def _page(content: Content) -> str:
    style, script = ((_HERE / name).read_text(encoding="utf-8") for name in ("style.css", "report.js"))  # our own
    sections, left_out = laid_out(content)
    return (
        _templates()
        .get_template("page.html.j2")
        .render(
            content=content,
            title=readable(content.study or "Sequence architectures compared"),
            counts=_counts(content),
            chips=[
                (readable(name), number_of(look), dashes(look))
                for name, look in islice(content.look.items(), MOST_ROWS)
            ],
            glance=_glance(content),
            parts=_parts(content),
            columns=columns(content.against),
            sections=sections,
            left_out=left_out,
            run_columns=RUN_COLUMNS,
            architectures=by_architecture(sections, content.look),
            flow=_flow(content),
            flow_columns=[("architecture", "text"), *((name, "number") for name in FLOW_COLUMNS)],
            column_kinds=_column_kinds,
            beyond=BEYOND,
            skill=SKILL,
            median_note=median_note(rows_of(content.sections)),
            cell_name=lambda record: readable(label_of(record, content.common).name),
            most=_MOST_LISTED,
            most_rows=MOST_ROWS,
            style=Markup(style),
            script=Markup(script),
            style_hash=_hash(style),
            script_hash=_hash(script),
        )
    )


@cache
def _templates() -> Environment:
    """Compiled once: whoever writes many pages, such as a test, pays for it once."""
    made = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= {"readable": readable, "number": number, "breakable": _breakable}
    return made


def _hash(text: str) -> str:
    """What a content security policy calls a text that it lets pass."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _glance(content: Content) -> dict[str, Any] | None:
    found = content.glance
    if found is None:
        return None
    rows = [
        (
            readable(title),
            [(readable(label), seen) for label, seen in zip(found.labels, cells, strict=True)],
        )
        for title, cells in found.rows
    ]
    heads = [(readable(label), swatch(content.look.get(label))) for label in found.labels]
    return {"heads": heads, "rows": rows, "said": found.said}


def _parts(content: Content) -> list[Part]:
    """The sections that have something to show, in the order of the page."""
    flow = _drawings(content, CAPTIONS, _FLOW)
    return [
        *([Part(id="verdicts", title="Verdicts", template="verdicts.html.j2")] if content.sections else []),
        *_figure_part(content, "pareto"),
        *([_table_part(content, content.dependency, "dependency")] if content.dependency else []),
        *([_cost(content)] if content.costs or content.beside else []),
        *_figure_part(content, "learning", "solving"),
        *([Part(id="gradients", title="Gradient flow", template="flow.html.j2", figures=flow)] if flow else []),
        *[_table_part(content, table) for table in content.tables],
        Part(id="provenance", title="Where the numbers come from", template="provenance.html.j2"),
        *([Part(id="architectures", title="Architecture by architecture", template="architectures.html.j2"),
           Part(id="tasks", title="Task by task", template="tasks.html.j2")] if content.sections else []),
    ]  # fmt: skip


def _figure_part(content: Content, *names: str) -> list[Part]:
    """A section of figures alone; none where there is none of them."""
    drawn = _drawings(content, CAPTIONS, names)
    return [Part(id=names[0], title=drawn[0][0], template="figure.html.j2", figures=drawn)] if drawn else []


def _table_part(content: Content, table: Table, anchor: str = "") -> Part:
    """A section that is one table, with the figures that show the same."""
    table = table.first(MOST_ROWS)
    anchor = anchor or re.sub("[^a-z]+", "-", table.label.lower()).strip("-")
    template = "across.html.j2" if table.said else "table.html.j2"
    return Part(
        id=anchor, title=table.label, template=template, figures=_drawings(content, CAPTIONS, (anchor,)), laid=table
    )


def _cost(content: Content) -> Part:
    names = [name for name, _, _ in COST_CAPTIONS]
    drawn = _drawings(content, COST_CAPTIONS, names)
    return Part(id="cost", title="What it costs", template="cost.html.j2", figures=drawn)


def _drawings(
    content: Content, captions: Sequence[tuple[str, str, str]], names: Sequence[str]
) -> list[tuple[str, str, Markup]]:
    return [
        (title, text, _drawing(content.figures[name], name, title))
        for name, title, text in captions
        if name in names and name in content.figures
    ]


def _drawing(svg: str, name: str, title: str) -> Markup:
    """A figure, or where it is without which the page is small enough."""
    if svg:
        return Markup(inline(svg, name, escape(title)))  # the renderer of figures escapes texts in it
    file = Markup('<a href="figures/{0}.svg">figures/{0}.svg</a>').format(name)
    most = f"{MOST_BYTES / 1e6:g} MB"
    return Markup('<p class="lead">This figure lies beside the page, which would be larger than {}: {}.</p>').format(
        most, file
    )


def _column_kinds(table: Table) -> Columns:
    """Title and kind of each column: a title stands as the cells below it do."""
    cells = next((row.cells for _, _, rows in table.groups for row in rows), [Item("")] * (len(table.columns) - 1))
    return list(zip(table.columns, ["text", *(cell.kind.split()[0] for cell in cells)], strict=True))


def _counts(content: Content) -> str:
    models = {row.label for section in content.sections for row in section.rows if row.kind == "model"}
    models |= {entry.label for entry in content.costs}
    tasks = len(content.sections) or len({(entry.env_id, entry.comparable) for entry in content.costs})
    learning = [record for record in content.records if record.kind == "learning"]
    runs = sum(record.status not in CONTINUED for record in learning)
    parts = [count(len(models), "architecture"), count(tasks, "task"), count(runs, "run")]
    measured = len(content.records) - len(learning)
    return " · ".join([*parts, count(measured, "cost measurement")] if measured else parts)


def _flow(content: Content) -> list[tuple[str, list[dict[str, Any]]]]:
    def cells(row: FlowRow) -> list[Item]:
        return [Item(text, text if value is None else value) for text, value in zip(row.texts, row.values, strict=True)]

    return [
        (readable(task), [{"name": readable(row.label), "cells": cells(row)} for row in rows])
        for task, rows in groupby(content.flow, key=lambda row: row.task)
    ]


def _breakable(text: str) -> Markup:
    """A name of code that may go on in the next line after each of its words."""
    return Markup(escape(readable(text)).replace("_", Markup("_<wbr>")))
