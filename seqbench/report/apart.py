"""Curves of shares, several of which may be the same: each is drawn a little off, so that none hides another.

The shift is one of the drawing, in points, not of the data: the data stay what they are, and a page that tells values
is told the shift (``canvas.series``) and takes it back.
"""

from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation, Transform

from seqbench.report.canvas import Style, series
from seqbench.report.frame import INK
from seqbench.statistics.seeds import Interval

_BEYOND = 0.08
"""How far the axis of shares reaches below 0 and above 1."""
_ROOM = 0.07
"""Of it, what curves may be shifted by: one at its very edge would be cut in half."""
_APART = 2.2
"""Points between two neighbours, where there is room."""
_BAR = {"linewidth": 4, "alpha": 0.35, "solid_capstyle": "butt"}


def share_axis(axes: Axes, label: str) -> None:
    """Shares from 0 to 1 upward, with room for curves that are shifted."""
    axes.set_ylim(-_BEYOND, 1 + _BEYOND)
    axes.set_yticks([0, 0.5, 1], labels=["0", "½", "1"])
    axes.set_ylabel(label)


def interval_entry(text: str) -> tuple[str, Line2D]:
    """Of a legend: what ``Curve.interval`` draws."""
    return text, Line2D([], [], color=INK, **_BAR)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One of the ``among`` curves of a panel, from 0 upward; all that is drawn of it is shifted alike."""

    axes: Axes
    name: str
    style: Style
    number: int
    among: int

    @property
    def shift(self) -> float:
        """Points upward."""
        room = 2 * _ROOM / (1 + 2 * _BEYOND) * float(self.axes.bbox.height)
        return (self.number - (self.among - 1) / 2) * min(_APART, room / max(1, self.among - 1))

    @property
    def _place(self) -> Transform:
        figure = self.axes.figure
        return self.axes.transData + ScaledTranslation(0, self.shift / 72, figure.dpi_scale_trans)

    def plot(self, *values: Any, note: str, told: str = "", **look: Any) -> None:
        """As matplotlib's ``plot``, in the colour of the architecture; ``note`` and ``told``: see ``canvas.series``."""
        gid = series(self.name, note, self.shift, told)
        self.axes.plot(*values, color=self.style.color, transform=self._place, gid=gid, **look)

    def interval(self, ends: Interval, note: str, told: str = "") -> None:
        """A bar at one half from the one end to the other."""
        self.plot(ends, [0.5, 0.5], note=note, told=told, **_BAR)
