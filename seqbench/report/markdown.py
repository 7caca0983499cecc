"""``report.md``: the same verdicts for a terminal, a repository or a mail."""

import re
from collections.abc import Sequence

from seqbench.report.captions import CAPTIONS, COST_CAPTIONS
from seqbench.report.content import Content
from seqbench.report.item import Row
from seqbench.report.names import label_of
from seqbench.report.row import VerdictRow
from seqbench.report.sections import Section, rows_of
from seqbench.report.wording import (
    DASH,
    SKILL,
    STUDENT,
    comparison_note,
    comparison_text,
    interval_text,
    median_note,
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

_SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]<>#|&~$"})
_BLOCK = re.compile(r"^(\d{0,9})([-+=.)])(?=[\s=-]|$)")
"""What would make a paragraph a list, a rule or a heading where it begins with it."""


def markdown(content: Content) -> str:
    """The report as Markdown."""
    parts = [f"# {escaped(content.study or 'Sequence architectures compared')}", *map(escaped, content.summary)]
    parts += _glance(content)
    parts += ["\n".join(f"- {escaped(said)}" for said in said) for said in (content.banners, content.details) if said]
    parts += _dependency(content) + _how(content)
    parts += [_section(section, content.reference) for section in content.sections]
    parts += _costs(content) + _figures(content) + _tables(content)
    parts += _by_name(content) + _provenance(content)
    return "\n\n".join(parts) + "\n"


def escaped(value: object) -> str:
    """Text of the data with nothing in it that Markdown obeys."""
    return _BLOCK.sub(r"\1\\\2", readable(value).strip().translate(_SPECIAL))


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: int = 0) -> str:
    """A table; the columns from number ``numbers`` on are aligned right, 0 aligns all left."""
    rule = ["---:" if numbers and index >= numbers else "---" for index in range(len(head))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))


def _how(content: Content) -> list[str]:
    """How to read the tables of tasks: what their brackets and verdicts are."""
    cells = [row.summary for section in content.sections for row in section.rows if row.summary]
    brackets = any(cell.interval or cell.rate_interval for cell in cells)
    kinds = "Brackets: 95 % intervals over seeds, Student's of means and mid-p of solve rates."
    said = [f"{kinds} {STUDENT}"] if brackets else []
    said += [escaped(SKILL)] if any(row.skill is not None for row in rows_of(content.sections)) else []
    said += [note] if (note := median_note(rows_of(content.sections))) else []
    said += [escaped(comparison_note(content.against))] if content.against else []
    return [" ".join(said)] if said else []


def _section(section: Section, reference: str | None) -> str:
    reference = section.compared_with(reference)
    head = ["architecture", "score", "skill", "solved", "runs", "median steps", "parameters", "learning rate"]
    head += [f"against {escaped(reference)}"] if reference else []
    rows = table([*head, "remarks"], [_row(row, reference) for row in section.rows], 1)
    return f"## {escaped(section.title)}\n\n{escaped(section.subtitle)}\n\n{rows}"


def _row(row: VerdictRow, reference: str | None) -> list[str]:
    name = f"*{escaped(row.label)}*" if row.kind == "baseline" else f"**{escaped(row.label)}**"
    interval = interval_text(row.summary.interval if row.summary else None)
    cells = [name, f"{score_text(row.score)} {interval}".strip()]
    cells += [f"{skill_text(row.skill)} {skill_interval_text(row)}".strip()]
    cells += [f"{solved_text(row)} {rate_interval_text(row)}".strip()]
    cells += [str(len(row.scores)) if row.kind == "model" else DASH]
    cells += [f"{steps_text(row)} {steps_interval_text(row)}".strip(), whole(row.parameters)]
    cells += [DASH if row.learning_rate is None else f"{row.learning_rate:g}"]
    cells += [escaped(comparison_text(row))] if reference else []
    return [*cells, escaped("; ".join(row.remarks))]


