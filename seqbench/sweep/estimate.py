"""How long a sweep will take: steps that such runs took before, times seconds of a step measured just now."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seqbench.schedule import evaluation_steps
from seqbench.schema import Cell

START_S = 0.6
"""Seconds from starting a run's process to its first step, and from its last step to its record: build, probe, test."""
COST_S = 4.6
"""Seconds of one cost measurement: a fresh interpreter, torch's import, warm-up and timed steps."""
REPORT_S = 8.0


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Measured seconds of one training step and of one evaluation on the validation set."""

    step_s: float
    evaluate_s: float


def expected_steps(cell: Cell, known: Mapping[tuple[str, str], float]) -> float:
    """Steps that a run of this cell will take: as such runs took before, at most its budget, which is the default."""
    return float(min(cell.budget, known.get((cell.labels["task"], cell.labels["model"]), cell.budget)))


def steps_are_known(cell: Cell, known: Mapping[tuple[str, str], float]) -> bool:
    """Whether the steps that such runs took are known; else the budget stands in, an upper bound."""
    return (cell.labels["task"], cell.labels["model"]) in known


def run_seconds(cell: Cell, steps: float, timing: Timing) -> float:
    """Seconds of one lane for one run."""
    train = cell.train
    evaluations = sum(
        step <= steps for step in evaluation_steps(cell.budget, train.evaluate_every, train.evaluate_growth)
    )
    return START_S + steps * timing.step_s + (evaluations + 4) * timing.evaluate_s


def wall_seconds(runs_s: Sequence[float], lanes: int, measurements: int) -> float:
    """Seconds until all is done: runs packed longest first into the lanes, then the measurements one by one.

    >>> round(wall_seconds([3.0, 2.0, 1.0], lanes=2, measurements=0) - REPORT_S, 6)
    3.0
    """
    ends = [0.0] * lanes
    for seconds in sorted(runs_s, reverse=True):
        heapq.heapreplace(ends, ends[0] + seconds)
    return max(ends) + measurements * COST_S + REPORT_S


def spoken(seconds: float) -> str:
    """Seconds as people say them.

    >>> spoken(42.3), spoken(754)
    ('42 s', '12 min 34 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
