"""Times of now against those that past sessions stored: advice until there are ten days of them, then a gate.

A machine is faster on one day than on another, by more than its processes differ on either. So the day is the unit, the
last session of each, and what a new one may take is predicted from how much days differ.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from seqbench.check.finding import Finding, Verdict
from seqbench.check.verdict import Design
from seqbench.report.wording import count
from seqbench.statistics.intervals import prediction_interval

ENOUGH = 10
"""Days from which on times are a gate: fewer predict so wide a range that only a disaster lies outside."""
ERROR = 0.004
"""Chance that any benchmark is called slower where nothing changed and days vary normally."""


def compare(past: Sequence[Mapping[str, Any]], seconds: Mapping[str, float], design: Design) -> list[Finding]:
    """One finding a benchmark, advisory where it has fewer than ``ENOUGH`` days.

    Args:
        past: sessions of this machine, as ``history.read`` gives them.
        seconds: name of the benchmark -> seconds of a call now.
        design: the least effect, the margin and the error of bounds.
    """
    days = by_day(past)
    stored = {name: [day[name] for day in days.values() if name in day] for name in seconds}
    return [_judged(name, stored[name], now, ERROR / len(seconds), design) for name, now in sorted(seconds.items())]


def apart(past: Sequence[Mapping[str, Any]], seconds: Mapping[str, float], skipped: Mapping[str, str]) -> list[Finding]:
    """A finding for each benchmark without a time now: it is skipped, or the last session had it and it is gone.

    Args:
        past: sessions of this machine, as ``history.read`` gives them.
        seconds: of what was timed now; where nothing was, what is skipped is no advice.
        skipped: name of the benchmark -> why it was not timed.
    """
    found = [
        Finding(kind="time", name=name, verdict="not run", says=why, unit="s", advisory=bool(seconds))
        for name, why in sorted(skipped.items())
    ]
    days, last = by_day(past), past[-1]["seconds"] if past else {}
    gone = Finding(kind="time", name="", verdict="not comparable", says="gone: the last session had it", unit="s")
    for name in sorted(last.keys() - seconds.keys() - skipped.keys()):
        advisory = sum(name in day for day in days.values()) < ENOUGH
        found.append(replace(gone, name=name, base=last[name], advisory=advisory))
    return found


def by_day(past: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, float]]:
    """The seconds of the last session of each day."""
    return {session["at"][:10]: session["seconds"] for session in past}


def _judged(name: str, stored: Sequence[float], now: float, level: float, design: Design) -> Finding:
    advice = f"; advice: {count(len(stored), 'day')} of history, a gate has {ENOUGH}" if len(stored) < ENOUGH else ""
    values, verdict, says, interval = np.log(stored), "inconclusive", "too few days", None
    base = math.exp(values.mean()) if stored else None
    if len(stored) > 1:
        low, high = (now / math.exp(bound) - 1 for bound in prediction_interval(values, design.bound_error)[::-1])
        beyond = math.log(now) > prediction_interval(values, level)[1]
        verdict, says = _verdict(beyond and now / math.exp(values.mean()) - 1 >= design.least_effect, high, design)
        interval = (low, high)
    return Finding(
        kind="time",
        name=name,
        verdict=verdict,
        says=says + advice,
        base=base,
        head=now,
        unit="s",
        change=None if base is None else now / base - 1,
        interval=interval,
        advisory=bool(advice),
    )


def _verdict(slower: bool, high: float, design: Design) -> tuple[Verdict, str]:
    if slower:
        return "regressed", "slower than past days explain"
    if high > design.margin:
        return "inconclusive", f"may be slower by {100 * high:.1f} %"
    return "fine", f"not slower than {100 * max(high, 0.0):.1f} %"
