"""Small multiples: one panel a cell, architectures across, each task on rows of its own."""

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from seqbench.report.canvas import panels
from seqbench.report.groups import Group
from seqbench.report.loaded import Arrays, Loaded, first_run
from seqbench.report.wording import readable
from seqbench.schema import Record

COLUMNS = 5


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
) -> str | None:
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
    rows = [[(cell, *found) for cell in group.cells if (found := first_run(loaded, cell, name))] for group in groups]
    width = min(COLUMNS, max(map(len, rows), default=0))
    places: list[tuple[str | None, str, Arrays, str]] = []
    for title, runs in zip(titles, rows, strict=True):
        for number, (cell, record, arrays) in enumerate(runs):
            label = f"{readable(title)}\n{y}" if number % width == 0 else ""
            places.append((cell.name, note(record, arrays), arrays, label))
        places += [(None, "", {}, "")] * (-len(runs) % width if width else 0)

    def panel(index: int, axes: Axes) -> None:
        cell, said, arrays, label = places[index]
        draw(axes, arrays)
        axes.set_title(f"{readable(cell)}\n{said}", fontsize=8.5, fontweight="normal", linespacing=1.25)
        axes.set_xlabel(x)
        axes.set_ylabel(label)

    if not places:
        return None
    names = [cell for cell, *_ in places]
    return panels(names, panel, {}, columns=width, extra=extra, height=height, left=0.85, between=0.45)
