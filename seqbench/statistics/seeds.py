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


Cell = tuple[Sequence[int | None], Values]
"""The seeds of one architecture's runs on one task, and their numbers; None where a run's seed is not known."""


def by_kind(kinds: Sequence[Hashable], *sides: Sequence[Cell]) -> list[tuple[np.ndarray, ...]]:
    """Tasks as strata that are independent of each other: of each side an array (tasks, seeds), NaN where none was run.

    The runs of one seed on one task at several lengths begin with the same weights, and may do well or badly together:
    the ranks of an LSTM's scores at two of ten lengths of the adding problem correlate by 0.40 on average, of the other
    four architectures by -0.09 to 0.05 (results/reference/dependency). Taken as independent they make "better" of
    nothing in far more than 5 % of studies; in a stratum a seed's runs stay together in every test, and in every
    sample. Tasks of one kind are one stratum where they are linked by seeds that any side has on both of them;
    not every seed has to be on all of them.

    Args:
        kinds: of each task.
        sides: one or two architectures, for each task the seeds and the numbers. A run whose seed is not known has
            nothing to do with any other one.

    Source: Davison & Hinkley 1997, section 3.8 (what was drawn together is resampled together).

    >>> tasks = [([0, 1], [1, 2]), ([0, 1], [5, 6]), ([1, 2], [3, 4])]
    >>> [stratum.tolist() for (stratum,) in by_kind(["copy", "adding", "copy"], tasks)]
    [[[1.0, 2.0, nan], [nan, 3.0, 4.0]], [[5.0, 6.0]]]
    """
    units = [[_units(place, seeds) for place, (seeds, _) in enumerate(side)] for side in sides]
    return [
        tuple(
            _stratum([mine[place] for place in places], [side[place][1] for place in places])
            for mine, side in zip(units, sides, strict=True)
        )
        for places in _linked(kinds, units)
    ]


def _units(place: int, seeds: Sequence[int | None]) -> list[Hashable]:
    """What tells each run of a task from the others there, and is the same on other tasks where its seed is."""
    found = list[Hashable]()
    for at, seed in enumerate(seeds):
        found.append((place, at) if seed is None else (seed, "again" * seeds[:at].count(seed)))
    return found


def _linked(kinds: Sequence[Hashable], units: Sequence[Sequence[Sequence[Hashable]]]) -> list[list[int]]:
    """Places of the tasks of each stratum, in the order of their first ones."""
    found: list[tuple[set[Hashable], list[int]]] = []
    for place, kind in enumerate(kinds):
        keys = {(kind, side, unit) for side, tasks in enumerate(units) for unit in tasks[place]}
        mine = [group for group in found if group[0] & keys]
        places = sorted(sum((group[1] for group in mine), [place]))
        found = [group for group in found if group not in mine] + [(keys.union(*(group[0] for group in mine)), places)]
    return sorted(places for _, places in found)


def _stratum(units: Sequence[Sequence[Hashable]], tasks: Sequence[Values]) -> np.ndarray:
    """(tasks, seeds): a column is a seed; NaN where it was not run."""
    columns = {unit: at for at, unit in enumerate(dict.fromkeys(unit for mine in units for unit in mine))}
    found = np.full((len(tasks), len(columns)), np.nan)
    for row, mine, values in zip(found, units, tasks, strict=True):
        row[[columns[unit] for unit in mine]] = vector(values, finite=False)
    return found


def rows(values: Values, least: int = 1, finite: bool = True) -> np.ndarray:
    """A cell, or a stratum of ``by_kind``, as (tasks, seeds) float64; what is refused, and how: see ``vector``.

    In a stratum NaN stands where a seed was not run on a task. Source: ours, a check.

    >>> rows([1, 2]).shape, rows(np.ones((3, 2))).shape
    ((1, 2), (3, 2))
    """
    found = np.asarray(values, dtype=np.float64)
    if found.ndim < 2:
        return vector(found, least, finite)[None]
    there = ~np.isnan(found)
    if there.sum(axis=1).min() < least or (finite and np.isinf(found).any()):
        for task, mine in zip(found, there, strict=True):
            vector(task[mine], least, finite)
    return found


def seeds_of(values: Values) -> int:
    """How many seeds a cell has, or of a stratum the task that has the fewest. Source: ours.

    >>> seeds_of([1, 2, 3]), seeds_of(np.array([[1, 2, 3], [1, 2, np.nan]]))
    (3, 2)
    """
    found = np.asarray(values, dtype=np.float64)
    return found.size if found.ndim < 2 else int((~np.isnan(found)).sum(axis=1).min())
