"""``report.tex``: the tables of a report, ready for a paper, and its figures where they are written beside it."""

from collections.abc import Sequence

from seqbench.report.captions import CAPTIONS, COST_CAPTIONS
from seqbench.report.content import Content
from seqbench.report.item import Table
from seqbench.report.row import VerdictRow
from seqbench.report.sections import Section
from seqbench.report.wording import (
    DASH,
    MINUS,
    SKILL,
    STUDENT,
    TIMES,
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


def latex(content: Content) -> str:
    """One table a task, then the tables over tasks, those of cost and figures; each a float with caption and label.

    Brackets are 95 % intervals over seeds, those of cost 99 % over rounds; n is the number of runs.
    """
    packages = "booktabs,graphicx" if content.prints else "booktabs"
    parts = [f"% Written by seqbench. Needs \\usepackage{{{packages}}}; encoding UTF-8."]
    parts += [_section(section, content.reference, number) for number, section in enumerate(content.sections, 1)]
    parts += [_generic(content.dependency, "dependency")] if content.dependency else []
    parts += [_generic(table, f"{_label(table.label)}-{i}") for i, table in enumerate(content.tables, 1)]
    parts += [_generic(table, f"cost-{number}") for number, table in enumerate(content.cost_tables, 1)]
    captions = {name: f"{title}. {text}" for name, title, text in (*CAPTIONS, *COST_CAPTIONS)}
    parts += [_figure(name, captions[name], printed.wide) for name, printed in content.prints.items()]
    return "\n\n".join(parts) + "\n"


def escaped(text: object) -> str:
    r"""Text of the data with nothing in it that LaTeX obeys.

    >>> escaped("copy_10 at 5 % & more")
    'copy\\_10 at 5 \\% \\& more'
    """
    return readable(text).translate(_SPECIAL)


def _section(section: Section, reference: str | None, number: int) -> str:
    reference = section.compared_with(reference)
    head = ["architecture", "score", "skill", "solved", "$n$", "steps to solve", "parameters"]
    head += [f"against {escaped(reference)}"] if reference else []
    models = [_row(row, reference) for row in section.rows if row.kind == "model"]
    trivial = [_row(row, reference) for row in section.rows if row.kind == "baseline"]
    note = "Steps to solve: median, unsolved runs counting as infinite."
    if any("[" in cell for row in (*models, *trivial) for cell in row[1:]):
        note = f"Brackets: 95 % intervals over seeds. {STUDENT} {note}"
    note = f"{note} {median_note(section.rows)}".rstrip()
    note += f" {SKILL}" if any(row.skill is not None for row in section.rows) else ""
    note += f" {comparison_note(reference)}" if reference else ""
    remarks = "".join(f" {row.label}: {'; '.join(row.remarks)}." for row in section.rows if row.remarks)
    caption = f"{section.title}: {section.subtitle}. {note}{remarks}"
    return _float(caption, f"task-{number}", head, [models, trivial])


def _row(row: VerdictRow, reference: str | None) -> list[str]:
    name = rf"\emph{{{escaped(row.label)}}}" if row.kind == "baseline" else escaped(row.label)
    texts = [f"{score_text(row.score)} {interval_text(row.summary.interval if row.summary else None)}"]
    texts += [f"{skill_text(row.skill)} {skill_interval_text(row)}", f"{solved_text(row)} {rate_interval_text(row)}"]
    texts += [str(len(row.scores)) if row.kind == "model" else DASH]
    texts += [f"{steps_text(row)} {steps_interval_text(row)}", whole(row.parameters)]
    texts += [comparison_text(row)] if reference else []
    return [name, *(escaped(text.strip()) for text in texts)]


def _generic(table: Table, label: str) -> str:
    groups = [
        [[escaped(row.name), *(escaped(cell.whole) for cell in row.cells)] for row in rows]
        for _, _, rows in table.groups
    ]
    titles = [f"{title}, {small}" if small else title for title, small, _ in table.groups]
    columns = [escaped(name) for name in table.columns]
    caption = " ".join([f"{table.label}.", *table.said, table.lead])
    return _float(caption, label, columns, groups, titles if len(titles) > 1 else ())


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
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{escaped(caption)}}}", rf"\label{{tab:{label}}}"]
    lines += [rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}", r"\toprule", _line(head)]
    for index, rows in enumerate(groups):
        lines += [r"\midrule"] if rows else []
        lines += [rf"\multicolumn{{{len(head)}}}{{l}}{{{escaped(titles[index])}}} \\"] if titles and rows else []
        lines += [_line(row) for row in rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"])


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _label(title: str) -> str:
    return "".join(c if c.isalnum() and c.isascii() else "-" for c in title.lower()).strip("-")
