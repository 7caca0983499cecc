"""How many seeds support what: the rule that every interval, verdict and ranking obeys."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

Interval = tuple[float, float]
UNLIMITED: Interval = (-math.inf, math.inf)
Values = Sequence[float] | np.ndarray
"""The numbers of one cell, one a seed; where a stratum is meant, see ``by_kind``, an array (tasks, seeds) too."""
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


def by_kind(kinds: Sequence[Hashable], tasks: Sequence[Values]) -> list[np.ndarray]:
    """Tasks as strata that are independent of each other: one (tasks, seeds) for each kind, in the order given.

    The runs of one seed on one task at several lengths begin with the same weights, and may do well or badly together:
    the ranks of an LSTM's runs on six lengths of the adding problem correlate by 0.4. Taken as independent they make
    "better" of nothing in far more than 5 % of studies; as one stratum a seed's runs stay together in every test.

    Args:
        kinds: of each task; equal where the same seeds were run on tasks of one kind.
        tasks: for each of them one number a seed, as many on all tasks of a kind.

    Source: Davison & Hinkley 1997, section 3.8 (what was drawn together is resampled together).

    >>> [stratum.tolist() for stratum in by_kind(["copy", "adding", "copy"], [[1, 2], [5, 6, 7], [3, 4]])]
    [[[1, 2], [3, 4]], [[5, 6, 7]]]
    """
    found: dict[Hashable, list[Values]] = {}
    for kind, task in zip(kinds, tasks, strict=True):
        found.setdefault(kind, []).append(task)
    return [np.array(members) for members in found.values()]


def rows(values: Values, least: int = 1, finite: bool = True) -> np.ndarray:
    """A cell, or a stratum of ``by_kind``, as (tasks, seeds) float64; what is refused, and how: see ``vector``.

    Source: ours, a check.

    >>> rows([1, 2]).shape, rows(np.ones((3, 2))).shape
    ((1, 2), (3, 2))
    """
    return np.stack([vector(task, least, finite) for task in np.atleast_2d(np.asarray(values, dtype=np.float64))])


def seeds_of(values: Values) -> int:
    """How many seeds a cell or a stratum has. Source: ours.

    >>> seeds_of([1, 2, 3]), seeds_of(np.ones((4, 2)))
    (3, 2)
    """
    return int(np.shape(values)[-1])
