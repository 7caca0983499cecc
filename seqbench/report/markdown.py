"""``report.md``: the same verdicts for a terminal, a repository or a mail."""

import re
from collections.abc import Sequence

from seqbench.report.captions import CAPTIONS, COST_CAPTIONS
from seqbench.report.content import Content, Section
from seqbench.report.item import Row
from seqbench.report.row import VerdictRow
from seqbench.report.wording import (
    DASH,
    comparison_text,
    interval_text,
    rate_interval_text,
    readable,
    score_text,
    skill_interval_text,
    skill_text,
    solved_text,
    steps_text,
    whole,
)

_SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]<>#|&~$"})
_BLOCK = re.compile(r"^(\d{0,9})([-+=.)])(?=[\s=-]|$)")
"""What would make a paragraph a list, a rule or a heading where it begins with it."""


def markdown(content: Content) -> str:
    """The report as Markdown."""
    parts = [f"# {_text(content.study or 'Sequence architectures compared')}", *map(_text, content.summary)]
    parts += _dependency(content)
    parts += [_section(section, content.reference) for section in content.sections]
    parts += _aggregates(content) + _costs(content) + _figures(content) + _provenance(content)
    return "\n\n".join(parts) + "\n"


def _text(value: object) -> str:
    """Text of the data with nothing in it that Markdown obeys."""
    return _BLOCK.sub(r"\1\\\2", readable(value).strip().translate(_SPECIAL))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: int = 0) -> str:
    """A table; the columns from number ``numbers`` on are aligned right, 0 aligns all left."""
    rule = ["---:" if numbers and index >= numbers else "---" for index in range(len(head))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))


def _section(section: Section, reference: str | None) -> str:
    head = ["architecture", "score", "skill", "solved", "median steps", "parameters", "learning rate"]
    head += [f"against {_text(reference)}"] if reference else []
    table = _table([*head, "remarks"], [_row(row, reference) for row in section.rows], 1)
    return f"## {_text(section.title)}\n\n{_text(section.subtitle)}\n\n{table}"


def _row(row: VerdictRow, reference: str | None) -> list[str]:
    name = f"*{_text(row.label)}*" if row.kind == "baseline" else f"**{_text(row.label)}**"
    interval = interval_text(row.summary.interval if row.summary else None)
    cells = [name, f"{score_text(row.score)} {interval}".strip()]
    cells += [f"{skill_text(row.skill)} {skill_interval_text(row)}".strip()]
    cells += [f"{solved_text(row)} {rate_interval_text(row)}".strip(), steps_text(row), whole(row.parameters)]
    cells += [DASH if row.learning_rate is None else f"{row.learning_rate:g}"]
    cells += [_text(comparison_text(row, reference))] if reference else []
    return [*cells, _text("; ".join(row.remarks))]


def _dependency(content: Content) -> list[str]:
    table = content.dependency
    if table is None:
        return []
    rows = [
        [_text(title), _text(row.name), *(_text(cell.text) for cell in row.cells)]
        for title, _, members in table.groups
        for row in members
    ]
    return [f"## {table.label}", _text(table.lead), _table(["task", *table.columns], rows, 2)]


def _aggregates(content: Content) -> list[str]:
    if not content.aggregates:
        return []
    rows = [
        [_text(a.label), f"{score_text(a.iqm)} {interval_text(a.interval)}".strip(), str(a.tasks), str(a.runs)]
        for a in content.aggregates
    ]
    head = ["architecture", "interquartile mean of skill", "tasks", "runs"]
    return [f"## Across tasks\n\n{_table(head, rows, 1)}"]


def _costs(content: Content) -> list[str]:
    if not content.costs:
        return []
    how, crossings = content.cost_said
    parts = ["## What it costs", *map(_text, how)]
    parts += ["\n".join(f"- {_text(said)}" for said in crossings)] if crossings else []
    for table in content.cost_tables:
        rows = [_cost_row(row, title, small) for title, small, rows in table.groups for row in rows]
        parts += [f"### {table.label}", _text(table.lead), _table(["task", *map(_text, table.columns)], rows, 2)]
    return parts


def _cost_row(row: Row, title: str, small: str) -> list[str]:
    name = f"{_text(row.name)} ({_text(row.note)})" if row.note else _text(row.name)
    task = f"{_text(title)}, {_text(small)}" if small else _text(title)
    return [task, name, *(_text(f"{cell.text} {cell.note}") for cell in row.cells)]


def _figures(content: Content) -> list[str]:
    names = {name: title for name, title, _ in (*CAPTIONS, *COST_CAPTIONS)}
    found = [f"![{names[name]}](figures/{name}.svg)" for name in content.figures]
    return ["## Figures", *found] if found else []


def _provenance(content: Content) -> list[str]:
    several = len(content.environments) > 1
    head = ["", *content.environments.values()] if several else ["", "value"]
    facts = [[name, *map(_text, values)] for name, values in content.facts]
    tuning = _text(content.tuning or "How the learning rates were chosen is not stated.")
    parts = ["## Where the numbers come from", tuning, _table(head, facts), f"Code: {_text('; '.join(content.code))}."]
    failures = [
        [
            _text(r.labels.get("task", "?")),
            _text(r.labels.get("model", "?")),
            str(r.seed),
            r.status,
            _text(r.reason or ""),
        ]
        for r in content.failures
    ]
    if failures:
        parts += [
            "### Runs that did not complete",
            _table(["task", "architecture", "seed", "status", "reason"], failures),
        ]
    if content.problems:
        parts += ["### Problems in the store", "\n".join(f"- {_text(problem)}" for problem in content.problems)]
    commands = "\n".join(f"- {_text(task)}, {_text(label)}: {_code(text)}" for task, label, text in content.commands)
    return [*parts, f"### Commands\n\n{commands}"] if commands else parts


def _code(text: str) -> str:
    """Text as code, between more backticks than it has in a row."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"`{readable(text)}`" if fence == "`" else f"{fence} {readable(text)} {fence}"
