"""How time or memory grows with length: local exponents, a power law where one holds, the length where two cross."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from seqbench.statistics.rounds import LEVEL, median_of_rounds
from seqbench.statistics.seeds import Estimate


@dataclass(frozen=True, kw_only=True)
class Local:
    """The exponent between two lengths: value ~ length^exponent.

    Attributes:
        start, end: the lengths.
        exponent: of what was measured. predicted: of what was predicted, None where nothing was.
    """

    start: float
    end: float
    exponent: Estimate
    predicted: float | None = None


def local_exponents(
    lengths: Sequence[float],
    rounds: Sequence[Sequence[float]] | np.ndarray,
    predicted: Sequence[float] | None = None,
    level: float = LEVEL,
) -> list[Local]:
    """The exponent from each length to the next: log of the ratio of values over log of the ratio of lengths.

    Args:
        lengths: rising, positive.
        rounds: (rounds, lengths) of positive values; those of a round are paired.
        predicted: a value for each length, such as FLOPs.
        level: of the interval of the median over rounds.

    Source: ours; the interval: see ``median_of_rounds``.

    >>> (only,) = local_exponents([64, 128], [[1.0, 2.1], [2.0, 3.8]] * 4, predicted=[5.0, 10.0])
    >>> round(only.exponent.value, 2), [round(bound, 2) for bound in only.exponent.interval], round(only.predicted, 2)
    (1.0, [0.93, 1.07], 1.0)
    """
    x, y = _logs(lengths, rounds)
    slopes = np.diff(y, axis=1) / np.diff(x)
    expected = None if predicted is None else np.diff(np.log(np.asarray(predicted, dtype=np.float64))) / np.diff(x)
    return [
        Local(
            start=start,
            end=end,
            exponent=median_of_rounds(slopes[:, index], level),
            predicted=None if expected is None else float(expected[index]),
        )
        for index, (start, end) in enumerate(pairwise(lengths))
    ]


def power_law(
    lengths: Sequence[float], rounds: Sequence[Sequence[float]] | np.ndarray, level: float = LEVEL
) -> Estimate | None:
    """The exponent of the one power law that fits all lengths; None where the local exponents say there is none.

    One is stated only where some exponent lies in every local interval, and there are two of these at least. It is the
    median over rounds of the least-squares slope on logarithmic axes. Source: ours; the interval: see
    ``median_of_rounds``.

    >>> power_law([1, 2, 4], [[1.0, 2.0, 4.0]] * 8).value, power_law([1, 2, 4], [[1.0, 2.0, 8.0]] * 8)
    (1.0, None)
    """
    intervals = [local.exponent.interval for local in local_exponents(lengths, rounds, level=level)]
    known = [interval for interval in intervals if interval is not None]
    if len(known) < 2 or len(known) < len(intervals):
        return None
    tiny = 1e-9  # intervals of width 0 that differ by rounding
    if max(low for low, _ in known) > min(high for _, high in known) + tiny:
        return None
    x, y = _logs(lengths, rounds)
    centred = x - x.mean()
    return median_of_rounds(np.round(y @ centred / (centred @ centred), 12), level)


@dataclass(frozen=True, kw_only=True)
class Crossover:
    """The length from which on one takes longer than the other.

    Attributes:
        first_is_shorter: whether the first takes less time at short lengths (and more beyond the crossover).
        length: 0 where they have crossed below the shortest length, infinity where beyond the longest.
    """

    first_is_shorter: bool
    length: Estimate


def crossover(
    lengths: Sequence[float],
    first: Sequence[Sequence[float]] | np.ndarray,
    second: Sequence[Sequence[float]] | np.ndarray,
    level: float = LEVEL,
) -> Crossover:
    """Where two curves of time against length cross: straight lines between lengths on logarithmic axes.

    Each round has its own crossing; the estimate is their median. Rounds that do not cross in the range count as 0 or
    infinity, so an interval with such an end is a one-sided bound. That the curves are straight between two lengths is
    not in the interval: lengths must be close enough for it. Where a round crosses more than once, as noise does where
    the curves touch, the middle of the first and the last crossing counts.

    Args:
        lengths: rising, positive, two at least.
        first: (rounds, lengths) of positive values.
        second: likewise, of the same rounds.
        level: of the interval.

    Source: ours; the interval: see ``median_of_rounds``.

    >>> found = crossover([64, 256], [[1.0, 16.0]] * 8, [[2.0, 8.0]] * 8)
    >>> found.first_is_shorter, round(found.length.value), round(found.length.interval[0])
    (True, 128, 128)
    >>> crossover([64, 256], [[1.0, 4.0]] * 8, [[2.0, 5.0]] * 8).length.interval
    (inf, inf)
    """
    x, a = _logs(lengths, first)
    _, b = _logs(lengths, second)
    if a.shape != b.shape or len(lengths) < 2:
        raise ValueError(f"needs two lengths and the same rounds of both; got {a.shape} and {b.shape}.")
    difference = a - b
    middle = np.median(difference, axis=0)
    rising = bool((middle @ (x - x.mean())) >= 0)
    at = [_crossing(x, row if rising else -row) for row in difference]
    found = median_of_rounds(np.exp(at), level)
    return Crossover(first_is_shorter=rising, length=found)


def _crossing(x: np.ndarray, rising: np.ndarray) -> float:
    """Where a piecewise linear function goes from below 0 to above; -inf or inf where it never does."""
    ups = [
        x[i] - rising[i] * (x[i + 1] - x[i]) / (rising[i + 1] - rising[i])
        for i in range(x.size - 1)
        if rising[i] < 0 <= rising[i + 1]
    ]
    if not ups:
        return math.inf if rising[-1] < 0 else -math.inf
    return (ups[0] + ups[-1]) / 2


def _logs(lengths: Sequence[float], rounds: Sequence[Sequence[float]] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, values = np.asarray(lengths, dtype=np.float64), np.asarray(rounds, dtype=np.float64)
    if x.ndim != 1 or (x <= 0).any() or (np.diff(x) <= 0).any():
        raise ValueError(f"lengths must be positive and rise; got {list(lengths)}.")
    if values.ndim != 2 or values.shape[1] != x.size or not (np.isfinite(values) & (values > 0)).all():
        raise ValueError(f"needs positive numbers (rounds, {x.size} lengths); got {values.tolist()}.")
    return np.log(x), np.log(values)
