"""What a profile against lag says: how fast it falls, how much of it single precision can see, and a verdict.

The fitted model is g(k) = g(0) * 10^(slope * k), an exponential, as products of Jacobians give (Hochreiter 1991,
Bengio et al. 1994). Lags are log-spaced, so each is weighted with the number of steps it stands for: the fit is that
to all steps. The verdict is about the whole task: the fitted change over its length, in decades.

    vanishing    below -3: the far end of the task has less than a thousandth of the near end's gradient
    exploding    above +3, or a value that is not finite
    healthy      between
"""

import math
from typing import Any

import numpy as np
from scipy.special import stdtrit

VERDICT_DECADES = 3.0
"""Decades of fitted change over the task's length beyond which a profile vanishes or explodes."""
EPSILON = float(np.finfo(np.float32).eps)
"""A gradient below this share of the largest one is lost where single precision adds the two."""
LEVEL = 0.95
_FEWEST = 3


def described(lags: np.ndarray, profile: np.ndarray, length: int) -> dict[str, Any]:
    """Derived numbers of a profile, all of them fit for strict JSON.

    Args:
        lags: (lags,) whole steps, ascending, lag 0 included.
        profile: (lags,) values of at least 0, NaN where there is none.
        length: steps of the task.

    Returns:
        verdict; change_decades over the task's length with its interval; decay_length: steps in which the fit falls by
        a factor e, None where it does not fall, with its interval (None: unbounded); below_resolution: share of the
        lags whose value is below float32's epsilon times the largest one; lags: how many entered the fit.

    >>> lags = np.arange(50)
    >>> found = described(lags, 0.5**lags, 50)
    >>> found["verdict"], round(found["decay_length"], 3), round(found["change_decades"], 2)
    ('vanishing', 1.443, -14.75)
    """
    lags, values = np.asarray(lags, np.float64), np.asarray(profile, np.float64)
    known = ~np.isnan(values)
    fitted = known & np.isfinite(values) & (values > 0) & (lags >= 1)
    found: dict[str, Any] = {"below_resolution": _below(values, known, steps_of(lags)), "lags": int(fitted.sum())}
    if found["lags"] < _FEWEST:
        return found | _without_fit(values[known])
    slope, half = fit(lags[fitted], np.log10(values[fitted]), steps_of(lags)[fitted])
    steps, bounds = max(length - 1, 1), (slope - half, slope + half)
    change = slope * steps
    finite = bool(np.isfinite(values[known]).all())
    return found | {
        "verdict": verdict(change) if finite else "exploding",
        "change_decades": change,
        "change_interval": [bound * steps for bound in bounds],
        "decay_length": _falls_in(slope),
        "decay_interval": [_falls_in(bound) for bound in bounds],
    }


def verdict(change_decades: float) -> str:
    """The word for a fitted change over the task's length.

    >>> verdict(-3.1), verdict(0.2), verdict(3.1)
    ('vanishing', 'healthy', 'exploding')
    """
    if abs(change_decades) <= VERDICT_DECADES:
        return "healthy"
    return "vanishing" if change_decades < 0 else "exploding"


def fit(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Slope of the weighted least-squares line through at least 3 points, and half of its 95 % interval.

    The interval is Student's, with an error that allows for scatter that differs along the line (White 1980).
    """
    away = x - np.average(x, weights=weight)
    spread = (weight * away**2).sum()
    slope = float((weight * away * y).sum() / spread)
    residual = y - np.average(y, weights=weight) - slope * away
    free = len(x) - 2
    error = np.sqrt(((weight * away * residual) ** 2).sum() * len(x) / free) / spread
    return slope, float(error * stdtrit(free, (1 + LEVEL) / 2))


def steps_of(lags: np.ndarray) -> np.ndarray:
    """How many steps each of some ascending lags stands for: those that lie nearer to it than to another one.

    >>> steps_of(np.array([0, 1, 2, 4, 8])).tolist()
    [1.0, 1.0, 1.5, 3.0, 2.5]
    """
    if len(lags) < 2:
        return np.ones(len(lags))
    edges = (lags[1:] + lags[:-1]) / 2
    return np.diff(np.array([lags[0] - 0.5, *edges, lags[-1] + 0.5]))


def _below(values: np.ndarray, known: np.ndarray, steps: np.ndarray) -> float | None:
    largest = values[known].max(initial=0.0)
    if largest == 0:
        return None
    return float((steps * (values < EPSILON * largest))[known].sum() / steps[known].sum())


def _without_fit(values: np.ndarray) -> dict[str, Any]:
    """Too few positive lags for a line: only what is plain is said."""
    said = None
    if values.size and not np.isfinite(values).all():
        said = "exploding"
    elif values.size > _FEWEST and (values[1:] == 0).mean() > 0.5:
        said = "vanishing"
    absent = ("change_decades", "change_interval", "decay_length", "decay_interval")
    return {"verdict": said, **dict.fromkeys(absent)}


def _falls_in(slope: float) -> float | None:
    return -1 / (slope * math.log(10)) if slope < 0 else None
