"""What the cost measurements say in sentences: what can be told apart, where two architectures cross, what to doubt."""

import math
from collections.abc import Sequence

from seqbench.report.cost_apart import apart_sentences
from seqbench.report.cost_scaling import Curve, crossings, curves
from seqbench.report.cost_wording import interval_text, value_text
from seqbench.report.costs import Entry, twins
from seqbench.report.wording import count, listed, readable, some
from seqbench.schema import CONTINUED
from seqbench.statistics.rounds import FEWEST, resolution
from seqbench.statistics.scaling import Crossover

BUSY_CORES = 0.2
"""Processors kept busy by others above which a sample was not taken alone."""


def cost_sentences(entries: Sequence[Entry]) -> list[str]:
    """Rounds and resolution, what was measured apart, doubts about the samples, backends that failed."""
    if not entries:
        return []
    taken = [*_rounds(entries), *_resolution(entries), *apart_sentences(entries)]
    return [*taken, *_doubts(entries), *_failures(entries)]


def cost_warnings(entries: Sequence[Entry]) -> list[str]:
    """What a table of cost alone must not hide: too few rounds, samples that are no pairs, a machine that was busy."""
    few = any(0 < len(entry.records) < FEWEST for entry in entries)
    return [*(_rounds(entries) if few else []), *apart_sentences(entries), *_doubts(entries)]


def crossover_sentences(entries: Sequence[Entry]) -> list[str]:
    """Where any two architectures take the same time: those that cross first, then the one-sided ones."""
    said: list[str] = []
    for group in curves(entries):
        task = readable(group[0].first.task)
        never: dict[str, dict[str, list[str]]] = {}
        undecided: list[str] = []
        for a, b, found in crossings(group):
            if found.length.interval is None:
                undecided.append(f"{_name(a)} and {_name(b)}")
            elif set(found.signs) in ({-1}, {1}):
                quick, slow = (a, b) if found.signs[0] < 0 else (b, a)
                order = never.setdefault(_range(a, b), {})
                order.setdefault(_name(quick), []).append(_name(slow))
            else:
                said.append(f"{task}: {(_by_length if found.changes > 1 else _crossing)(a, b, found)}.")
        for lengths, order in never.items():
            told = "; ".join(f"{quick} takes less time than {listed(slow)}" for quick, slow in order.items())
            said.append(f"{task}: at every length {lengths} {told}.")
        if undecided:
            said.append(f"{task}: not decided with fewer than {FEWEST} rounds: {some(undecided)}.")
    return said


def _name(curve: Curve) -> str:
    return readable(curve.first.label)


def _range(a: Curve, b: Curve) -> str:
    """From where to where, and which lengths in between are left out as not all of these rounds have them."""
    low, high = a.lengths[0], a.lengths[-1]
    apart = [f"{n:,}" for n in a.of if n in b.of and n not in a.lengths and low < n < high]
    but = f", but for {listed(apart)}, not measured in all of these rounds," if apart else ""
    return f"from {low} to {high} steps{but}"


def _crossing(a: Curve, b: Curve, found: Crossover) -> str:
    low, high = a.lengths[0], a.lengths[-1]
    short, long = (a, b) if found.first_is_shorter else (b, a)
    first, second = _name(short), _name(long)
    at = found.length.value
    start, end = found.length.interval or (at, at)
    if start == 0 and math.isinf(end):
        if any(found.signs):
            return f"{first} and {second}: no crossing can be told, but {_at_lengths(a, b, found)}"
        return f"{first} and {second}: no order can be told between {low} and {high} steps"
    if math.isinf(end) and (math.isinf(at) or not found.in_order):
        return f"{first} takes less time than {second} up to {start:,.0f} steps at least"
    if start == 0 and (at == 0 or not found.in_order):
        return f"{second} takes less time than {first} from {end:,.0f} steps on at the latest"
    span = f" [{f'{start:,.0f}' if start else f'below {low}'}, {f'above {high}' if math.isinf(end) else f'{end:,.0f}'}]"
    return f"{first} takes less time than {second} up to {at:,.0f} steps{span}, more beyond"


def _by_length(a: Curve, b: Curve, found: Crossover) -> str:
    """Who takes less time at which length, where no one crossing tells it."""
    return f"{_name(a)} and {_name(b)} cross more than once: {_at_lengths(a, b, found)}"


def _at_lengths(a: Curve, b: Curve, found: Crossover) -> str:
    at = {sign: [f"{n:,}" for n, one in zip(a.lengths, found.signs, strict=True) if one == sign] for sign in (-1, 0, 1)}
    told = [(_name(curve), at[sign]) for curve, sign in ((a, -1), (b, 1)) if at[sign]]
    texts = [
        f"{name} {'at' if n else 'takes less time at'} {listed(where)} steps" for n, (name, where) in enumerate(told)
    ]
    return ", ".join([*texts, *([f"not told apart at {listed(at[0])} steps"] if at[0] else [])])


def _rounds(entries: Sequence[Entry]) -> list[str]:
    numbers = sorted({len(entry.records) for entry in entries if entry.records})
    if not numbers:
        return []
    few = numbers[0] < FEWEST
    span = count(numbers[0], "round") if numbers[0] == numbers[-1] else f"{numbers[0]} to {numbers[-1]} rounds"
    text = f"Each number is the median over {span}, a fresh process each"
    if few:
        several = any(1 < number < FEWEST for number in numbers)
        instead = ", but their lowest and highest in parentheses," if several else ""
        said = f"with fewer than {FEWEST} rounds there is no interval{instead} and nothing is called faster."
        return [f"{text}; {said}"]
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
        alike = measured.verdict == "not told apart"
        said.append(f"{told}{'' if alike else ', AND THE TWO DIFFER: doubt this study'}.")
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
            status = entry.failed.status
            what = f"Not measured{' yet' if status in CONTINUED else ''} ({status})"
            names = by_reason.setdefault((what, entry.failed.reason or "no reason"), [])
            names.append(f"{readable(entry.name)} on {readable(entry.task)}")
    return [
        f"{what}: {listed(list(dict.fromkeys(names)))}: {readable(reason)}."
        for (what, reason), names in by_reason.items()
    ]
