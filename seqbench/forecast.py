"""Forecasts that need no training loop, as yardsticks: persistence, seasonal naive, ridge autoregression.

Arrays: ``values`` (rows, channels); ``origins`` (windows,) the first target row of each window; a forecast maps origins
to (windows, horizon, channels). No torch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Forecast = Callable[[np.ndarray], np.ndarray]
BLOCK = 4096
"""Windows looked at in one go, so that memory does not grow with the number of rows."""
PENALTIES = (1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Ridge penalties tried, per window: the normal equations get penalty * number of windows on their diagonal."""


def inputs_before(values: np.ndarray, origins: np.ndarray, window: int) -> np.ndarray:
    """(windows, window, channels): the ``window`` rows before each origin.

    >>> inputs_before(np.arange(5.0).reshape(5, 1), np.array([2, 4]), 2)[:, :, 0].tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """
    return sliding_window_view(values, window, axis=0)[origins - window].swapaxes(1, 2)


def targets_from(values: np.ndarray, origins: np.ndarray, horizon: int) -> np.ndarray:
    """(windows, horizon, channels): the ``horizon`` rows from each origin on."""
    return sliding_window_view(values, horizon, axis=0)[origins].swapaxes(1, 2)


def persistence(values: np.ndarray, origins: np.ndarray, horizon: int) -> np.ndarray:
    """The row before the origin, for the whole horizon.

    >>> persistence(np.arange(5.0).reshape(5, 1), np.array([3]), 2)[:, :, 0].tolist()
    [[2.0, 2.0]]
    """
    return np.repeat(values[origins - 1, None], horizon, axis=1)


def seasonal_naive(values: np.ndarray, origins: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """The row a whole number of seasons earlier, the latest that lies before the origin.

    It reads the series itself, so a season may be longer than the window a model sees.

    >>> seasonal_naive(np.arange(9.0).reshape(9, 1), np.array([4]), 5, 2)[:, :, 0].tolist()
    [[2.0, 3.0, 2.0, 3.0, 2.0]]
    """
    return values[origins[:, None] - season + np.arange(horizon) % season]


def naive_error(values: np.ndarray, season: int) -> np.ndarray:
    """(channels,): mean absolute error of repeating the last season within ``values``; 1 where it never errs.

    It is what ``mase`` divides by (Hyndman & Koehler 2006); 1 leaves the error of a constant channel as it is.
    """
    error = np.abs(values[season:] - values[:-season]).mean(axis=0)
    return np.where(error > 0, error, 1.0)


def errors(
    forecast: Forecast, values: np.ndarray, origins: Sequence[int] | np.ndarray, horizon: int, scale: np.ndarray
) -> dict[str, float]:
    """mse, mae and mase over all windows, steps and channels; ``scale`` (channels,) is ``naive_error``."""
    sums = dict.fromkeys(("mse", "mae", "mase"), 0.0)
    for start in range(0, len(origins), BLOCK):
        block = np.asarray(origins[start : start + BLOCK])
        error = forecast(block) - targets_from(values, block, horizon)
        sums["mse"] += np.square(error).sum()
        sums["mae"] += np.abs(error).sum()
        sums["mase"] += (np.abs(error) / scale).sum()
    return {name: float(total) / (len(origins) * horizon * values.shape[1]) for name, total in sums.items()}


@dataclass(frozen=True, kw_only=True)
class Ridge:
    """A linear map of each channel's own window to its whole horizon.

    Attributes:
        weights: (channels, window, horizon). offsets: (channels, horizon). penalty: the one it was fitted with.
    """

    weights: np.ndarray
    offsets: np.ndarray
    penalty: float

    def forecast(self, values: np.ndarray, origins: np.ndarray) -> np.ndarray:
        """(windows, horizon, channels)."""
        inputs = inputs_before(values, origins, self.weights.shape[1]).transpose(2, 0, 1)  # (channels, windows, window)
        return (inputs @ self.weights + self.offsets[:, None]).transpose(1, 2, 0)


def fit_ridge(
    values: np.ndarray,
    origins: Sequence[int] | np.ndarray,
    validation: Sequence[int] | np.ndarray,
    window: int,
    horizon: int,
    penalties: Sequence[float] = PENALTIES,
) -> Ridge:
    """The ridge regressions on the windows of ``origins``, with the penalty that has the least mse on ``validation``.

    Direct multi-horizon (one map for all steps), channels share nothing but the penalty, the offset is not penalised.
    Solved by normal equations that are summed up once for all penalties (Hoerl & Kennard 1970).
    """
    gram, cross, mean_in, mean_out = _normal_equations(values, origins, window, horizon)
    scale, best, least = np.ones(values.shape[1]), None, np.inf
    for penalty in penalties:
        weights = np.linalg.solve(gram + penalty * np.eye(window), cross)
        offsets = mean_out - (mean_in[:, None] @ weights)[:, 0]
        ridge = Ridge(weights=weights, offsets=offsets, penalty=penalty)
        mse = errors(lambda at, ridge=ridge: ridge.forecast(values, at), values, validation, horizon, scale)["mse"]
        if best is None or mse < least:
            best, least = ridge, mse
    assert best is not None
    return best


def _normal_equations(
    values: np.ndarray, origins: Sequence[int] | np.ndarray, window: int, horizon: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Per channel and window: covariances (window, window) and (window, horizon), means (window,) and (horizon,)."""
    channels = values.shape[1]
    both = np.zeros((channels, window, window + horizon))
    total = np.zeros((channels, window + horizon))
    for start in range(0, len(origins), BLOCK):
        block = np.asarray(origins[start : start + BLOCK])
        rows = inputs_before(values, block + horizon, window + horizon).transpose(2, 0, 1)
        rows = np.ascontiguousarray(rows)  # (channels, windows, window + horizon)
        both += rows[:, :, :window].swapaxes(1, 2) @ rows
        total += rows.sum(axis=1)
    mean = total / len(origins)
    both = both / len(origins) - mean[:, :window, None] * mean[:, None]
    return both[:, :, :window], both[:, :, window:], mean[:, :window], mean[:, window:]
