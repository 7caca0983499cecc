"""Numbers of cost as text, the same in the page, in Markdown and in the terminal."""

from dataclasses import replace

from seqbench.report.costs import Entry, Place, ratio
from seqbench.report.wording import DASH, number, whole
from seqbench.statistics.rounds import FEWEST
from seqbench.statistics.seeds import Estimate


def estimate_text(found: Estimate | None) -> str:
    """A median with its interval, where it has one.

    >>> estimate_text(Estimate(value=50.0, interval=(48.0, 51.0))), estimate_text(Estimate(value=1234.5))
    ('50.0 [48.0, 51.0]', '1,234')
    """
    if found is None:
        return DASH
    return f"{value_text(found)} {interval_text(found)}".rstrip()


def value_text(found: Estimate | None) -> str:
    """The value alone, to three digits, whole from 1000 on."""
    return DASH if found is None else _text(found.value)


def interval_text(found: Estimate | None) -> str:
    """The interval alone, empty where there is none."""
    if found is None or found.interval is None:
        return ""
    return f"[{_text(found.interval[0])}, {_text(found.interval[1])}]"


def _text(value: float) -> str:
    return whole(value) if 1000 <= abs(value) < 1e9 else number(value)


def scaled(found: Estimate | None, factor: float) -> Estimate | None:
    """The same in another unit."""
    if found is None:
        return None
    ends = found.interval and (factor * found.interval[0], factor * found.interval[1])
    return replace(found, value=factor * found.value, interval=ends)


def rounds_text(entry: Entry) -> str:
    """Rounds that were measured; where there is none, what became of it."""
    return str(len(entry.records)) if entry.records else entry.failed.status if entry.failed else DASH


def milliseconds(found: Estimate | None) -> str:
    """Seconds as milliseconds."""
    return estimate_text(scaled(found, 1e3))


def versus_text(place: Place, entry: Entry) -> str:
    """The time of a training step against the fastest of the place, or that they are equal."""
    value, note = versus(place, entry)
    return f"{value} {note}".rstrip()


def versus(place: Place, entry: Entry) -> tuple[str, str]:
    """The same in two parts: value, and interval or verdict."""
    if place.fastest is None or not entry.by_round("step_s"):
        return DASH, ""
    if entry is place.fastest:
        name = "fastest" if len(entry.records) >= FEWEST else number(1.0)  # of few rounds nothing is called so
        return (name, "") if len(place.entries) > 1 else (DASH, "")
    found = ratio(entry, place.fastest)
    if found is None:
        return DASH, ""
    interval = interval_text(found.estimate)
    return ("equal" if found.verdict == "equal" else value_text(found.estimate)), interval
