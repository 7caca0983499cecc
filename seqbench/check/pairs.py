"""Samples of a session, and the pairs they form.

Four samples that take turns are a block, and its first two and its last two are pairs, each of the base and the head.
Which of the two comes first is drawn for every pair: where nothing differs, each sign is then a fair coin of its own,
however the machine behaves. Two samples of a block are of the same side and near each other: they show what samples
differ by when nothing differs.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

SideName = Literal["base", "head"]
ORDERS: tuple[tuple[SideName, SideName], ...] = (("base", "head"), ("head", "base"))
"""Of the two samples of a pair."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What one process measured.

    Attributes:
        block: number of its block. position: 0 to 3 within it.
        seconds: name of the benchmark -> seconds of a call in this process, as its sampler sums them up.
    """

    block: int
    position: int
    side: SideName
    seconds: Mapping[str, float]


def log_ratios(samples: Iterable[Sample]) -> dict[str, np.ndarray]:
    """Name -> (pairs,), the logarithm of head / base of every pair, in the order they were taken.

    >>> sides = zip(ORDERS[0] + ORDERS[1], [1.0, 2.0, 2.0, 1.0])
    >>> samples = [Sample(block=0, position=i, side=s, seconds={"a": t}) for i, (s, t) in enumerate(sides)]
    >>> [round(float(np.exp(value)), 6) for value in log_ratios(samples)["a"]]
    [2.0, 2.0]
    """
    found: dict[str, list[float]] = {}
    for block in _blocks(samples):
        for first, second in (block[:2], block[2:]):
            base, head = (first, second) if first.side == "base" else (second, first)
            for name in base.seconds.keys() & head.seconds.keys():
                found.setdefault(name, []).append(math.log(head.seconds[name] / base.seconds[name]))
    return {name: np.array(values) for name, values in sorted(found.items())}


def same_ratios(samples: Iterable[Sample]) -> dict[str, np.ndarray]:
    """Name -> (blocks,), the logarithm of the later over the earlier of two samples of one side in every block.

    They are the middle two where those are of one side, else the first and the third.
    """
    found: dict[str, list[float]] = {}
    for first, second, third, _ in _blocks(samples):
        earlier = second if second.side == third.side else first
        for name in earlier.seconds.keys() & third.seconds.keys():
            found.setdefault(name, []).append(math.log(third.seconds[name] / earlier.seconds[name]))
    return {name: np.array(values) for name, values in sorted(found.items())}


def typical(samples: Iterable[Sample], side: str, name: str) -> float | None:
    """The median over the samples of one side of a benchmark's seconds; None where it has none."""
    seconds = [s.seconds[name] for s in samples if s.side == side and name in s.seconds]
    return float(np.median(seconds)) if seconds else None


def _blocks(samples: Iterable[Sample]) -> list[Sequence[Sample]]:
    """The whole blocks, in order."""
    blocks: dict[int, list[Sample]] = {}
    for sample in samples:
        blocks.setdefault(sample.block, []).append(sample)
    whole = [sorted(block, key=lambda sample: sample.position) for _, block in sorted(blocks.items())]
    return [block for block in whole if len(block) == 4]
