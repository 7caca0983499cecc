"""Time to solve as a survival curve: the share of runs not yet solved, runs that never solved included."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from seqbench.statistics.intervals import wilson_interval
from seqbench.statistics.seeds import Values, low_power, too_few, vector


@dataclass(frozen=True, kw_only=True)
class SurvivalCurve:
    """The share of runs that are not solved yet; constant from each step to the next.

    Attributes:
        steps: 0, then each step at which a run solved.
        unsolved: share from that step on.
        low, high: pointwise band of it; None where there are too few seeds, as ``why`` says.
        at_risk: runs that were observed and unsolved just before the step.
        end: the last step at which a run was observed; the curve is not known beyond it.
    """

    steps: tuple[float, ...]
    unsolved: tuple[float, ...]
    at_risk: tuple[int, ...]
    end: float
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None
    why: str | None = None
    low_power: bool = False


def survival(steps: Values, solved: Sequence[bool], level: float = 0.95) -> SurvivalCurve:
    """The Kaplan-Meier curve of steps to solve, with Greenwood's variance and the log-log band.

    Args:
        steps: the step at which a run solved, or the last one at which it was seen unsolved: its budget; one
            that diverged cannot solve any more and counts as its budget.
        solved: whether it solved then.
        level: pointwise coverage aimed at.

    Raises:
        ValueError: steps that are not positive numbers, or not one flag a step.

    Before the first solved run the log-log band has no width; there Wilson's lower end for n of n is taken. After the
    last one, where the curve is 0, the upper end is the one before.
    Source: Kaplan & Meier 1958, doi:10.2307/2281868; band: Kalbfleisch & Prentice 2002, section 1.4.

    >>> curve = survival([10, 20, 30, 40, 40], [True, True, True, False, False])
    >>> curve.steps, [round(share, 1) for share in curve.unsolved]
    ((0.0, 10.0, 20.0, 30.0), [1.0, 0.8, 0.6, 0.4])
    """
    times, events = vector(steps), np.asarray(solved, dtype=bool)
    if times.shape != events.shape or (times <= 0).any():
        raise ValueError(f"needs one positive step and one flag a run; got {times.tolist()} and {events.tolist()}.")
    at = np.unique(times[events])
    risk = (times[:, None] >= at).sum(0)
    died = (times[events][:, None] == at).sum(0)
    shares, why = np.cumprod(1 - died / risk), too_few(times.size)
    low, high = (None, None) if why else _band(shares, risk, died, times.size, level)
    return SurvivalCurve(
        steps=(0.0, *at.tolist()),
        unsolved=(1.0, *shares.tolist()),
        at_risk=(times.size, *risk.tolist()),
        end=float(times.max()),
        low=low,
        high=high,
        why=why,
        low_power=low_power(times.size),
    )


def _band(
    shares: np.ndarray, risk: np.ndarray, died: np.ndarray, runs: int, level: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The band at 0 and at each event."""
    inside = shares > 0  # only the last share can be 0
    share, left = shares[inside], (risk - died)[inside]
    variance = np.cumsum(died[inside] / (risk[inside] * left))  # of log(share), Greenwood's formula
    reach = np.exp(special.ndtri((1 + level) / 2) * np.sqrt(variance) / -np.log(share))
    first = int(risk[0]) if risk.size else runs
    low, high = (
        [wilson_interval(first, first, level)[0], *(share**reach).tolist()],
        [1.0, *(share ** (1 / reach)).tolist()],
    )
    if not inside.all():
        low, high = [*low, 0.0], [*high, high[-1]]
    return tuple(low), tuple(high)
