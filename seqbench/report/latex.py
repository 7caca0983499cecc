"""``report.tex``: the tables of a report, ready for a paper, and its figures where they are written beside it."""

import re
from collections.abc import Mapping, Sequence

from seqbench.report.captions import CAPTIONS, COST_CAPTIONS
from seqbench.report.content import Content
from seqbench.report.item import Table
from seqbench.report.row import VerdictRow
from seqbench.report.sections import Section
from seqbench.report.wording import (
    DASH,
    LOW_POWER,
    MINUS,
    SKILL,
    STUDENT,
    TIMES,
    comparison_note,
    comparison_text,
    interval_text,
    listed,
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

_SPECIAL = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': "''",
        "[": "{[}",  # after a line break a bracket would be its argument
        "]": "{]}",
        MINUS: "$-$",
        TIMES: r"$\times$",
        DASH: "--",
        "\N{INFINITY}": r"$\infty$",
        "\N{GREATER-THAN OR EQUAL TO}": r"$\geq$",
        "\N{MIDDLE DOT}": r"$\cdot$",
        "\N{PLUS-MINUS SIGN}": r"$\pm$",
        **{character: f"\\{character}" for character in "{}$&#_%"},
    }
)


_FIT = (
    "\\providecommand{\\seqbenchfit}[1]{\\sbox0{#1}\\ifdim\\wd0>\\linewidth\\resizebox{\\linewidth}{!}{\\usebox0}"
    "\\else\\usebox0\\fi}"
)
"""What a table is put into: one that is too wide for its column is made as small as it takes."""
_WIDE, _NARROW = 132, 60
"""Characters of a row, in footnote size, that fit into the width of a page, and into one of two columns."""


def latex(content: Content) -> str:
    """One table a task, then the tables over tasks, those of cost and figures; each a float with caption and label.

    Brackets are 95 % intervals over seeds, those of cost 99 % over rounds; n is the number of runs. What is to be said
    of all tables of a kind is said once, in the notes below them.
    """
    needs = r"\usepackage{booktabs,graphicx}; \extrafloats{100} where there are too many unprocessed floats"
    parts = [f"% Written by seqbench. Encoding UTF-8. Needs {needs}.\n{_FIT}"]
    parts += [_section(section, content.reference, number) for number, section in enumerate(content.sections, 1)]
    others = [(content.dependency, "dependency")] if content.dependency else []
    others += [(table, f"{_label(table.label)}-{number}") for number, table in enumerate(content.tables, 1)]
    others += [(table, f"cost-{number}") for number, table in enumerate(content.cost_tables, 1)]
    parts += [_generic(table, label) for table, label in others]
    notes = {_task_notes(content.sections, content.reference): ["Tasks"]} if content.sections else {}
    for table, _ in others:
        notes.setdefault(table.lead, []).append(table.label)
    parts += [_notes(notes)] if notes else []
    captions = {name: f"{title}. {text}" for name, title, text in (*CAPTIONS, *COST_CAPTIONS)}
    parts += [_figure(name, captions[name], printed.wide) for name, printed in content.prints.items()]
    return "\n\n".join(parts) + "\n"


def _notes(notes: Mapping[str, Sequence[str]]) -> str:
    """How to read the tables, a paragraph a kind: what is said -> of which tables."""
    lines = [
        rf"\paragraph{{Notes on the tables. {escaped(listed([*of]))}.}} {escaped(said)}" for said, of in notes.items()
    ]
    return "\n\n".join(lines)


def escaped(text: object) -> str:
    r"""Text of the data with nothing in it that LaTeX obeys.

    >>> escaped("copy_10 at 5 % & more")
    'copy\\_10 at 5 \\% \\& more'
    """
    return readable(text).translate(_SPECIAL)


def _task_notes(sections: Sequence[Section], reference: str | None) -> str:
    rows = [row for section in sections for row in section.rows]
    said = ["Steps to solve: median, unsolved runs counting as infinite."]
    if _has_brackets(rows):
        said.insert(0, f"Brackets: 95 % intervals over seeds, Student's of means and mid-p of solve rates. {STUDENT}")
    said += [note] if (note := median_note(rows)) else []
    said += [SKILL] if any(row.skill is not None for row in rows) else []
    compared = next((found for section in sections if (found := section.compared_with(reference))), None)
    said += [comparison_note(compared)] if compared else []
    return " ".join(said)


def _section(section: Section, reference: str | None, number: int) -> str:
    reference = section.compared_with(reference)
    head = ["architecture", "score", "skill", "solved", "$n$", "steps to solve", "parameters"]
    head += [f"against {escaped(reference)}"] if reference else []
    models = [_row(row, reference) for row in section.rows if row.kind == "model"]
    trivial = [_row(row, reference) for row in section.rows if row.kind == "baseline"]
    low = any(LOW_POWER in comparison_text(row) for row in section.rows)
    note = " 5 to 9 seeds are of low power: undecided is no sign of equality there." if reference and low else ""
    remarks = "".join(f" {row.label}: {'; '.join(row.remarks)}." for row in section.rows if row.remarks)
    how = "95 % intervals in brackets; see" if _has_brackets(section.rows) else "See"
    caption = f"{section.title}: {section.subtitle}. {how} the notes on the tables.{note}{remarks}"
    return _float(caption, f"task-{number}", head, [models, trivial])


