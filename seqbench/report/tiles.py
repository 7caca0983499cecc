"""Heat maps of few bytes for light and dark: a value is a share of ink on the page's own ground.

Shades are few, so that a reader can tell them apart; all tiles of a shade are one shape, neighbours in a row merged.
"""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from seqbench.report.frame import without_grid
from seqbench.report.renderer import tag

NUM_SHADES = 8
COLOR = "#0072B2"


def tiles(axes: Axes, x: np.ndarray, y: np.ndarray, shades: np.ndarray, note: Callable[[int], str]) -> None:
    """Draw ``shades`` (rows, columns), whole numbers from 0, nothing, to ``NUM_SHADES``, full; below 0 is not known.

    ``x`` (columns + 1) and ``y`` (rows + 1) are the edges of the tiles; ``note`` says what a shade means.
    """
    for shade in range(1, NUM_SHADES + 1):
        boxes = [
            (x[start], y[row], x[end], y[row + 1])
            for row in range(len(shades))
            for start, end in _stretches(shades[row] == shade)
        ]
        if boxes:
            patch = _patch(boxes, shade / NUM_SHADES)
            patch.set_gid(tag(data_note=note(shade)))
            axes.add_artist(patch)  # add_patch would also search for limits
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(y[0], y[-1])
    without_grid(axes)


def half_decades(values: np.ndarray) -> np.ndarray:
    """Shades of positive values: full near the largest of their row, one less for each half decade below it.

    >>> half_decades(np.array([[1.0, 0.5, 0.02, 1e-9, np.nan], [0, 0, 0, 0, 0]])).tolist()
    [[8, 8, 5, 0, -1], [0, 0, 0, 0, 0]]
    """
    top = np.nanmax(values, axis=1, keepdims=True, initial=0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        below = np.floor(-2 * np.log10(values / np.where(top > 0, top, 1.0)))
    shades = NUM_SHADES - np.clip(np.nan_to_num(below, nan=NUM_SHADES, posinf=NUM_SHADES), 0, NUM_SHADES)
    return np.where(np.isnan(values), -1, shades).astype(int)


def shares(values: np.ndarray) -> np.ndarray:
    """Shades of values as shares of the largest one in their row.

    >>> shares(np.array([[0.0, 1.0, 0.5], [0.2, 0.1, 0.0]])).tolist()
    [[0, 8, 4], [8, 4, 0]]
    """
    top = np.nanmax(values, axis=1, keepdims=True, initial=0.0)
    return np.round(NUM_SHADES * np.nan_to_num(values) / np.where(top > 0, top, 1.0)).astype(int)


def decade_note(shade: int) -> str:
    """What a shade of ``half_decades`` means.

    >>> decade_note(8), decade_note(5)
    ('0.32 to 1 of the largest of its row', '0.01 to 0.032 of the largest of its row')
    """
    low, high = (10 ** ((shade - NUM_SHADES - below) / 2) for below in (1, 0))
    return f"{low:.2g} to {high:.2g} of the largest of its row"


def share_note(shade: int) -> str:
    """What a shade of ``shares`` means.

    >>> share_note(8), share_note(2)
    ('94 to 100 % of the largest of its row', '19 to 31 % of the largest of its row')
    """
    low, high = (100 * (shade + half) / NUM_SHADES for half in (-0.5, 0.5))
    return f"{low:.0f} to {min(high, 100):.0f} % of the largest of its row"


def edges(places: np.ndarray) -> np.ndarray:
    """The edges of tiles that lie at ascending ``places``: half way between, as far out at the ends."""
    places = np.asarray(places, np.float64)
    if len(places) < 2:
        return np.array([places[0] - 0.5, places[0] + 0.5])
    middle = (places[1:] + places[:-1]) / 2
    return np.array([2 * places[0] - middle[0], *middle, 2 * places[-1] - middle[-1]])


def lag_place(lags: np.ndarray) -> np.ndarray:
    """Where lags lie on a logarithmic axis that has lag 0."""
    return np.log10(np.asarray(lags, np.float64) + 1)


def lag_ticks(axes: Axes, last: int) -> None:
    """Ticks at round lags up to ``last`` on an axis of ``lag_place``."""
    every = [lag for lag in (0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000) if lag <= last]
    shown = every if len(every) < 4 else every[::2]
    axes.set_xticks(lag_place(np.array(shown)), [f"{lag:,}" for lag in shown])
    axes.xaxis.set_gid("lag")


def decade_legend() -> list[tuple[str, Line2D]]:
    """Entries of the legend of ``half_decades``."""
    shown = ((8, "largest"), (6, "a tenth"), (4, "1e-2"), (2, "1e-3"), (0.4, "below 1e-4"))
    return [(text, _box(shade / NUM_SHADES)) for shade, text in shown]


def _box(alpha: float) -> Line2D:
    return Line2D([], [], color=COLOR, alpha=alpha, marker="s", markersize=8, linestyle="none")


def _patch(boxes: Sequence[tuple[float, float, float, float]], alpha: float) -> PathPatch:
    vertices = np.array([[(a, b), (c, b), (c, d), (a, d), (a, b)] for a, b, c, d in boxes], np.float64)
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(boxes)
    return PathPatch(Path(vertices.reshape(-1, 2), codes), facecolor=COLOR, alpha=alpha, linewidth=0, antialiased=False)


def _stretches(true: np.ndarray) -> list[tuple[int, int]]:
    """Start and end of every stretch of true values."""
    change = np.flatnonzero(np.diff(np.concatenate([[False], true, [False]]).astype(int)))
    return list(zip(change[::2].tolist(), change[1::2].tolist(), strict=True))
