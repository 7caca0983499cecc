"""Cost records as what was measured: one entry a cell, length and backend, with its rounds; numbers from them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from seqbench.record.record import canonical
from seqbench.record.rounds import Sample, comparable, counting, sample, taken
from seqbench.report.names import full_name, label_of, less, model_order, natural, plainest
from seqbench.schema import FINISHED, Record
from seqbench.statistics.rounds import Ratio, median_of_rounds, paired_ratio
from seqbench.statistics.seeds import Estimate, Interval

TRAINING = 3
"""Matrix products of a training step in those of its forward pass: two more for the two gradients of each."""
RATES = ("steps_per_s", "sequences_per_s", "tokens_per_s")
OLDER: Mapping[str, Any] = {"what": "step", "length": None, "backend": "auto", "twin": False}
"""What a record measured that was written before there were rounds."""


@dataclass(frozen=True, kw_only=True)
class Measured(Estimate):
    """A median over rounds; ``span``: the lowest and the highest of several that are too few for an interval."""

    span: Interval | None = None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One measurement with all its rounds, in one environment.

    Attributes:
        task, model, variant: labels. common: see ``groups.Cell``. backend, what, twin: as in ``schema.Measurement``.
        records: those that finished, by the round in which they were taken (``record.rounds``): two entries have a key
            in common where they have a pair. failed: one that did not, None where all did.
        comparable: what must be the same for two entries to stand side by side, but for length and backend.
    """

    env_id: str
    task: str
    comparable: str
    model: str
    variant: str
    common: str
    backend: str
    what: str
    twin: bool
    asked: int | None
    records: Mapping[int, Record]
    failed: Record | None

    @property
    def label(self) -> str:
        """Name of the architecture and its variant."""
        return full_name(self.model, less(self.variant, self.common))

    @property
    def name(self) -> str:
        """The label, and the backend where it is not that of training."""
        return self.label if self.backend == "auto" else f"{self.label} [{self.backend}]"

    @property
    def command(self) -> str:
        """What repeats one of the measurements, empty where none finished."""
        return self._all[0].command if self._all else ""

    @cached_property
    def _all(self) -> list[Record]:
        return [self.records[number] for number in sorted(self.records)]

    def first(self, key: str) -> Any:
        """The first value of a key of the summaries that is there."""
        return next((v for record in self._all if (v := record.summary.get(key)) is not None), None)

    def by_round(self, key: str) -> dict[int, float]:
        """Round -> value of a key of the summary: the number, or the median in it."""
        found = {number: record.summary.get(key) for number, record in self.records.items()}
        plain = {number: v.get("median") if isinstance(v, Mapping) else v for number, v in found.items()}
        return {number: float(value) for number, value in sorted(plain.items()) if value is not None}

    def positive(self, key: str) -> dict[int, float]:
        """The same without what no time, rate or size can be, for ratios and logarithms."""
        return {number: value for number, value in self.by_round(key).items() if value > 0}

    def estimate(self, key: str, scale: float = 1.0) -> Measured | None:
        """Median over rounds with its interval or their span; None where nothing was measured.

        A rate is what one training step does over the median of its time, so that the two agree: the median of an even
        number of rates is another number.
        """
        step, work = (self.estimate("step_s"), self._work(key)) if key in RATES else (None, None)
        if step and work and min((step.value, *(step.interval or step.span or ()))) > 0:
            return _over(scale * work, step)
        return _over_rounds([scale * value for value in self.by_round(key).values()])

    def _work(self, rate: str) -> float | None:
        """What a rate counts in one training step."""
        sequences = 1 if rate == "steps_per_s" else self.first("batch_size")
        steps = self.length if rate == "tokens_per_s" else 1
        return sequences * steps if sequences and steps else None

    def middle(self, key: str) -> float | None:
        """The median over rounds alone."""
        found = self.estimate(key)
        return None if found is None else found.value

    @property
    def length(self) -> int | None:
        """Time steps of a sequence."""
        return self.first("length")

    @property
    def flops(self) -> float | None:
        """FLOPs of the matrix products of one forward pass: counted where they were, else as declared."""
        counted = self.first("flops_counted")
        if counted is not None or self.first("flops_are_bound"):
            return counted
        declared, of_one = self.first("flops"), self._all[0].architecture.get("flops") if self._all else None
        size = self.first("batch_size")
        return of_one * size if declared is None and of_one and size else declared

    def share_of_gemm(self, scale: float = 1.0) -> Measured | None:
        """FLOP/s of the training step over those of a plain matrix product in the same process."""
        flops, step, rate = self.flops, self.positive("step_s"), self.positive("gemm_flops_per_s")
        return _over_rounds([scale * TRAINING * flops / step[i] / rate[i] for i in step if i in rate] if flops else [])


