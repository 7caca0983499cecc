"""The words ``lengths`` and ``bisect``: a task at several lengths, and at more where its results call for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from seqbench.config.composer import Composed
from seqbench.config.words import Word, render
from seqbench.schema import LENGTH_KEYS, UsageError, length_key, require

FEWEST = 3
"""Lengths below which no curve can be told."""
MAX_LENGTH = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """The lengths of a study.

    Attributes:
        values: rising, in the unit of each task; None where each task has the length of its configuration.
        ratio: how close bisection brings two lengths; None without it.
        keys: task choice -> dotted key that holds its length.
    """

    values: tuple[int, ...] | None
    ratio: float | None
    keys: Mapping[str, str]

    @classmethod
    def read(
        cls, settings: Mapping[str, Any], words: Mapping[str, Word], nodes: Sequence[tuple[Composed, Composed]]
    ) -> "Lengths":
        """The lengths that the settings ask for.

        Raises:
            UsageError: they are no lengths, a task has none, or its length is set twice.
        """
        values, ratio = settings["lengths"], settings["bisect"]
        if values is None:
            require(ratio is None, "bisect", "null where no lengths=[...] are given", ratio)
            return cls(values=None, ratio=None, keys={})
        _check_values(values)
        require(ratio is None or ratio > 1, "bisect", "above 1, a ratio of two lengths, or null for none", ratio)
        keys = {bare.choices["task"]: _key(bare) for _, bare in nodes}
        for key in keys.values():
            if key in words:
                raise UsageError(f"a length must be set once; lengths sets {key} and so does {key}=. Remove one.")
        return cls(values=tuple(values), ratio=ratio, keys=keys)

    def words(self) -> dict[str, Word]:
        """Key -> word: as if each length had been written out."""
        return {key: Word(key=key, values=self.values or (), origin=" (of lengths)") for key in self.keys.values()}

    def of(self, task: str) -> list[dict[str, Any]]:
        """What each length changes in the configuration of a task choice."""
        return [{}] if self.values is None else [{self.keys[task]: length} for length in self.values]


def _check_values(values: Sequence[Any]) -> None:
    shown = render(values)[:80]
    whole = all(type(value) is int and 1 <= value <= MAX_LENGTH for value in values)
    require(whole, "lengths", f"whole numbers from 1 to {MAX_LENGTH}", shown)
    require(len(values) >= FEWEST, "lengths", f"at least {FEWEST} lengths, e.g. [10,20,40], or null", shown)
    require(all(a < b for a, b in pairwise(values)), "lengths", "rising", shown)


def _key(bare: Composed) -> str:
    key = length_key(bare.config["task"])
    if key is None:
        raise UsageError(
            f"lengths needs a task with a dependency to be long: one of the keys {' or '.join(LENGTH_KEYS)}, a whole "
            f"number; task={bare.choices['task']} has none. Choose another task, e.g. copy_memory or adding_problem."
        )
    return f"task.{key}"
