"""What may stand side by side: measurements of one task and length that were taken in the same rounds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from seqbench.report.costs import Entry


@dataclass(frozen=True, kw_only=True)
class Place:
    """Entries that may stand side by side: one task, training, environment and length, of one ``what``, in one go.

    Attributes:
        apart: whether others of the same task and length, which stand before, were measured in other rounds.
    """

    env_id: str
    task: str
    length: int | None
    batch_size: int | None
    entries: tuple[Entry, ...]
    apart: bool = False

    @cached_property
    def fastest(self) -> Entry | None:
        """The entry with the smallest median time of a training step."""
        timed = [(found.value, i) for i, e in enumerate(self.entries) if (found := e.estimate("step_s"))]
        return self.entries[min(timed)[1]] if timed else None

    @property
    def note(self) -> str:
        """What follows the name of the place."""
        return ", measured apart" if self.apart else ""


def places(found: Iterable[Entry], what: str = "step") -> list[Place]:
    """Entries of one ``what`` by where they may be compared; twins are left out."""
    parts: dict[tuple[Any, ...], list[Entry]] = {}
    for entry in found:
        if entry.what == what and not entry.twin:
            parts.setdefault((entry.env_id, entry.comparable, entry.asked), []).append(entry)
    return [
        Place(
            env_id=members[0].env_id,
            task=members[0].task,
            length=next((e.length for e in members if e.length), members[0].asked),
            batch_size=next((size for e in members if (size := e.first("batch_size"))), None),
            entries=tuple(same),
            apart=position > 0,
        )
        for members in parts.values()
        for position, same in enumerate(together(members))
    ]


def together(members: Sequence[Entry]) -> list[list[Entry]]:
    """Entries by the rounds in which they were taken: two have one in common, or each one with others between them.

    What failed in every round stands with the first.
    """
    groups: list[tuple[set[int], list[Entry]]] = []
    for entry in (entry for entry in members if entry.records):
        own = {*entry.records}
        met = [group for group in groups if group[0] & own]
        groups = [group for group in groups if not group[0] & own]
        groups.append((own.union(*(group[0] for group in met)), [*(e for group in met for e in group[1]), entry]))
    place = {id(entry): number for number, entry in enumerate(members)}
    sets = sorted(([place[id(e)] for e in same] for _, same in groups), key=min) or [[]]
    sets[0] += [place[id(entry)] for entry in members if not entry.records]
    return [[members[number] for number in sorted(numbers)] for numbers in sets]
