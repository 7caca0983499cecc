"""Small multiples: one panel a cell, architectures across, each task on rows of its own."""

from collections.abc import Callable, Sequence
from typing import cast

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from seqbench.report.canvas import Panels
from seqbench.report.group import Cell, Group
from seqbench.report.loaded import Arrays, Loaded, first_run
from seqbench.report.wording import readable
from seqbench.schema import Record

COLUMNS = 5
_MOST_ROWS = 16
"""Rows of panels of one figure: a page of heat maps is not read further, nor loaded on a phone."""
Place = tuple[Cell, Record, Arrays, str]
"""A cell, its run with the arrays, and the title of the task where the place begins a row."""


def multiples(
    groups: Sequence[Group],
    loaded: Loaded,
    name: str,
    titles: Sequence[str],
    draw: Callable[[Axes, Arrays], None],
    *,
    note: Callable[[Record, Arrays], str],
    x: str,
    y: str,
    extra: Sequence[tuple[str, Line2D]] = (),
    height: float = 2.1,
) -> Panels | None:
    """A panel for each cell that left an array called ``name``, of the run of its lowest seed; None where none did.

    Args:
        groups: the tasks.
        loaded: the arrays of their runs.
        name: the array that a cell must have left.
        titles: of the tasks, for the left of their rows.
        draw: is called with axes and arrays.
        note: what a title says after the architecture's name, "" for nothing.
        x: label of the horizontal axis.
        y: label of the vertical axis.
        extra: the legend.
        height: inches of one row.
    """
    places, width = _places(groups, loaded, name, titles)

    def panel(index: int, axes: Axes) -> None:
        cell, record, arrays, title = cast(Place, places[index])
        draw(axes, arrays)
        said = f"{readable(cell.name)}\n{note(record, arrays)}"
        axes.set_title(said, fontsize=8.5, fontweight="normal", linespacing=1.25)
        axes.set_xlabel(x)
        axes.set_ylabel(f"{readable(title)}\n{y}" if title else "")

    names = [place and place[0].name for place in places]
    sizes = {"columns": width, "height": height, "left": 0.85, "between": 0.5}
    return Panels(names, panel, {}, extra=extra, architectures=True, **sizes) if names else None


def _places(
    groups: Sequence[Group], loaded: Loaded, name: str, titles: Sequence[str]
) -> tuple[list[Place | None], int]:
    """What stands in each place of the grid, None where it stays empty, and the places side by side."""
    rows = [[(cell, *found) for cell in group.cells if (found := first_run(loaded, cell, name))] for group in groups]
    width = max(1, min(COLUMNS, max(map(len, rows), default=0)))
    places: list[Place | None] = []
    for title, runs in zip(titles, rows, strict=True):
        places += [(*run, "" if number % width else title) for number, run in enumerate(runs)]
        places += [None] * (-len(runs) % width)
    return places[: _MOST_ROWS * width], width
