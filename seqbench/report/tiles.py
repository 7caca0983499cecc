"""Heat maps of few bytes for light and dark: a value is a share of ink on the page's own ground.

Shades are few, so that a reader can tell them apart; all tiles of a shade are one shape, neighbours in a row merged.
"""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from seqbench.report.frame import INK, without_grid
from seqbench.report.renderer import tag

NUM_SHADES = 8
COLOR = "#0072B2"
NOT_FINITE = -2
"""The shade of what is infinite or no number: drawn in the colour of text, so that it is taken for no value."""


def tiles(axes: Axes, x: np.ndarray, y: np.ndarray, shades: np.ndarray, note: Callable[[int], str]) -> None:
    """Draw ``shades`` (rows, columns), whole numbers from 0, nothing, to ``NUM_SHADES``, full.

    -1, where there is no value, is left blank as 0 is; ``NOT_FINITE`` has a colour of its own.

    ``x`` (columns + 1) and ``y`` (rows + 1) are the edges of the tiles; ``note`` says what a shade means.
    """
    for shade in (NOT_FINITE, *range(1, NUM_SHADES + 1)):
        boxes = [
            (x[start], y[row], x[end], y[row + 1])
            for row in range(len(shades))
            for start, end in _stretches(shades[row] == shade)
        ]
        if boxes:
            lost = shade == NOT_FINITE
            patch = _patch(boxes, INK if lost else COLOR, 1.0 if lost else shade / NUM_SHADES)
            patch.set_gid(tag(data_note="not a finite number" if lost else note(shade)))
            axes.add_artist(patch)  # add_patch would also search for limits
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(y[0], y[-1])
    without_grid(axes)


def half_decades(values: np.ndarray) -> np.ndarray:
    """Shades of values from 0 on: full near the largest finite one of their row, one less for each half decade below.

    NaN is where there is no value.

    >>> half_decades(np.array([[1.0, 0.5, 0.02, 1e-9, np.nan], [0, 0, 0, 0, np.inf]])).tolist()
    [[8, 8, 5, 0, -1], [0, 0, 0, 0, -2]]
    """
    with np.errstate(divide="ignore"):
        below = np.floor(-2 * np.log10(_of_largest(values)))
    shades = NUM_SHADES - np.clip(below, 0, NUM_SHADES)
    return np.select([np.isnan(values), np.isinf(values)], [-1, NOT_FINITE], shades).astype(int)


def shares(values: np.ndarray) -> np.ndarray:
    """Shades of values as shares of the largest finite one in their row.

    >>> shares(np.array([[0.0, 1.0, 0.5], [0.2, np.inf, np.nan]])).tolist()
    [[0, 8, 4], [8, -2, -2]]
    """
    return np.where(np.isfinite(values), np.round(NUM_SHADES * _of_largest(values)), NOT_FINITE).astype(int)


def _of_largest(values: np.ndarray) -> np.ndarray:
    """Finite values from 0 on over the largest of their row, 0 where that is 0; 0 for all others."""
    finite = np.where(np.isfinite(values) & (values > 0), values, 0.0).astype(np.float64)
    top = finite.max(axis=1, keepdims=True, initial=0.0)
    return finite / np.where(top > 0, top, 1.0)


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


def _patch(boxes: Sequence[tuple[float, float, float, float]], color: str, alpha: float) -> PathPatch:
    vertices = np.array([[(a, b), (c, b), (c, d), (a, d), (a, b)] for a, b, c, d in boxes], np.float64)
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(boxes)
    return PathPatch(Path(vertices.reshape(-1, 2), codes), facecolor=color, alpha=alpha, linewidth=0, antialiased=False)


def _stretches(true: np.ndarray) -> list[tuple[int, int]]:
    """Start and end of every stretch of true values."""
    change = np.flatnonzero(np.diff(np.concatenate([[False], true, [False]]).astype(int)))
    return list(zip(change[::2].tolist(), change[1::2].tolist(), strict=True))
