"""The speed part of a comparison of two stores: measurements of a training step that both hold."""

from collections.abc import Mapping, Sequence

from seqbench.record.record import canonical
from seqbench.report.compared import SpeedRow, SpeedVerdict, either
from seqbench.report.costs import Entry
from seqbench.statistics.rounds import FEWEST, LEVEL
from seqbench.statistics.speed import DRIFT, ratio_of_times


def compare_speeds(
    a: Sequence[Entry], b: Sequence[Entry], stores: tuple[str, str], names: Mapping[tuple[str, str], str]
) -> list[SpeedRow]:
    """A row for each training step of ``a`` in each environment of ``b`` that has it; rounds of two are no pairs.

    What the same records hold beside it is left out: the step on denormal numbers, another quantity, and the twin, the
    same one measured again to tell the resolution. The intervals hold together at the level of one: those that there
    can be share its error equally.
    ``stores`` are the names of the two, ``names`` those of their sides by (store, env_id).
    """
    timed = _timed(a, b)
    family = sum(min(len(x.positive("step_s")), len(y.positive("step_s"))) >= FEWEST for x, y in timed)
    return [_speed(x, y, stores, names, 1 - (1 - LEVEL) / max(1, family)) for x, y in timed]


def _timed(a: Sequence[Entry], b: Sequence[Entry]) -> list[tuple[Entry, Entry]]:
    """Entries of the same measurement of a training step in both stores."""
    found: dict[str, list[Entry]] = {}
    for entry in _steps(b):
        found.setdefault(_measurement(entry), []).append(entry)
    return [(x, y) for x in _steps(a) for y in found.get(_measurement(x), [])]


def _steps(entries: Sequence[Entry]) -> list[Entry]:
    return [e for e in entries if e.what == "step" and not e.twin and e.positive("step_s")]


def _measurement(entry: Entry) -> str:
    config = entry.records[min(entry.records)].config if entry.records else {}
    free = ("version", "learning_rate")  # which change no time; nor do the labels
    model = {key: value for key, value in (config.get("model") or {}).items() if key not in free}
    asked = [entry.backend, entry.asked]
    return canonical([asked, config.get("task"), config.get("data_sha256"), config.get("train"), model])


def _speed(x: Entry, y: Entry, stores: tuple[str, str], names: Mapping[tuple[str, str], str], level: float) -> SpeedRow:
    before, after = list(x.positive("step_s").values()), list(y.positive("step_s").values())
    ratio = ratio_of_times(after, before, level)
    verdict: SpeedVerdict = "undecided"
    if ratio.interval:
        low, high = ratio.interval
        verdict = "slower" if low > DRIFT else "faster" if high < 1 / DRIFT else "not told apart"
    return SpeedRow(
        task=either(x.task, y.task),
        architecture=either(x.name, y.name),
        length=x.length,
        a=names[stores[0], x.env_id],
        b=names[stores[1], y.env_id],
        rounds=(len(before), len(after)),
        verdict=verdict,
        ratio=ratio,
        level=level,
    )
