"""Where the panels of a figure lie: fixed margins in inches, so that nothing must be measured to place it."""

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqbench.report.frame import Frame

WIDTH = 9.6
"""Inches of a figure; page and paper scale it."""
_ABOVE, _BELOW, _RIGHT = 0.34, 0.5, 0.1
"""Inches above a panel for its title, below it for the labels of its x axis, and right of the last one."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Panels in rows and columns.

    Attributes:
        width: inches of the figure. height: of one row.
        left, between: inches to the left of a row, and between its panels, for the labels of the y axes.
    """

    rows: int
    columns: int
    width: float
    height: float
    left: float
    between: float

    def figure(self, share_rows: bool, legend: float) -> tuple[Figure, list[Axes]]:
        """A figure, one pixel a point, with all its panels, row by row, below ``legend`` inches.

        matplotlib's own layout engines draw the whole figure several times over.
        """
        total = self.height * self.rows + legend
        figure = Figure(figsize=(self.width, total), dpi=72)
        width = (self.width - self.left - _RIGHT - (self.columns - 1) * self.between) / self.columns
        height = self.height - _ABOVE - _BELOW
        panels: list[Axes] = []
        for index in range(self.rows * self.columns):
            row, column = divmod(index, self.columns)
            left, bottom = self.left + column * (width + self.between), (self.rows - row - 1) * self.height + _BELOW
            first = panels[row * self.columns] if share_rows and column else None
            place = (left / self.width, bottom / total, width / self.width, height / total)
            panels.append(panel := figure.add_axes(place, sharey=first))
            panel.set_axis_off()
            panel.add_artist(Frame(panel, 72 * self.left - 4, named=first is None))
            for axis in (panel.xaxis, panel.yaxis):
                axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        return figure, panels
