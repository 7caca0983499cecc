"""What stands around the data of a panel, grid, axes, ticks and their labels, drawn as one thing.

matplotlib makes five artists a tick and measures each: most of the time of a page of small panels.
"""

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis

INK, FAINT = "#1b1e23", "#c9cdd3"
SIZE = 9.0
"""Points, of labels."""
_TICK, _GAP, _BELOW = 3.5, 3.0, 27.0
"""Points: length of a tick, from it to its label, from a panel to the label of its x axis."""


class Frame(Artist):
    """The frame of one panel, whose own axes are off.

    Attributes:
        grid: axes that have grid lines, "xy", "x", or "".
        left: points from the panel to the label of its y axis. named: whether the ticks of the y axis have labels.
    """

    def __init__(self, panel: Axes, left: float, named: bool) -> None:
        super().__init__()
        self.panel, self.left, self.named, self.grid = panel, left, named, "xy"
        self.set_zorder(0)

    def draw(self, renderer: Any) -> None:
        """Write the frame at the limits that the panel has now."""
        box = self.panel.bbox
        left, right, top, bottom = box.x0, box.x1, renderer.height - box.y1, renderer.height - box.y0
        across = _ticks(self.panel.xaxis, 0)
        upward = [(renderer.height - y, text) for y, text in _ticks(self.panel.yaxis, 1)]
        grid = [f"M{x:.2f} {top:.2f}V{bottom:.2f}" for x, _ in across if "x" in self.grid]
        grid += [f"M{left:.2f} {y:.2f}H{right:.2f}" for y, _ in upward if "y" in self.grid]
        ticks = [f"M{x:.2f} {bottom:.2f}v{_TICK}" for x, _ in across] + [
            f"M{left:.2f} {y:.2f}h-{_TICK}" for y, _ in upward
        ]
        lines = [(grid, FAINT, 0.5), ([f"M{left:.2f} {top:.2f}V{bottom:.2f}H{right:.2f}"], INK, 0.6), (ticks, INK, 0.8)]
        for moves, color, width in lines:
            renderer.add(f'<path d="{"".join(moves)}" stroke="{color}" stroke-width="{width}"/>' if moves else "")
        below = bottom + _TICK + _GAP + 0.76 * SIZE  # the height of its digits
        renderer.add_texts([(text, x, below, 0) for x, text in across], INK, SIZE, "middle")
        beside = left - _TICK - _GAP
        named = [(text, beside, y + 0.36 * SIZE, 0) for y, text in upward if self.named]
        renderer.add_texts(named, INK, SIZE, "end")
        self._labels(renderer, (left + right) / 2, bottom, left, (top + bottom) / 2)

    def _labels(self, renderer: Any, middle: float, bottom: float, left: float, centre: float) -> None:
        """Names of the axes; that of the y axis begins at the left, line by line."""
        texts = [(self.panel.get_xlabel(), middle, bottom + _BELOW, 0)] if self.panel.get_xlabel() else []
        lines = self.panel.get_ylabel().split("\n") if self.panel.get_ylabel() else []
        texts += [(line, left - self.left + (1 + 1.2 * at) * SIZE, centre, -90) for at, line in enumerate(lines)]
        renderer.add_texts(texts, INK, SIZE, "middle")


def without_grid(panel: Axes, axes: str = "xy") -> None:
    """Take the grid lines of these axes from a panel that has a frame."""
    for frame in panel.artists:
        if isinstance(frame, Frame):
            frame.grid = "".join(axis for axis in frame.grid if axis not in axes)


def say_instead(panel: Axes, text: str) -> None:
    """In a panel that has no data: say so, and show no numbers across, which would be matplotlib's own."""
    panel.set_xticks([])
    panel.text(0.5, 0.5, text, fontsize=SIZE, ha="center", transform=panel.transAxes)


def _ticks(axis: Axis, which: int) -> list[tuple[float, str]]:
    """Place in points, and label, of every tick within the limits of axis number ``which`` of a panel."""
    panel = axis.axes
    values = np.asarray(axis.get_majorticklocs(), float)
    texts = axis.get_major_formatter().format_ticks(values.tolist())
    points = np.tile((panel.get_xlim()[0], panel.get_ylim()[0]), (len(values), 1))
    points[:, which] = values
    places = panel.transData.transform(points)[:, which].tolist()
    low, high = panel.bbox.get_points()[:, which].tolist()
    return [(place, text) for place, text in zip(places, texts, strict=True) if low - 0.01 <= place <= high + 0.01]