def _glance(content: Content) -> list[str]:
    found = content.glance
    if found is None or not found.labels:
        return [escaped(found.said)] if found else []
    rows = [
        [escaped(title), *(f"**{escaped(seen.whole)}**" if seen.best else escaped(seen.whole) for seen in cells)]
        for title, cells in found.rows
    ]
    return [table(["", *map(escaped, found.labels)], rows, 1), escaped(found.said)]


def _dependency(content: Content) -> list[str]:
    made = content.dependency
    if made is None:
        return []
    rows = [
        [escaped(title), escaped(row.name), *(escaped(cell.text) for cell in row.cells)]
        for title, _, members in made.groups
        for row in members
    ]
    return [f"## {made.label}", escaped(made.lead), table(["task", *made.columns], rows, 2)]


def _costs(content: Content) -> list[str]:
    if not content.costs:
        return []
    how, crossings = content.cost_said
    parts = ["## What it costs", *map(escaped, how)]
    parts += ["\n".join(f"- {escaped(said)}" for said in crossings)] if crossings else []
    for made in content.cost_tables:
        rows = [_cost_row(row, title, small) for title, small, rows in made.groups for row in rows]
        parts += [f"### {made.label}", escaped(made.lead), table(["task", *map(escaped, made.columns)], rows, 2)]
    return parts


def _tables(content: Content) -> list[str]:
    parts: list[str] = []
    for made in content.tables:
        head = [*map(escaped, made.columns)]
        rows = [
            [
                f"**{escaped(row.name)}**{f' ({escaped(title)})' if len(made.groups) > 1 else ''}",
                *(escaped(cell.whole) for cell in row.cells),
            ]
            for title, _, rows in made.groups
            for row in rows
        ]
        parts += [f"## {escaped(made.label)}", *map(escaped, (*made.said, made.lead)), table(head, rows, 1)]
    return parts


def _by_name(content: Content) -> list[str]:
    several = len(content.environments) > 1
    found = [(item.label, item) for item in content.architectures] + [(item.task, item) for item in content.tasks]
    lines = []
    for name, item in found:
        where = f" [{content.environments[item.env_id]}]" if several else ""
        lines.append(f"- **{escaped(name + where)}**: {escaped(item.said)}")
    return ["## By architecture and by task", "\n".join(lines)] if lines else []


def _cost_row(row: Row, title: str, small: str) -> list[str]:
    name = f"{escaped(row.name)} ({escaped(row.note)})" if row.note else escaped(row.name)
    task = f"{escaped(title)}, {escaped(small)}" if small else escaped(title)
    return [task, name, *(escaped(cell.whole) for cell in row.cells)]


def _figures(content: Content) -> list[str]:
    names = {name: title for name, title, _ in (*CAPTIONS, *COST_CAPTIONS)}
    found = [f"![{names[name]}](figures/{name}.svg)" for name in content.figures]
    return ["## Figures", *found] if found else []


def _provenance(content: Content) -> list[str]:
    several = len(content.environments) > 1
    head = ["", *content.environments.values()] if several else ["", "value"]
    facts = [[name, *map(escaped, values)] for name, values in content.facts]
    tuning = escaped(content.tuning or "How the learning rates were chosen is not stated.")
    parts = ["## Where the numbers come from", tuning, table(head, facts), f"Code: {escaped('; '.join(content.code))}."]
    if content.failures:
        labels = [label_of(r, content.common) for r in content.failures]
        told = [[escaped(at.task), escaped(at.name), str(r.seed), r.status, escaped(r.reason or "")]
                for at, r in zip(labels, content.failures, strict=True)]  # fmt: skip
        parts += ["### Runs that did not complete", table(["task", "architecture", "seed", "status", "reason"], told)]
    if content.problems:
        parts += ["### Problems in the store", "\n".join(f"- {escaped(problem)}" for problem in content.problems)]
    commands = "\n".join(
        f"- {escaped(task)}, {escaped(label)}: {_code(text)}" for task, label, text in content.commands
    )
    return [*parts, f"### Commands\n\n{commands}"] if commands else parts


def _code(text: str) -> str:
    """Text as code, between more backticks than it has in a row."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"`{readable(text)}`" if fence == "`" else f"{fence} {readable(text)} {fence}"
