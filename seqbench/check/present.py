"""An outcome as one screen, as Markdown for a pull request, and as a JSON document."""

import io
import json
import math
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqbench.check.finding import BUSY_MACHINE, Outcome
from seqbench.check.wording import headline, rows, shown, unshown
from seqbench.report.markdown import escaped
from seqbench.report.wording import readable

TITLES = ("name", "base", "head", "change", "verdict", "")
PLAIN_WIDTH = 120
STYLES = {
    "regressed": "bold red",
    "accepted": "yellow",
    "inconclusive": "yellow",
    "not comparable": "dim",
    "not run": "yellow",
    "fine": "",
}


def screen(outcome: Outcome, console: Console) -> None:
    """Print the table, what else is to be known, and one sentence. Names are printed as they are: no markup in them."""
    findings = shown(outcome)
    if findings:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for index, title in enumerate(TITLES):
            numeric = index in (1, 2, 3)
            table.add_column(
                title, justify="right" if numeric else "left", no_wrap=numeric or title == "verdict", overflow="fold"
            )
        for finding, cells in zip(findings, rows(findings), strict=True):
            table.add_row(*map(Text, cells), style=STYLES[finding.verdict])
        console.print(table)
    for line in lines(outcome):
        console.print(Text(line))
    console.print(Text(headline(outcome), style="bold"))


def text(outcome: Outcome) -> str:
    """The screen as plain text, for a file."""
    page = Console(file=io.StringIO(), width=PLAIN_WIDTH, color_system=None)
    screen(outcome, page)
    return page.file.getvalue()  # type: ignore[attr-defined]


def lines(outcome: Outcome) -> list[str]:
    """What stands below the table."""
    told = [f"base: {outcome.base}; head: {outcome.head}", *unshown(outcome), *outcome.notes]
    verdicts = {finding.verdict for finding in outcome.findings}
    if verdicts & {"regressed", "inconclusive"}:
        causes = [one for one in outcome.causes if "inconclusive" in verdicts or not one.startswith(BUSY_MACHINE)]
        told += [f"likely cause: {cause}" for cause in causes]
    return [readable(line) for line in told]


def markdown(outcome: Outcome) -> str:
    """The same for a comment on a pull request."""
    parts = [f"### {headline(outcome)}", ""]
    findings = shown(outcome)
    if findings:
        parts += [
            "| " + " | ".join(TITLES[:-1]) + " | says |",
            "|---|---:|---:|---:|---|---|",
            *("| " + " | ".join(map(escaped, cells)) + " |" for cells in rows(findings)),
            "",
        ]
    parts += [f"- {escaped(line)}" for line in lines(outcome)]
    return "\n".join(parts) + "\n"


def document(outcome: Outcome) -> str:
    """Strict JSON: everything that was found, the raw measurements included; what is not finite is null."""
    content = asdict(outcome) | {"exit_code": outcome.exit_code, "format": 1}
    return json.dumps(_finite(content), indent=1, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
