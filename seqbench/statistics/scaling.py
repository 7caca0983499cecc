"""How time or memory grows with length: local exponents, a power law where one holds, the length where two cross."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    """Which of two takes less time at each length, and the length from which on the other one does.

    Attributes:
        signs: for each length -1 where the first takes less time, 1 where the second does, 0 where they are not told
            apart.
        first_is_shorter: whether the first takes less time at short lengths (and more beyond the crossover).
        length: 0 where they have crossed below the shortest length, infinity where beyond the longest. No one length
            tells where they cross where ``changes`` is above 1.
    """

    signs: tuple[int, ...]
    first_is_shorter: bool
    length: Estimate

    @property
    def in_order(self) -> bool:
        """Whether nothing that is told of a length contradicts one crossing.

        >>> of = Estimate(value=20.0)
        >>> [Crossover(signs=s, first_is_shorter=True, length=of).in_order for s in ((-1, 0, 1), (-1, 1, -1))]
        [True, False]
        """
        return list(self.signs) == sorted(self.signs, reverse=not self.first_is_shorter)

    @property
    def changes(self) -> int:
        """How often the one that takes less time is another one than at the length before, of those told apart.

        >>> Crossover(signs=(-1, 0, 1, -1), first_is_shorter=True, length=Estimate(value=20.0)).changes
        2
        """
        told = [sign for sign in self.signs if sign]
        return sum(one != other for one, other in pairwise(told))


def crossover(
    lengths: Sequence[float],
    first: Sequence[Sequence[float]] | np.ndarray,
    second: Sequence[Sequence[float]] | np.ndarray,
    level: float = LEVEL,
) -> Crossover:
    """Where two curves of time against length cross: straight lines between lengths on logarithmic axes.

    At each length the interval of the median difference tells which takes less time. Each round has its own crossing,
    and the estimate is their median. Rounds that do not cross in the range count as 0 or infinity, so an interval with
    such an end is a one-sided bound. That the curves are straight between two lengths is not in the interval: lengths
    must be close enough for it. Where a round crosses more than once, as noise does where the curves touch, the middle
    of the first and the last crossing counts, and the interval holds both.

    Args:
        lengths: rising, positive, two at least.
        first: (rounds, lengths) of positive values.
        second: likewise, of the same rounds.
        level: of the intervals.

    Source: ours; the intervals: see ``median_of_rounds``.

    >>> found = crossover([64, 256], [[1.0, 16.0]] * 8, [[2.0, 8.0]] * 8)
    >>> found.first_is_shorter, round(found.length.value), round(found.length.interval[0]), found.signs
    (True, 128, 128, (-1, 1))
    >>> crossover([64, 256], [[1.0, 4.0]] * 8, [[2.0, 5.0]] * 8).length.interval
    (inf, inf)
    >>> crossover([1, 2, 4], [[2.0, 1.0, 2.0]] * 8, [[1.0, 2.0, 1.0]] * 8).signs
    (1, -1, 1)
    """
    (x, a), (_, b) = _logs(lengths, first), _logs(lengths, second)
    if a.shape != b.shape or len(lengths) < 2:
        raise ValueError(f"needs two lengths and the same rounds of both; got {a.shape} and {b.shape}.")
    difference = a - b
    signs = tuple(_sign(median_of_rounds(column, level)) for column in difference.T)
    rising = signs[0] < signs[-1]
    if signs[0] == signs[-1]:
        rising = bool(np.median(difference, axis=0) @ (x - x.mean()) >= 0)
    length = _length(x, difference if rising else -difference, level)
    return Crossover(signs=signs, first_is_shorter=rising, length=length)


def _sign(difference: Estimate) -> int:
    """1 or -1 where the interval lies on one side of 0; 0 where it holds 0, or there is none."""
    low, high = difference.interval or (0.0, 0.0)
    return int(low > 0) - int(high < 0)


def _length(x: np.ndarray, rising: np.ndarray, level: float) -> Estimate:
    """Median over rounds of where they cross, with an interval of the first crossings and of the last ones."""
    first, middle, last = np.exp([_crossings(x, row) for row in rising]).T
    found = median_of_rounds(middle, level)
    ends = [median_of_rounds(side, level).interval for side in (first, last)]
    return found if ends[0] is None or ends[1] is None else replace(found, interval=(ends[0][0], ends[1][1]))


def _crossings(x: np.ndarray, rising: np.ndarray) -> tuple[float, float, float]:
    """Where a piecewise linear function is for the first time not below 0, goes above it, is for the last not above 0.

    -inf or inf where that is before or beyond all of x; of several times that it goes above, the middle.
    """
    steps = [(i, i + 1) for i in range(x.size - 1)]
    at = {(i, j): x[i] - rising[i] * (x[j] - x[i]) / (rising[j] - rising[i]) for i, j in steps if rising[i] < rising[j]}
    ups = [at[i, j] for i, j in steps if rising[i] < 0 <= rising[j]]
    ends = [at[i, j] for i, j in steps if rising[i] <= 0 < rising[j]]
    first = -math.inf if rising[0] >= 0 else ups[0] if ups else math.inf
    last = math.inf if rising[-1] <= 0 else ends[-1] if ends else -math.inf
    never = math.inf if rising[-1] < 0 else -math.inf
    return first, (ups[0] + ups[-1]) / 2 if ups else never, last


def _logs(lengths: Sequence[float], rounds: Sequence[Sequence[float]] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, values = np.asarray(lengths, dtype=np.float64), np.asarray(rounds, dtype=np.float64)
    if x.ndim != 1 or (x <= 0).any() or (np.diff(x) <= 0).any():
        raise ValueError(f"lengths must be positive and rise; got {list(lengths)}.")
    if values.ndim != 2 or values.shape[1] != x.size or not (np.isfinite(values) & (values > 0)).all():
        raise ValueError(f"needs positive numbers (rounds, {x.size} lengths); got {values.tolist()}.")
    return np.log(x), np.log(values)
