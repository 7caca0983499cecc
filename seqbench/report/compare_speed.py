"""The speed part of a comparison of two stores: measurements of a training step that both hold."""

from collections.abc import Mapping, Sequence

from seqbench.record.record import canonical
from seqbench.report.compared import SpeedRow, SpeedVerdict, either
from seqbench.report.costs import Entry
from seqbench.statistics.speed import ratio_of_medians


def compare_speeds(
    a: Sequence[Entry], b: Sequence[Entry], stores: tuple[str, str], names: Mapping[tuple[str, str], str]
) -> list[SpeedRow]:
    """A row for each measurement of ``a`` in each environment of ``b`` that has it; rounds of two stores are no pairs.

    ``stores`` are the names of the two, ``names`` those of their sides by (store, env_id).
    """
    return [_speed(x, y, stores, names) for x, y in _timed(a, b)]


def _timed(a: Sequence[Entry], b: Sequence[Entry]) -> list[tuple[Entry, Entry]]:
    """Entries of the same measurement of a training step in both stores."""
    found: dict[str, list[Entry]] = {}
    for entry in b:
        found.setdefault(_measurement(entry), []).append(entry)
    return [(x, y) for x in a for y in found.get(_measurement(x), []) if x.positive("step_s") and y.positive("step_s")]


def _measurement(entry: Entry) -> str:
    config = entry.records[min(entry.records)].config if entry.records else {}
    free = ("version", "learning_rate")  # which change no time; nor do the labels
    model = {key: value for key, value in (config.get("model") or {}).items() if key not in free}
    asked = [entry.backend, entry.what, entry.twin, entry.asked]
    return canonical([asked, config.get("task"), config.get("data_sha256"), config.get("train"), model])


def _speed(x: Entry, y: Entry, stores: tuple[str, str], names: Mapping[tuple[str, str], str]) -> SpeedRow:
    before, after = list(x.positive("step_s").values()), list(y.positive("step_s").values())
    ratio = ratio_of_medians(after, before)
    verdict: SpeedVerdict = "undecided"
    if ratio.interval:
        verdict = "slower" if ratio.interval[0] > 1 else "faster" if ratio.interval[1] < 1 else "equal"
    return SpeedRow(
        task=either(x.task, y.task),
        architecture=either(x.name, y.name),
        length=x.length,
        a=names[stores[0], x.env_id],
        b=names[stores[1], y.env_id],
        rounds=(len(before), len(after)),
        verdict=verdict,
        ratio=ratio,
    )
