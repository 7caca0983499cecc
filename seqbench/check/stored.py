"""Times of now against those that past sessions stored: advice until there are ten days of them, then a gate.

A machine is faster on one day than on another, by more than its processes differ on either. So the day is the unit, the
last session of each, and what a new one may take is predicted from how much days differ.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from seqbench.check import history
from seqbench.check.finding import Finding, Verdict
from seqbench.check.verdict import Design
from seqbench.report.wording import count
from seqbench.statistics.intervals import prediction_interval

ENOUGH = 10
"""Days from which on times are a gate: fewer predict so wide a range that only a disaster lies outside."""
ERROR = 0.004
"""Chance that any benchmark is called slower where nothing changed and days vary normally."""


def compare(past: Sequence[Mapping[str, Any]], now: Mapping[str, Any], design: Design) -> list[Finding]:
    """One finding a benchmark, advisory where it has fewer than ``ENOUGH`` days.

    Args:
        past: sessions of this machine, as ``history.read`` gives them.
        now: the session that is judged.
        design: the least effect, the margin and the error of bounds.
    """
    findings, level = [], ERROR / max(len(now["seconds"]), 1)
    for name, seconds in sorted(now["seconds"].items()):
        timed = [session for session in past if name in session["seconds"]]
        usual = history.alike(past, name, history.source_of(now, name))
        if timed and not usual:
            findings.append(_rewritten(name, seconds, len(days_before(now["at"], timed)) < ENOUGH))
        else:
            stored = [day[name] for day in days_before(now["at"], usual)]
            findings.append(_judged(name, stored, seconds, level, design))
    return findings


def days_before(at: str, past: Sequence[Mapping[str, Any]]) -> list[Mapping[str, float]]:
    """The seconds of the last session of each day that was over on the day of ``at``, an ISO 8601 time."""
    return list({one["at"][:10]: one["seconds"] for one in past if one["at"][:10] < at[:10]}.values())


def _rewritten(name: str, seconds: float, advisory: bool) -> Finding:
    says = "the source of the benchmark was changed: past days timed something else"
    verdict: Verdict = "not comparable"
    return Finding(kind="time", name=name, verdict=verdict, says=says, head=seconds, unit="s", advisory=advisory)


def apart(past: Sequence[Mapping[str, Any]], now: Mapping[str, Any], skipped: Mapping[str, str]) -> list[Finding]:
    """A finding for each benchmark without a time now: it is skipped, or the last session had it and it is gone.

    Args:
        past: sessions of this machine, as ``history.read`` gives them.
        now: the session that is judged; where it timed nothing, what is skipped is no advice.
        skipped: name of the benchmark -> why it was not timed.
    """
    found = [
        Finding(kind="time", name=name, verdict="not run", says=why, unit="s", advisory=bool(now["seconds"]))
        for name, why in sorted(skipped.items())
    ]
    days, last = days_before(now["at"], past), past[-1]["seconds"] if past else {}
    gone = Finding(kind="time", name="", verdict="not comparable", says="gone: the last session had it", unit="s")
    for name in sorted(last.keys() - now["seconds"].keys() - skipped.keys()):
        advisory = sum(name in day for day in days) < ENOUGH
        found.append(replace(gone, name=name, base=last[name], advisory=advisory))
    return found


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
