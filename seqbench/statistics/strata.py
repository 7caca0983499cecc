"""Several strata at once: what each says, weighed the same, against all that chance could have made of them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

_FINEST = 50_000
"""Points of the lattices of all strata up to which chances are multiplied."""
_DRAWS = 20_000
_MOST_MULTIPLIED = 5_000_000
"""Products of a convolution of all strata above which they are multiplied as Fourier transforms."""
_STEPS, _STEEPEST = 12, 40.0
"""Newton's steps to a tilt, and its limit: a lattice's next value then weighs exp(40) times as much."""


@dataclass(frozen=True, kw_only=True)
class Stratum:
    """What one stratum says, as a whole number, and what chance would make it where nothing differs.

    Attributes:
        observed: the number that was seen.
        most: the largest there can be; each stratum counts as a part of its own, so that all tasks weigh the same.
        law: the chance of every number that can be, of as many below 0 as above; where they are too many to count, a
            function that draws from them: of a generator and how many.
        symmetric: whether every number is just as likely as its opposite.
        tasks: how many it is of, and so how much it weighs.
    """

    observed: int
    most: int
    law: np.ndarray | Callable[[np.random.Generator, int], np.ndarray]
    symmetric: bool
    tasks: int = 1

    def drawn(self, rng: np.random.Generator, draws: int) -> np.ndarray:
        """Numbers as chance would make them: (draws,).

        >>> coin = Stratum(observed=1, most=1, law=np.array([0.5, 0.0, 0.5]), symmetric=True)
        >>> sorted({*coin.drawn(np.random.default_rng(0), 20).tolist()})
        [-1, 1]
        """
        if isinstance(self.law, np.ndarray):
            return rng.choice(np.arange(self.law.size), draws, p=self.law) - self.law.size // 2
        return self.law(rng, draws)


def mean_effect(strata: Sequence[Stratum]) -> float:
    """The mean over tasks of the observed value as part of the largest there can be: from -1 to 1.

    Source: van Elteren 1960 (weights of strata).

    >>> from seqbench.statistics.permutation import split
    >>> mean_effect([split([3, 4], [1, 2]), split([1], [1])])
    0.5
    """
    total = sum(stratum.tasks * stratum.observed / stratum.most for stratum in strata)
    return total / sum(stratum.tasks for stratum in strata)


def combined_p(strata: Sequence[Stratum], seed: int = 0) -> float:
    """Two-sided p of the mean effect of strata that have nothing to do with each other.

    Exact where the effects lie on a common lattice that is not too fine; otherwise from 20,000 drawn ones, the observed
    one counted among them. Source: van Elteren 1960; Davison & Hinkley 1997, section 4.2 (drawn values).

    Args:
        strata: of any kinds; one whose run is also in another one would count twice.
        seed: of the generator, where effects are drawn.

    >>> from seqbench.statistics.permutation import split
    >>> round(combined_p([split([3, 4], [1, 2])] * 2), 4)  # 2 of 6 x 6 splits
    0.0556
    """
    common = math.lcm(*(stratum.most for stratum in strata))
    steps = [common // stratum.most * stratum.tasks for stratum in strata]
    steps = [step // math.gcd(*steps) for step in steps]
    counted = [(stratum.law, step) for stratum, step in zip(strata, steps, strict=True)
               if isinstance(stratum.law, np.ndarray)]  # fmt: skip
    half = max((step * (law.size // 2) for law, step in counted), default=0)  # of one lattice around 0
    if len(counted) < len(strata) or half * len(strata) > _FINEST:
        return _drawn_p(strata, np.random.default_rng(seed))
    least = abs(sum(stratum.observed * step for stratum, step in zip(strata, steps, strict=True)))
    each = np.stack([_spread(law, step, half) for law, step in counted])
    if len(each) * (len(each) - 1) // 2 * each.shape[1] ** 2 <= _MOST_MULTIPLIED:
        chances = reduce(np.convolve, each)
        return min(1.0, float(chances[np.abs(np.arange(chances.size) - chances.size // 2) >= least].sum()))
    upper = _tail(each, least)
    symmetric = all(stratum.symmetric for stratum in strata)
    return min(1.0, upper + (upper if symmetric else _tail(each[:, ::-1], least)))


def _spread(chances: np.ndarray, step: int, half: int) -> np.ndarray:
    """The same chances of values ``step`` times as far apart, on the lattice from -half to half."""
    wide, reach = np.zeros(2 * half + 1), step * (chances.size // 2)
    wide[half - reach : half + reach + 1 : step] = chances
    return wide


def _tail(each: np.ndarray, least: int) -> float:
    """The chance that values, of each stratum one with its chances (strata, lattice), add up to so much or more.

    By Fourier transforms of distributions whose mean is near where the tail begins: weighed by exp(tilt * value) they
    are multiplied as transforms, and the weights are taken away again. Rounding is small beside the tail then, however
    thin that is, and not 1e-16 of everything. Source: Keich 2005, doi:10.1089/cmb.2005.12.416.
    """
    half, tilt = each.shape[1] // 2, 0.0
    values = np.arange(-half, half + 1.0)
    with np.errstate(divide="ignore"):
        logs = np.log(each)
    for _ in range(_STEPS):
        weighed, _ = _weighed(logs + tilt * values)
        means = weighed @ values
        missing, variance = least - float(means.sum()), float((weighed @ values**2 - means**2).sum())
        if missing**2 <= variance:
            break
        tilt = min(tilt + missing / max(variance, 1e-9), _STEEPEST)
    weighed, scale = _weighed(logs + tilt * values)
    total = len(each) * 2 * half + 1
    length = min(odd << (-(-total // odd) - 1).bit_length() for odd in (1, 3, 5))  # quick to transform
    product = np.ones(length // 2 + 1, complex)
    for chances in weighed:
        product *= np.fft.rfft(chances, length)
    beyond = np.fft.irfft(product, length)[total // 2 + least : total]
    return float(beyond @ np.exp(scale - tilt * (least + np.arange(beyond.size))))


def _weighed(logs: np.ndarray) -> tuple[np.ndarray, float]:
    """Rows of logarithms as chances that add up to 1, and the logarithm of what all rows were divided by."""
    highest = logs.max(1, keepdims=True)
    weights = np.exp(logs - highest)
    sums = weights.sum(1, keepdims=True)
    return weights / sums, float((highest + np.log(sums)).sum())


def _drawn_p(strata: Sequence[Stratum], rng: np.random.Generator) -> float:
    """The p of the observed values among drawn ones, being the first of them."""
    total = np.zeros(1 + _DRAWS)
    for stratum in strata:
        total += stratum.tasks * np.concatenate([[stratum.observed], stratum.drawn(rng, _DRAWS)]) / stratum.most
    return float(np.mean(np.abs(total) >= abs(total[0]) - 1e-9))  # sums of fractions: equal ones differ in last digits
