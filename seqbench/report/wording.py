"""Numbers and verdicts as text, the same in the page, in Markdown and in the terminal."""

import math
from collections.abc import Iterable, Sequence

from seqbench.report.row import VerdictRow
from seqbench.statistics.intervals import fewest_of_median
from seqbench.statistics.seeds import Interval
from seqbench.statistics.verdict import MEANINGFUL, Comparison

NAMED = 4
"""Architectures, tasks or pairs that one sentence names; it counts the others."""
DASH, MINUS, TIMES = "\N{EN DASH}", "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"


def number(value: float | None, digits: int = 3) -> str:
    """A number with ``digits`` significant digits, thousands grouped.

    >>> number(0.99951), number(12345.6), number(2.5e-7), number(0.0123)
    ('1.00', '12,346', '2.5e-7', '0.0123')
    """
    if value is None or not math.isfinite(value):
        return DASH if value is None else "∞" if value > 0 else f"{MINUS}∞" if value < 0 else "not a number"
    size = abs(value)
    if size == 0:
        return "0"
    if size < 1e-4:
        mantissa, exponent = f"{value:.{max(digits - 2, 0)}e}".split("e")
        return f"{mantissa}e{int(exponent)}".replace("-", MINUS, 1) if value < 0 else f"{mantissa}e{int(exponent)}"
    if size >= 1e9:
        return f"{value:.{digits - 1}e}"
    places = max(0, digits - 1 - math.floor(math.log10(float(f"{size:.{digits - 1}e}"))))
    return f"{value:,.{places}f}".replace("-", MINUS)


def score_text(value: float | None) -> str:
    """A score: three places from 0.1 on, as accuracies are read; three digits below.

    >>> score_text(0.9996), score_text(1.0), score_text(0.000123)
    ('1.000', '1.000', '0.000123')
    """
    return f"{value:.3f}".replace("-", MINUS) if value is not None and 0.1 <= abs(value) < 100 else number(value)


def signed_text(value: float) -> str:
    """A difference of scores with its sign, to three digits.

    >>> signed_text(0.25), signed_text(-0.00123) == f"{MINUS}0.00123", signed_text(0.0)
    ('+0.250', True, '0')
    """
    return f"+{number(value)}" if value > 0 else number(value)


def half_width_text(interval: Interval | None, around: float | None) -> str:
    """How far an interval reaches from the score in it, with that score's places; empty where there is none.

    One that was cut at a limit of the score reaches less far on that side: the other one is told.

    >>> half_width_text((0.9, 1.0), 0.96)
    ' ± 0.060'
    """
    if interval is None or around is None:
        return ""
    half = max(interval[1] - around, around - interval[0])
    return f" ± {half:.3f}" if 0.1 <= abs(around) < 100 else f" ± {number(half, 2)}"


def skill_text(value: float | None) -> str:
    """Normalised skill to two places.

    >>> skill_text(0.999), skill_text(-0.0004)
    ('1.00', '0.00')
    """
    return DASH if value is None else f"{value + 0.0:.2f}".replace("-0.00", "0.00").replace("-", MINUS)


def skill_interval_text(row: VerdictRow) -> str:
    """Interval of the skill, empty where there is none."""
    return skills_text(row.skill_interval)


def scored_text(row: VerdictRow) -> str:
    """Of how many runs a mean skill is, where some left none: it is a mean of survivors then; else empty."""
    there = sum(skill is not None for skill in row.skills)
    return "" if there == len(row.skills) else f"({there} of {count(len(row.skills), 'run')})"


def skills_text(interval: Interval | None) -> str:
    """An interval of normalised skills in brackets, empty where there is none.

    >>> skills_text((-0.004, 0.75)), skills_text(None)
    ('[0.00, 0.75]', '')
    """
    return "" if interval is None else f"[{skill_text(interval[0])}, {skill_text(interval[1])}]"


def interval_text(interval: Interval | None) -> str:
    """An interval in brackets, empty where there is none.

    >>> interval_text((0.5, 0.75)), interval_text(None)
    ('[0.500, 0.750]', '')
    """
    return "" if interval is None else f"[{score_text(interval[0])}, {score_text(interval[1])}]"


def whole(value: float | None) -> str:
    """A count with thousands grouped."""
    return DASH if value is None else f"{value:,.0f}"


def steps_text(row: VerdictRow) -> str:
    """Median steps to solve; an infinite median is more than the budget."""
    if row.summary is None or row.summary.median_steps is None:
        return DASH
    return _steps(row.summary.median_steps, row.budget)


def steps_interval_text(row: VerdictRow) -> str:
    """Interval of the median steps, empty where there is none."""
    interval = row.summary.median_interval if row.summary else None
    return f"[{_steps(interval[0], row.budget)}, {_steps(interval[1], row.budget)}]" if interval else ""


