"""What the cost measurements say in sentences: what can be told apart, where two architectures cross, what to doubt."""

import math
from collections.abc import Sequence

from seqbench.report.cost_scaling import Curve, crossings, curves
from seqbench.report.cost_wording import interval_text, value_text
from seqbench.report.costs import Entry, twins
from seqbench.report.wording import count, listed, readable
from seqbench.statistics.rounds import FEWEST, resolution
from seqbench.statistics.scaling import Crossover

BUSY_CORES = 0.2
"""Processors kept busy by others above which a sample was not taken alone."""


def cost_sentences(entries: Sequence[Entry]) -> list[str]:
    """Rounds and resolution, doubts about the samples, backends that failed."""
    if not entries:
        return []
    return [*_rounds(entries), *_resolution(entries), *_doubts(entries), *_failures(entries)]


def crossover_sentences(entries: Sequence[Entry]) -> list[str]:
    """Where any two architectures take the same time: those that cross first, then the one-sided ones."""
    found = [
        (math.isfinite(c.length.value) and c.length.value > 0, _crossing(a, b, c))
        for group in curves(entries)
        for a, b, c in crossings(group)
    ]
    return [said for crosses, said in sorted(found, key=lambda item: not item[0])]


def _crossing(a: Curve, b: Curve, found: Crossover) -> str:
    short, long = (a, b) if found.first_is_shorter else (b, a)
    first, second = readable(short.first.label), readable(long.first.label)
    at, low, high = found.length, short.lengths[0], short.lengths[-1]
    task = readable(short.first.task)
    if math.isinf(at.value):
        bound = _bound(at.interval, f"no crossover up to {high} steps")
        return f"{task}: {first} takes less time than {second} at every length measured; {bound}."
    if at.value == 0:
        bound = _bound(at.interval, f"if they cross, below {low} steps")
        return f"{task}: {second} takes less time than {first} at every length measured; {bound}."
    return (
        f"{task}: {first} takes less time than {second} up to {at.value:,.0f} steps{_span(at.interval, low, high)}, "
        "more beyond."
    )


def _bound(interval: tuple[float, float] | None, otherwise: str) -> str:
    if interval is None or interval[0] == interval[1]:
        return otherwise
    if math.isinf(interval[1]):
        return f"the crossover is above {interval[0]:,.0f} steps"
    return f"the crossover is below {interval[1]:,.0f} steps"


def _span(interval: tuple[float, float] | None, low: int, high: int) -> str:
    if interval is None:
        return ""
    start = f"{interval[0]:,.0f}" if interval[0] > 0 else f"below {low}"
    end = f"{interval[1]:,.0f}" if math.isfinite(interval[1]) else f"above {high}"
    return f" [{start}, {end}]"


def _rounds(entries: Sequence[Entry]) -> list[str]:
    numbers = sorted({len(entry.records) for entry in entries if entry.records})
    if not numbers:
        return []
    few = numbers[0] < FEWEST
    span = count(numbers[0], "round") if numbers[0] == numbers[-1] else f"{numbers[0]} to {numbers[-1]} rounds"
    text = f"Each number is the median over {span}, a fresh process each"
    if few:
        return [f"{text}; with fewer than {FEWEST} rounds there is no interval and nothing is called equal or faster."]
    return [f"{text}, with its distribution-free 99 % interval."]


def _resolution(entries: Sequence[Entry]) -> list[str]:
    said = []
    for twin, _, measured in twins(entries):
        share = resolution(measured)
        name, where = readable(twin.name), f"{readable(twin.task)}, {twin.length} steps"
        if share is None:
            said.append(f"{name} ({where}) was measured twice in each round; too few rounds to tell the resolution.")
            continue
        told = f"The same thing measured twice, {name} ({where}): ratio {value_text(measured.estimate)} "
        told += f"{interval_text(measured.estimate)}; differences below {100 * share:.1f} % are not resolved"
        said.append(f"{told}{'' if measured.verdict == 'equal' else ', AND THE TWO DIFFER: doubt this study'}.")
    return said


def _doubts(entries: Sequence[Entry]) -> list[str]:
    summaries = [record.summary for entry in entries for record in entry.records.values()]
    busy = sum((s.get("beside_cores") or 0) > BUSY_CORES for s in summaries)
    unstable = sum(s.get("stable") is False for s in summaries)
    said = []
    if busy:
        said.append(
            f"In {busy} of {count(len(summaries), 'sample')} other processes kept more than {BUSY_CORES:g} processors "
            "busy: measure again on an idle machine."
        )
    if unstable:
        said.append(
            f"In {unstable} of {count(len(summaries), 'sample')} the warm-up ended before three windows agreed within "
            "2 %."
        )
    return said


def _failures(entries: Sequence[Entry]) -> list[str]:
    by_reason: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        if entry.failed is not None and not entry.records:
            names = by_reason.setdefault((entry.failed.status, entry.failed.reason or "no reason"), [])
            names.append(f"{readable(entry.name)} on {readable(entry.task)}")
    return [
        f"Not measured ({status}): {listed(list(dict.fromkeys(names)))}: {readable(reason)}."
        for (status, reason), names in by_reason.items()
    ]