def _over_rounds(values: Sequence[float]) -> Measured | None:
    if not values:
        return None
    found = median_of_rounds(values)
    span = (min(values), max(values)) if found.interval is None and len(values) > 1 else None
    return Measured(value=found.value, interval=found.interval, why=found.why, span=span)


def _over(work: float, time: Measured) -> Measured:
    """A rate from an amount and a time above 0."""
    interval, span = (ends and (work / ends[1], work / ends[0]) for ends in (time.interval, time.span))
    return replace(time, value=work / time.value, interval=interval, span=span)


def entries(
    records: Iterable[Record],
    reference: str | None = None,
    common: str = "",
    numbers: Mapping[Sample, int] | None = None,
) -> list[Entry]:
    """Every measurement of the attempts that count, by environment, task, length, architecture and backend.

    What is measured by several names has the ``reference``'s where that is one, else the plainest; for ``common`` see
    ``groups.grouped``. ``numbers`` of the rounds are told from all attempts in a store, see ``rounds.taken``; without
    them these records must be all.
    Measurements by an older protocol are left out where the same cell was measured by a newer one.
    """
    every = [record for record in records if record.kind == "cost"]
    numbers = taken(every) if numbers is None else numbers
    parts: dict[tuple[str, str], list[Record]] = {}
    for record in counting(every, numbers):
        parts.setdefault((record.env_id, record.cell_id), []).append(record)
    newer = {(r.env_id, _cell(r)) for members in parts.values() for r in members if "cost" in r.config}
    kept = [m for m in parts.values() if "cost" in m[0].config or (m[0].env_id, _cell(m[0])) not in newer]
    return sorted((_entry(members, numbers, reference, common) for members in kept), key=_order)


def _cell(record: Record) -> str:
    return canonical({key: value for key, value in record.config.items() if key not in ("cost", "instruments")})


def _entry(records: Sequence[Record], numbers: Mapping[Sample, int], reference: str | None, common: str) -> Entry:
    first, own = records[0], plainest(map(label_of, records), reference)
    asked = {**OLDER, **(first.config.get("cost") or {})}
    finished = {numbers[sample(record)]: record for record in records if record.status in FINISHED}
    return Entry(
        env_id=first.env_id,
        task=label_of(first).task,
        comparable=comparable(first.config),
        model=own.model,
        variant=own.variant,
        common=common,
        backend=str(asked["backend"]),
        what=str(asked["what"]),
        twin=bool(asked["twin"]),
        asked=asked["length"],
        records=finished,
        failed=next((record for record in records if record.status not in FINISHED), None),
    )


def _order(entry: Entry) -> tuple[Any, ...]:
    place = (entry.env_id, natural(entry.task), entry.comparable, entry.length or entry.asked or 0)
    return (*place, *model_order(entry.model), natural(entry.variant), entry.backend != "auto", entry.backend)


def ratio(a: Entry, b: Entry, key: str = "step_s", other: str = "step_s") -> Ratio | None:
    """``key`` of ``a`` over the ``other`` key of ``b``, of positive values of one round each.

    None where no round holds both: what was measured at different times is no pair.
    """
    first, second = a.positive(key), b.positive(other)
    shared = sorted(first.keys() & second.keys())
    measured = _over_rounds([first[i] / second[i] for i in shared])
    if measured is None:
        return None
    return replace(paired_ratio([first[i] for i in shared], [second[i] for i in shared]), estimate=measured)


def twins(found: Sequence[Entry]) -> list[tuple[Entry, Entry, Ratio]]:
    """Each entry that was measured twice: the twin, the entry that it repeats, their ratio."""
    pairs = []
    for twin in (entry for entry in found if entry.twin):
        mates = [e for e in found if not e.twin and _identity(e) == _identity(twin)]
        if mates and (measured := ratio(twin, mates[0])):
            pairs.append((twin, mates[0], measured))
    return pairs


def _identity(entry: Entry) -> tuple[Any, ...]:
    e = entry
    return e.env_id, e.comparable, e.model, e.variant, e.backend, e.what, e.asked
