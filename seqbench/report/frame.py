"""What stands around the data of a panel, grid, axes, ticks and their labels, drawn as one thing.

matplotlib makes five artists a tick and measures each: most of the time of a page of small panels.
"""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis

INK, FAINT = "#1b1e23", "#c9cdd3"
SIZE = 9.0
"""Points, of labels."""
_TICK, _GAP, _BELOW = 3.5, 3.0, 27.0
"""Points: length of a tick, from it to its label, from a panel to the label of its x axis."""

Line = Sequence[tuple[float, float]]
"""Corners (x, y) of a line that runs along the axes, in points from the top left of a figure."""
Words = tuple[str, float, float, int]
"""A text, where it stands, in points from the top left of a figure, and by how many degrees it is turned."""


@runtime_checkable
class Paper(Protocol):
    """What a frame needs of a renderer of ours, beside what matplotlib needs."""

    def get_canvas_width_height(self) -> tuple[float, float]:
        """Width and height of the figure in points."""
        ...

    def add_lines(self, lines: Sequence[Line], color: str, width: float) -> None:
        """Draw lines, ``width`` points wide."""
        ...

    def add_texts(self, texts: Sequence[Words], color: str, size: float, anchor: str) -> None:
        """Write texts of ``size`` points that begin ("start"), have their middle or their "end" where they stand."""
        ...


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
        """Write the frame on a ``Paper``, at the limits that the panel has now."""
        box, height = self.panel.bbox, renderer.get_canvas_width_height()[1]
        left, right, top, bottom = box.x0, box.x1, height - box.y1, height - box.y0
        across = _ticks(self.panel.xaxis, 0)
        upward = [(height - y, text) for y, text in _ticks(self.panel.yaxis, 1)]
        grid = [[(x, top), (x, bottom)] for x, _ in across if "x" in self.grid]
        grid += [[(left, y), (right, y)] for y, _ in upward if "y" in self.grid]
        ticks = [[(x, bottom), (x, bottom + _TICK)] for x, _ in across]
        ticks += [[(left, y), (left - _TICK, y)] for y, _ in upward]
        renderer.add_lines(grid, FAINT, 0.5)
        renderer.add_lines([[(left, top), (left, bottom), (right, bottom)]], INK, 0.6)
        renderer.add_lines(ticks, INK, 0.8)
        below = bottom + _TICK + _GAP + 0.76 * SIZE  # the height of its digits
        renderer.add_texts([(text, x, below, 0) for x, text in across], INK, SIZE, "middle")
        beside = left - _TICK - _GAP
        named = [(text, beside, y + 0.36 * SIZE, 0) for y, text in upward if self.named]
        renderer.add_texts(named, INK, SIZE, "end")
        self._labels(renderer, (left + right) / 2, bottom, left, (top + bottom) / 2)

    def _labels(self, renderer: Paper, middle: float, bottom: float, left: float, centre: float) -> None:
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