def _has_brackets(rows: Sequence[VerdictRow]) -> bool:
    return any("[" in cell for row in rows for cell in _row(row, None)[1:])


def _row(row: VerdictRow, reference: str | None) -> list[str]:
    name = rf"\emph{{{escaped(row.label)}}}" if row.kind == "baseline" else escaped(row.label)
    texts = [f"{score_text(row.score)} {interval_text(row.summary.interval if row.summary else None)}"]
    texts += [f"{skill_text(row.skill)} {skill_interval_text(row)}", f"{solved_text(row)} {rate_interval_text(row)}"]
    texts += [str(len(row.scores)) if row.kind == "model" else DASH]
    texts += [f"{steps_text(row)} {steps_interval_text(row)}", whole(row.parameters)]
    texts += [comparison_text(row).replace(LOW_POWER, "")] if reference else []
    return [name, *(escaped(text.strip()) for text in texts)]


def _generic(table: Table, label: str) -> str:
    """A table, in parts where it is wider than a page: each with some of its columns, and all its rows."""
    parts = _parted(table)
    return "\n\n".join(_part(table, label, columns, number, len(parts)) for number, columns in enumerate(parts))


def _parted(table: Table) -> list[range]:
    """The columns of each part, as few parts as there can be."""
    rows = [(row.name, *(cell.whole for cell in row.cells)) for _, _, rows in table.groups for row in rows]
    names, *widths = [2 + max(map(len, column)) for column in zip(table.columns, *rows, strict=True)]
    starts, used = [0], names
    for place, width in enumerate(widths):
        if used + width > _WIDE and place > starts[-1]:
            starts, used = [*starts, place], names
        used += width
    return [range(start, end) for start, end in zip(starts, [*starts[1:], len(widths)], strict=True)]


def _part(table: Table, label: str, columns: range, number: int, parts: int) -> str:
    groups = [
        [[escaped(row.name), *(escaped(row.cells[place].whole) for place in columns)] for row in rows]
        for _, _, rows in table.groups
    ]
    titles = [f"{title}, {small}" if small else title for title, small, _ in table.groups]
    head = [escaped(name) for name in (table.columns[0], *(table.columns[1 + place] for place in columns))]
    which = f" ({number + 1} of {parts})" if parts > 1 else ""
    caption = " ".join([f"{table.label}{which}.", *(table.said if not number else ()), "See the notes on the tables."])
    name = f"{label}-part-{number + 1}" if parts > 1 else label
    return _float(caption, name, head, groups, titles if len(titles) > 1 else ())


def _figure(name: str, caption: str, wide: bool) -> str:
    """A figure as wide as its text, both columns where it needs them, and never higher than a page with its caption."""
    place = "figure*" if wide else "figure"
    size = r"width=\linewidth,height=0.8\textheight,keepaspectratio"
    lines = [rf"\begin{{{place}}}", r"\centering", rf"\includegraphics[{size}]{{figures/{name}.pdf}}"]
    lines += [rf"\caption{{{escaped(caption)}}}", rf"\label{{fig:{name}}}", rf"\end{{{place}}}"]
    return "\n".join(lines)


def _float(
    caption: str, label: str, head: Sequence[str], groups: Sequence[Sequence[Sequence[str]]], titles: Sequence[str] = ()
) -> str:
    """A table; groups of rows are parted by rules, under their titles where they have any."""
    rows = [head, *(row for rows in groups for row in rows)]
    wide = sum(2 + max(map(len, map(_plain, column))) for column in zip(*rows, strict=True)) > _NARROW
    place = "table*" if wide else "table"
    lines = [rf"\begin{{{place}}}", r"\centering\footnotesize", rf"\caption{{{escaped(caption)}}}\smallskip"]
    lines += [rf"\label{{tab:{label}}}", rf"\seqbenchfit{{\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}", r"\toprule"]
    lines += [_line(head)]
    for index, rows in enumerate(groups):
        lines += [r"\midrule"] if rows else []
        lines += [rf"\multicolumn{{{len(head)}}}{{l}}{{{escaped(titles[index])}}} \\"] if titles and rows else []
        lines += [_line(row) for row in rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}}", rf"\end{{{place}}}"])


def _plain(text: str) -> str:
    """About what is seen of a text of LaTeX."""
    return re.sub(r"\\[a-z]+|[{}\\$]", "", text)


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _label(title: str) -> str:
    return "".join(c if c.isalnum() and c.isascii() else "-" for c in title.lower()).strip("-")
