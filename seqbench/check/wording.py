"""Findings as words, the same in the terminal, in Markdown and wherever else they are read."""

import math
from collections import Counter
from collections.abc import Sequence

from seqbench.check.finding import APART, Finding, Outcome
from seqbench.report.wording import DASH, MINUS, count, number, readable

FIRST = ("regressed", "inconclusive", "not run")
"""Verdicts that a screen begins with."""
MOST_ALIKE = 3
"""Counts that get a line each where one reason keeps many from being compared."""


def amount(value: float) -> str:
    """What is whole to its last digit, anything else to three.

    >>> amount(7960128.0), amount(0.25)
    ('7,960,128', '0.250')
    """
    return f"{value:,.0f}".replace("-", MINUS) if float(value).is_integer() else number(value)


def value_text(value: float | None, unit: str) -> str:
    """A value with its unit; seconds in the unit that is read.

    >>> value_text(0.0123, "s"), value_text(1234, ""), value_text(float("inf"), "steps")
    ('12.3 ms', '1,234', 'unsolved')
    """
    if value is None:
        return DASH
    if unit == "steps" and math.isinf(value):
        return "unsolved"
    if unit != "s":
        return f"{amount(value)} {unit}".rstrip()
    factor, name = next(((f, n) for f, n in ((1, "s"), (1e3, "ms"), (1e6, "µs")) if value * f >= 1), (1e9, "ns"))
    return f"{number(value * factor)} {name}"


def percent(value: float) -> str:
    """A share of change in percent, signed.

    >>> percent(0.0312), percent(float("inf"))
    ('+3.1 %', '∞')
    """
    return f"{100 * value:+.1f} %".replace("-", MINUS) if math.isfinite(value) else number(value)


def change_text(finding: Finding) -> str:
    """The change with its interval."""
    if finding.change is None:
        return DASH
    if finding.kind == "count" or finding.unit == "runs":
        return f"{'+' if finding.change > 0 else ''}{amount(finding.change)}"
    if finding.unit == "skill":
        told = [f"{value:+.3f}".replace("-", MINUS) for value in (finding.change, *(finding.interval or ()))]
    else:
        told = [percent(value) for value in (finding.change, *(finding.interval or ()))]
    bounded = finding.interval is not None and math.isfinite(finding.interval[1])
    return f"{told[0]} [{told[1]}, {told[2]}]" if bounded else told[0]


def rows(findings: Sequence[Finding]) -> list[tuple[str, ...]]:
    """Of each finding its name, base, head, change, verdict and what it says.

    The name is as ``names`` has it.
    """
    return [_row(finding, name) for finding, name in zip(findings, names(findings), strict=True)]


def names(findings: Sequence[Finding]) -> list[str]:
    """The names as they are printed: a benchmark's goes without its file, unless that leaves two with the same."""
    short = [_short(finding) for finding in findings]
    alike = Counter(short)
    return [name if alike[name] == 1 else finding.name for finding, name in zip(findings, short, strict=True)]


def _short(finding: Finding) -> str:
    return finding.name.partition("::")[2] or finding.name if finding.kind == "time" else finding.name


def _row(finding: Finding, name: str) -> tuple[str, ...]:
    base, head = (value_text(value, finding.unit) for value in (finding.base, finding.head))
    verdict = f"{finding.verdict} (advisory)" if finding.advisory else finding.verdict
    return readable(name), base, head, change_text(finding), verdict, readable(finding.says)


def shown(outcome: Outcome) -> list[Finding]:
    """What is worth a line: all but counts that are equal, and the many that cannot be compared for one reason."""
    told, alike = [], Counter[str]()
    for finding in sorted(outcome.findings, key=lambda f: f.verdict in FIRST, reverse=True):
        alike[finding.says] += _apart(finding)
        if not _equal(finding) and not (_apart(finding) and alike[finding.says] > MOST_ALIKE):
            told.append(finding)
    return told


def _apart(finding: Finding) -> bool:
    """Whether it is a count that cannot be compared."""
    return finding.kind == "count" and finding.verdict == "not comparable"


def _equal(finding: Finding) -> bool:
    """Whether it is exactly as it was: a count, or every seed bit for bit."""
    same = finding.change == 0 if finding.kind == "count" else finding.unit == "seeds"
    return finding.verdict == "fine" and same


def unshown(outcome: Outcome) -> list[str]:
    """How many lines ``shown`` leaves out, and why."""
    equal = Counter(finding.kind for finding in outcome.findings if _equal(finding))
    lines = [f"{count(equal['count'], 'count')} equal."] if equal["count"] else []
    lines += [f"{count(equal['learning'], 'cell')} trained the same, bit for bit."] if equal["learning"] else []
    alike = Counter(finding.says for finding in outcome.findings if _apart(finding))
    lines += [
        f"{number_of - MOST_ALIKE} more counts: {says}." for says, number_of in alike.items() if number_of > MOST_ALIKE
    ]
    return [readable(line) for line in lines]


def headline(outcome: Outcome) -> str:
    """One sentence: what came of it."""
    verdicts = [finding.verdict for finding in outcome.findings if not finding.advisory]
    told = [f"{verdicts.count(name)} {name}" for name in ("regressed", "accepted", "inconclusive") if name in verdicts]
    told += [f"{verdicts.count(name)} {name}" for name in ("fine", *APART) if name in verdicts]
    result = {0: "no regression", 3: "REGRESSED", 4: "inconclusive", 5: "NOT ALL COMPARED"}[outcome.exit_code]
    return f"check: {result}: {', '.join(told) or 'nothing was compared'}"
