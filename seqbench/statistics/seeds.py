"""How many seeds support what: the rule that every interval, verdict and ranking obeys."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Interval = tuple[float, float]
UNLIMITED: Interval = (-math.inf, math.inf)
Values = Sequence[float] | np.ndarray
"""The numbers of one cell, one a seed."""
Tasks = Sequence[Values] | np.ndarray
"""One row a task with its seeds, as many as there are; of an array runs x tasks the transpose."""

FEWEST = 5
"""Seeds below which no interval is given and no verdict passed."""
ENOUGH = 10
"""Seeds below which what is given is marked as of low power."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its interval, or with the reason why there is none.

    Attributes:
        value: the estimate from all seeds.
        interval: None where the data support none; an end may be infinite.
        why: why there is no interval, or why it has one side only.
        low_power: 5 to 9 seeds: an interval, and a wide one.
    """

    value: float
    interval: Interval | None = None
    why: str | None = None
    low_power: bool = False


def too_few(seeds: int) -> str | None:
    """Why so many seeds support neither an interval nor a ranking; None where they do.

    Source: ours, a rule.

    >>> too_few(4), too_few(5)
    ('fewer than 5 seeds', None)
    """
    return f"fewer than {FEWEST} seeds" if seeds < FEWEST else None


def low_power(seeds: int) -> bool:
    """Whether an interval from so many seeds is to be marked as wide, and a missing verdict as no proof of equality.

    Source: ours, a rule.

    >>> [low_power(seeds) for seeds in (4, 5, 9, 10)]
    [False, True, True, False]
    """
    return FEWEST <= seeds < ENOUGH


def vector(values: Values, least: int = 1, finite: bool = True) -> np.ndarray:
    """Values of one cell as (seeds,) float64.

    Args:
        values: one number a seed.
        least: how many are needed.
        finite: refuse infinities too; NaN is always refused, because no order and no mean is right about it.

    Raises:
        ValueError: too few values, or values that are not numbers.

    Source: ours, a check.

    >>> vector([1, 2])
    array([1., 2.])
    """
    array = np.asarray(values, dtype=np.float64)
    bad = ~np.isfinite(array) if finite else np.isnan(array)
    if array.ndim != 1 or array.size < least or bad.any():
        kind = "finite values" if finite else "values that are not NaN"
        raise ValueError(
            f"needs one axis of at least {least} {kind}; got {array.tolist()}. Leave out or mend the rest."
        )
    return array
