"""Cost against length: curves of one architecture, their exponents, where two of them cross."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from seqbench.report.costs import Entry
from seqbench.statistics.rounds import FEWEST
from seqbench.statistics.scaling import Crossover, Local, crossover, local_exponents, power_law
from seqbench.statistics.seeds import Estimate

TIME, MEMORY = "step_s", "peak_bytes"


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One architecture on one backend at two lengths or more, shortest first; ``of``: lengths of what it is part of."""

    entries: tuple[Entry, ...]
    of: tuple[int, ...] = ()

    @property
    def first(self) -> Entry:
        """The entry at the shortest length, for what all have in common."""
        return self.entries[0]

    @property
    def lengths(self) -> tuple[int, ...]:
        """Time steps."""
        return tuple(map(_steps, self.entries))

    def at(self, lengths: Sequence[int]) -> "Curve":
        """The part at these lengths."""
        part = tuple(entry for entry in self.entries if _steps(entry) in lengths)
        return Curve(entries=part, of=self.of or self.lengths)

    def flops(self) -> list[float] | None:
        """Predicted cost at each length, None where one is unknown."""
        found = [entry.flops for entry in self.entries]
        known = [float(value) for value in found if value and value > 0]
        return known if len(known) == len(found) else None

    def rounds(self, key: str) -> list[int]:
        """The rounds in which every length was measured."""
        values = [entry.positive(key).keys() for entry in self.entries]
        return sorted(set.intersection(*map(set, values)))

    def matrix(self, key: str, rounds: Sequence[int]) -> list[list[float]]:
        """Values (rounds, lengths)."""
        by_length = [entry.positive(key) for entry in self.entries]
        return [[values[number] for values in by_length] for number in rounds]

    def exponents(self, key: str) -> list[Local]:
        """Local exponents, with those that FLOPs predict for the time; none where no round holds two lengths."""
        part = self.at(_together([self], key))
        if len(part.lengths) < 2:
            return []
        predicted = part.flops() if key == TIME else None
        return local_exponents(part.lengths, part.matrix(key, part.rounds(key)), predicted)

    def law(self, key: str) -> Estimate | None:
        """The exponent of the one power law, None where none holds."""
        part = self.at(_together([self], key))
        return power_law(part.lengths, part.matrix(key, part.rounds(key))) if len(part.lengths) > 1 else None


def curves(entries: Sequence[Entry]) -> list[list[Curve]]:
    """Curves by what is comparable, one list a task and environment."""
    parts: dict[tuple[str, str], dict[tuple[str, str, str], list[Entry]]] = {}
    for entry in entries:
        if entry.what == "step" and not entry.twin and entry.records and _steps(entry):
            lines = parts.setdefault((entry.env_id, entry.comparable), {})
            lines.setdefault((entry.model, entry.variant, entry.backend), []).append(entry)
    found = [[_curve(line) for line in lines.values() if len(set(map(_steps, line))) > 1] for lines in parts.values()]
    return [group for group in found if group]


def _curve(entries: Sequence[Entry]) -> Curve:
    by_length = {_steps(entry): entry for entry in entries}
    return Curve(entries=tuple(by_length[length] for length in sorted(by_length)))


def _steps(entry: Entry) -> int:
    """Whole time steps, 0 where the record names no length that a sequence can have."""
    return max(0, int(entry.length or 0))


def crossings(group: Sequence[Curve]) -> list[tuple[Curve, Curve, Crossover]]:
    """Every two architectures of a group on the backend of training, and where their training steps cross.

    Of both, the part at the lengths at which both were measured together.
    """
    found = []
    for one, other in combinations([curve for curve in group if curve.first.backend == "auto"], 2):
        shared = _together([one, other], TIME)
        if len(shared) < 2:
            continue
        a, b = one.at(shared), other.at(shared)
        rounds = sorted(set(a.rounds(TIME)) & set(b.rounds(TIME)))
        found.append((a, b, crossover(shared, a.matrix(TIME, rounds), b.matrix(TIME, rounds))))
    return found


def _together(curves: Sequence[Curve], key: str) -> tuple[int, ...]:
    """Lengths at which all curves were measured in the same rounds: the most with rounds enough for an interval.

    Where none has so many, simply the most; of as many, those of the most rounds. A round counts for the lengths that
    it has in common with another one, so that a study that is being extended shows what it has shown before.
    """
    held: dict[int, list[int]] = {}
    for length in sorted(set.intersection(*(set(curve.lengths) for curve in curves))):
        rounds = [set(entry.positive(key)) for curve in curves for entry in curve.at([length]).entries]
        for number in set.intersection(*rounds):
            held.setdefault(number, []).append(length)
    often = Counter(map(tuple, held.values()))
    shared = {tuple(n for n in one if n in other) for one in often for other in often}
    rounds = {lengths: sum(often[held] for held in often if {*lengths} <= {*held}) for lengths in shared}
    enough = {lengths for lengths in shared if len(lengths) > 1 and rounds[lengths] >= FEWEST}
    return max(enough or shared, key=lambda lengths: (len(lengths), rounds[lengths], lengths), default=())