def median_note(rows: Iterable[VerdictRow]) -> str:
    """That medians of so few runs have no interval, for the notes of a table that holds such; else empty."""
    bare = any(row.summary and row.summary.median_steps is not None and not row.summary.median_interval for row in rows)
    return f"Medians of fewer than {fewest_of_median()} runs have no interval." if bare else ""


def _steps(steps: float, budget: int | None) -> str:
    if math.isfinite(steps):
        return whole(steps)
    return f"> {whole(budget)}" if budget else "∞"


def solved_text(row: VerdictRow) -> str:
    """Runs that solved, of all: "4/5"; a dash where the task has no notion of solved."""
    if row.summary is None or row.summary.solved is None:
        return DASH
    return f"{row.summary.solved}/{row.summary.runs}"


def rate_interval_text(row: VerdictRow) -> str:
    """The mid-p interval of the solve rate, empty where there is none."""
    interval = row.summary.rate_interval if row.summary else None
    return f"[{interval[0]:.2f}, {interval[1]:.2f}]" if interval else ""


def comparison_text(row: VerdictRow) -> str:
    """The verdict against the reference in words."""
    if row.comparison is None:
        return "reference" if row.is_reference else DASH
    return decision_text(row.comparison)


def decision_text(found: Comparison, apart: bool = False) -> str:
    """A verdict with its p, or what one would take; see ``verdict_text``.

    >>> decision_text(Comparison(verdict="worse", probability=0.3, p=0.0186))
    'worse by little (p = 0.019)'
    """
    if found.verdict == "unreachable":  # it may be the reference that has too few seeds
        takes = f", takes {found.seeds_needed} seeds against {found.seeds_needed}" if found.seeds_needed else ""
        return f"no verdict reachable{takes}"
    p = "p < 0.001" if (found.p or 0) < 0.001 else f"p = {found.p:.3f}"
    if found.verdict == "undecided":
        return f"undecided{LOW_POWER if found.low_power else ''} ({p})"
    return f"{verdict_text(found, apart)} ({p})"


def verdict_text(found: Comparison, apart: bool = False) -> str:
    """A verdict, "by little" where a run of the one beats one of the other hardly more often than the other way.

    Over several tasks that may hide that on some of them they are far ``apart``: "in the mean" then.
    """
    little = found.verdict in ("better", "worse") and not found.meaningful
    return found.verdict + ((" in the mean" if apart else " by little") if little else "")


LOW_POWER = " at low power"
STUDENT = (
    "Student's interval of a mean covers less than 95 % where scores are skewed and seeds few; there is none where "
    "only some runs solve, whose scores may form two groups, nor where all are equal."
)
SKILL = (
    f"Skill: (baseline {MINUS} loss) / (baseline {MINUS} floor), 0 being that trivial baseline and 1 a perfect model; "
    "of a classification the loss is the cross-entropy, so that skill and score may order architectures differently."
)
BEYOND = (
    "Scores beyond the threshold for solved, where training ends, are equal to a verdict; a run that ended there and "
    "is not solved comes right after them."
)
"""Said wherever verdicts are: a table shows such scores apart."""


def comparison_note(reference: str) -> str:
    """Which test the verdicts against the reference come from, for tables that stand without the page's notes."""
    return (
        f"Against {reference}: exact two-sided rank-sum test, p adjusted after Holm over the architectures of the task "
        "that are compared with it; better and worse take an interval of the chance to beat a run of it that excludes "
        f"1/2, too; by little: that chance is below {MEANINGFUL:g}, or above {1 - MEANINGFUL:g} where it is worse. "
        f"{BEYOND}"
    )


def improvement_text(row: VerdictRow) -> str:
    """Probability that a run beats one of the reference, with its interval."""
    found = row.comparison
    if found is None or found.probability is None or found.interval is None:
        return ""
    return f"P(beats) {found.probability:.2f} [{found.interval[0]:.2f}, {found.interval[1]:.2f}]"


def readable(text: object) -> str:
    r"""Text of somebody else's without what breaks a terminal, XML or UTF-8: control characters, lone surrogates.

    >>> readable("a\x1b[31mb")
    'a?[31mb'
    """
    text = str(text)
    return text if text.isprintable() else "".join(c if c.isprintable() else " " if c in "\n\t" else "?" for c in text)


def count(number_of: int, noun: str) -> str:
    """A number with its noun.

    >>> count(1, "run"), count(3, "run")
    ('1 run', '3 runs')
    """
    return f"{number_of:,} {noun}" if number_of == 1 else f"{number_of:,} {noun}s"


def listed(names: list[str]) -> str:
    """Names in a sentence.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def some(names: Sequence[str], most: int = NAMED) -> str:
    """The first ``most`` names in a sentence, and how many more there are.

    >>> some(["a", "b"]), some(["a", "b", "c", "d", "e", "f"])
    ('a and b', 'a, b, c, d and 2 more')
    """
    kept = list(names[:most])
    return listed([*kept, f"{len(names) - most} more"] if len(names) > most else kept)
