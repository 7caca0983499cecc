"""The tables of cost: what was measured, how it grows with length, what denormal numbers do."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from seqbench.report.cost_places import Place, places
from seqbench.report.cost_scaling import MEMORY, TIME, Curve, curves
from seqbench.report.cost_wording import NOT_TOLD_APART, estimate_text, interval_text, rounds_text, value_text, versus
from seqbench.report.costs import TRAINING, Entry, ratio
from seqbench.report.item import Item, Row, Table
from seqbench.report.wording import DASH, TIMES, count, number, readable, whole
from seqbench.statistics.rounds import FEWEST
from seqbench.statistics.scaling import Local
from seqbench.statistics.seeds import Estimate

Names = Mapping[str, str]
"""env_id -> short name."""


def cost_tables(entries: Sequence[Entry], names: Names) -> list[Table]:
    """Those that have something to say."""
    growth = [table for key in (TIME, MEMORY) for table in _exponents(entries, names, key)]
    made = [_measured(entries, names), *growth, _denormals(entries, names)]
    return [table for table in made if table.groups]


def where(env_id: str, task: str, names: Names) -> str:
    """A task, with its environment where there are several."""
    return f"{readable(task)} [{names[env_id]}]" if len(names) > 1 else readable(task)


def _measured(entries: Sequence[Entry], names: Names) -> Table:
    groups = [
        (
            f"{where(p.env_id, p.task, names)} · {whole(p.length)} steps{p.note}",
            _size(p),
            [_row(p, entry) for entry in p.entries],
        )
        for p in places(entries)
    ]
    lead = (
        "Medians over rounds; brackets: 99 % intervals; parentheses: the lowest and the highest of fewer than "
        f"{FEWEST} rounds. {TIMES} fastest: median of the ratios within each round, not the ratio of the medians, over "
        f"the fastest of what was measured in the same rounds. {NOT_TOLD_APART} Each column is timed on its own, so "
        "after few rounds a part may seem to take longer than the whole. Step: forward, backward, clipping and update "
        "on a batch that was made before; forward alone is without gradients. Peak: memory above what torch itself "
        "needs; of all, and of the forward pass alone. MFLOP: of the matrix products of a training step, "
        f"{TRAINING} times those of a forward pass. Of GEMM: these per second, over the rate of a product of large "
        "float32 matrices in the same process. Tokens/s: time steps of all sequences, over the median step. Streaming: "
        "one step of one sequence after all others, and the state that it carries. Data: making a batch, in percent of "
        "making it and training on it."
    )
    made = Table(label="Cost", lead=lead, columns=["architecture", *_COLUMNS], groups=groups)
    return made.without_empty(DASH)


def _size(place: Place) -> str:
    return f"{count(place.batch_size, 'sequence')} a batch" if place.batch_size else ""


_COLUMNS: dict[str, Callable[[Entry], Item]] = {
    "step, ms": lambda e: _item(e.estimate("step_s", 1e3)),
    f"{TIMES} fastest": lambda e: Item(DASH),
    "forward, ms": lambda e: _item(e.estimate("forward_s", 1e3)),
    "+ backward, ms": lambda e: _item(e.estimate("backward_s", 1e3)),
    "peak, MiB": lambda e: _item(e.estimate("peak_bytes", 2**-20)),
    "forward, MiB": lambda e: _item(e.estimate("peak_forward_bytes", 2**-20)),
    "reserved, MiB": lambda e: _item(e.estimate("reserved_bytes", 2**-20)),
    "of GEMM, %": lambda e: _item(e.share_of_gemm(100.0)),
    "MFLOP": lambda e: _number(None if e.flops is None else TRAINING * e.flops / 1e6),
    "tokens/s": lambda e: _item(e.estimate("tokens_per_s")),
    "streaming, ms": lambda e: _item(e.estimate("stream_s", 1e3)),
    "state, bytes": lambda e: _number(e.first("state_bytes"), whole),
    "energy, J": lambda e: _item(e.estimate("energy_j")),
    "parameters": lambda e: _number(e.first("parameters"), whole),
    "data, %": lambda e: _number(_data_share(e)),
    "rounds": lambda e: Item(rounds_text(e), len(e.records)),
}


def _row(place: Place, entry: Entry) -> Row:
    cells = [_versus(place, entry) if "fastest" in name else make(entry) for name, make in _COLUMNS.items()]
    return Row(readable(entry.name), cells, readable(entry.first("kernel") or ""))


def _versus(place: Place, entry: Entry) -> Item:
    value, note = versus(place, entry)
    step = entry.estimate("step_s")
    return Item(value, "" if step is None else step.value, note)


def _item(found: Estimate | None) -> Item:
    if found is None:
        return Item(DASH)
    return Item(value_text(found), found.value, interval_text(found), hint=found.why or "")


def _number(value: float | None, text: Callable[[float | None], str] = number) -> Item:
    return Item(text(value), "" if value is None else value)


def _data_share(entry: Entry) -> float | None:
    data, step = entry.estimate("data_s"), entry.estimate("step_s")
    whole_s = data.value + step.value if data and step else 0.0
    return 100 * data.value / whole_s if data and whole_s > 0 else None


_LEADS = {
    TIME: "Exponents of the time of a training step: time grows with length to the power of the number between two "
    "lengths, the median of the exponents of each round, with its interval; below it, the exponent that FLOPs predict. "
    "One law is stated only where one exponent lies in every interval.",
    MEMORY: "The same for peak memory.",
}


def _exponents(entries: Sequence[Entry], names: Names, key: str) -> list[Table]:
    """One table for all groups with the same lengths: its columns are these."""
    by_spans: dict[tuple[tuple[float, float], ...], list[tuple[str, str, list[Row]]]] = {}
    for group in curves(entries):
        rows = [(curve, found) for curve in group if (found := curve.exponents(key))]
        spans = tuple(sorted({(local.start, local.end) for _, found in rows for local in found}))
        first = group[0].first
        made = [_exponent_row(curve, found, spans, key) for curve, found in rows]
        if made:
            by_spans.setdefault(spans, []).append((where(first.env_id, first.task, names), "", made))
    return [_exponent_table(spans, groups, key, alone=len(by_spans) == 1) for spans, groups in by_spans.items()]


def _exponent_table(
    spans: Sequence[tuple[float, float]], groups: Sequence[tuple[str, str, list[Row]]], key: str, alone: bool
) -> Table:
    columns = ["architecture", *(f"{start:.0f} → {end:.0f}" for start, end in spans), "one law"]
    label = "Scaling of time" if key == TIME else "Scaling of memory"
    label += "" if alone else f", {spans[0][0]:.0f} to {spans[-1][1]:.0f} steps"
    return Table(label=label, lead=_LEADS[key], columns=columns, groups=groups)


def _exponent_row(curve: Curve, found: Sequence[Local], spans: Sequence[tuple[float, float]], key: str) -> Row:
    by_span = {(local.start, local.end): local for local in found}
    cells = [_exponent(by_span.get(span)) for span in spans]
    return Row(readable(curve.first.name), [*cells, _item(curve.law(key))])


def _exponent(local: Local | None) -> Item:
    if local is None:
        return Item(DASH)
    predicted = "" if local.predicted is None else f"FLOPs: {number(local.predicted)}"
    return Item(estimate_text(local.exponent), local.exponent.value, predicted)


def _denormals(entries: Sequence[Entry], names: Names) -> Table:
    found = places(entries, "denormals")
    groups = [
        (title, "", [_denormal_row(entry) for place in same for entry in place.entries])
        for title, same in groupby(found, key=lambda p: f"{where(p.env_id, p.task, names)} · {whole(p.length)} steps")
    ]
    lead = (
        "Numbers below 1.2e-38 are denormal, and vanishing gradients become such. Training flushes them to zero. Here "
        "every gradient that enters the architecture is one, and the training step is timed with flushing and without: "
        f"how much slower it is depends on the processor. {NOT_TOLD_APART}"
    )
    columns = ["architecture", "flushed, ms", "not flushed, ms", "ratio", "verdict", "rounds"]
    return Table(label="Denormal numbers", lead=lead, columns=columns, groups=groups)


def _denormal_row(entry: Entry) -> Row:
    found = ratio(entry, entry, "unflushed_s", "step_s")
    verdict = "" if found is None else {"longer": "slower", "shorter": "faster"}.get(found.verdict, found.verdict)
    cells = [_item(entry.estimate("step_s", 1e3)), _item(entry.estimate("unflushed_s", 1e3))]
    cells += [_item(found.estimate if found else None), Item(verdict or DASH, verdict, kind="text")]
    return Row(readable(entry.name), [*cells, Item(rounds_text(entry))], readable(entry.first("kernel") or ""))
