"""The bootstrap: seeds drawn anew within each task, and intervals from the draws."""

import math

import numpy as np
from scipy import special

from seqbench.statistics.seeds import Interval

DRAWS = 2000
"""Bootstrap samples: the ends of a 95 % interval then lie within about half a percent of their quantiles."""


def resampled(rng: np.random.Generator, values: np.ndarray, draws: int) -> np.ndarray:
    """``draws`` samples of a cell's seeds, with replacement: (draws, seeds); of a stratum (tasks, draws, seeds).

    A stratum's seeds are drawn with all their runs, and NaN where there is none; a sample in which some task has no run
    at all is drawn anew. Source: Efron 1979, doi:10.1214/aos/1176344552; Davison & Hinkley 1997, section 3.8.

    >>> resampled(np.random.default_rng(0), np.array([1.0, 2.0]), 3).shape
    (3, 2)
    """
    seeds, there = values.shape[-1], ~np.isnan(np.atleast_2d(values))
    chosen = rng.integers(seeds, size=(draws, seeds))
    while not there.all() and (lacking := ~there[:, chosen].any(axis=2).all(axis=0)).any():
        chosen[lacking] = rng.integers(seeds, size=(int(lacking.sum()), seeds))
    return values[..., chosen]


def percentiles(draws: np.ndarray, level: float) -> Interval:
    """The percentile interval; infinite draws are allowed.

    Source: Efron & Tibshirani 1993, chapter 13.

    >>> percentiles(np.arange(101.0), 0.9)
    (5.0, 95.0)
    """
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
    return float(low), float(high)


def widened(level: float, seeds: int) -> float:
    """The level at which a percentile interval of so few seeds covers about ``level``.

    The bootstrap's spread is too small by sqrt((n - 1) / n), and its normal quantile should be Student's; the
    percentile interval is as much too narrow. Source: Hesterberg 2015, doi:10.1080/00031305.2015.1089789, section 4.2.

    >>> [round(widened(0.95, seeds), 3) for seeds in (5, 20, 1000)]
    [0.998, 0.968, 0.95]
    """
    reach = math.sqrt(seeds / (seeds - 1)) * special.stdtrit(seeds - 1, (1 + level) / 2)
    return float(1 - 2 * special.ndtr(-reach))
