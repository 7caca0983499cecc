"""When to look: the steps of evaluations and of kept raw values. No torch."""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

NUM_CONSECUTIVE = 3
"""Validation evaluations in a row that must meet the threshold (a GRU on adding crosses it once and falls back)."""
NUM_RECORDED = 256
"""Training steps at most whose raw values are kept; every step counts in hashes, medians and fractions."""

FIRST_OBSERVED, GROWTH_OBSERVED = 300, 2
"""After the start, observations begin at this training step and lie at least this factor apart.

One costs about as much as half to two training steps, and what is looked at only at the end as much again: a run of
200 steps, which is observed at its start and its end, gives them some 2 % of its time, one of 1000 steps 1 %.
"""


def observation_due(step: int, last: int | None, ends: bool) -> bool:
    """Whether to observe now, log-spaced through training; ``last`` is the step of the last time, None at the start.

    >>> [step for step, last in ((275, 0), (300, 0), (575, 300), (600, 300)) if observation_due(step, last, ends=False)]
    [300, 600]
    """
    if last is None:
        return True
    return step > last if ends else step >= max(FIRST_OBSERVED, GROWTH_OBSERVED * last)


def evaluation_steps(budget: int, every: int, growth: float) -> list[int]:
    """Steps after which to evaluate: ``every`` apart at first, then a factor of at most ``growth``, and the last.

    >>> evaluation_steps(200, 50, 1.1)
    [50, 100, 150, 200]
    >>> evaluation_steps(30, 50, 1.1)
    [30]
    """
    return list(_evaluations(budget, every, growth))


def room_to_solve(budget: int, every: int, growth: float) -> bool:
    """Whether a budget has room for the evaluations in a row that solving takes.

    >>> room_to_solve(60, 25, 1.1), room_to_solve(50, 25, 1.1)
    (True, False)
    """
    return len(list(islice(_evaluations(budget, every, growth), NUM_CONSECUTIVE))) == NUM_CONSECUTIVE


def met_from(steps: Sequence[int], met: Sequence[bool]) -> int | None:
    """The step from which on a threshold was met often enough in a row, None where it never was.

    >>> met_from([25, 50, 75, 100, 125], [True, False, True, True, True]), met_from([25, 50], [True, True])
    (75, None)
    """
    for first in range(len(met) - NUM_CONSECUTIVE + 1):
        if all(met[first : first + NUM_CONSECUTIVE]):
            return steps[first]
    return None


def _evaluations(budget: int, every: int, growth: float) -> Iterator[int]:
    step = 0
    while step < budget:
        step = min(budget, max(step + every, int(step * growth)))
        yield step


def recorded_steps(taken: int, limit: int = NUM_RECORDED) -> np.ndarray:
    """At most ``limit`` log-spaced step numbers in 0 .. taken - 1, first and last included.

    >>> recorded_steps(5).tolist(), len(recorded_steps(10_000)) <= 256, int(recorded_steps(10_000)[-1])
    ([0, 1, 2, 3, 4], True, 9999)
    """
    return np.unique(np.round(np.geomspace(1, taken, limit)).astype(np.int64)) - 1
