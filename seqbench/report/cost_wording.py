"""Numbers of cost as text, the same in the page, in Markdown and in the terminal."""

from seqbench.report.cost_places import Place
from seqbench.report.costs import Entry, Measured, ratio
from seqbench.report.wording import DASH, number, whole
from seqbench.statistics.seeds import Estimate

NOT_TOLD_APART = "Not told apart: the interval holds 1, so no difference was shown; that is no equality."


def estimate_text(found: Estimate | None) -> str:
    """A median with its interval or the span of its rounds, where it has one.

    >>> estimate_text(Estimate(value=50.0, interval=(48.0, 51.0))), estimate_text(Measured(value=50.0, span=(48, 51)))
    ('50.0 [48.0, 51.0]', '50.0 (48.0 to 51.0)')
    """
    if found is None:
        return DASH
    return f"{value_text(found)} {interval_text(found)}".rstrip()


def value_text(found: Estimate | None) -> str:
    """The value alone, to three digits, whole from 1000 on."""
    return DASH if found is None else _text(found.value)


def interval_text(found: Estimate | None) -> str:
    """The interval alone in brackets, or the span of few rounds, in parentheses as it is none; else empty."""
    if found is not None and found.interval is not None:
        return f"[{_text(found.interval[0])}, {_text(found.interval[1])}]"
    span = found.span if isinstance(found, Measured) else None
    return f"({_text(span[0])} to {_text(span[1])})" if span else ""


def _text(value: float) -> str:
    return whole(value) if 1000 <= abs(value) < 1e9 else number(value)


def rounds_text(entry: Entry) -> str:
    """Rounds that were measured; where there is none, what became of it."""
    return str(len(entry.records)) if entry.records else entry.failed.status if entry.failed else DASH


def versus_text(place: Place, entry: Entry) -> str:
    """The time of a training step against the fastest of the place, or that they are not told apart."""
    value, note = versus(place, entry)
    return f"{value} {note}".rstrip()


def versus(place: Place, entry: Entry) -> tuple[str, str]:
    """The same in two parts: value, and interval or verdict."""
    if place.fastest is None or not entry.by_round("step_s"):
        return DASH, ""
    if entry is place.fastest:
        others = [found.verdict for other in place.entries if other is not entry and (found := ratio(other, entry))]
        name = number(1.0) if "undecided" in others else "fastest"  # of few rounds nothing is called so
        return (name, "") if others else (DASH, "")
    found = ratio(entry, place.fastest)
    if found is None:
        return DASH, ""
    interval = interval_text(found.estimate)
    return (found.verdict if found.verdict == "not told apart" else value_text(found.estimate)), interval
