"""What all figures share: colours, one grid of panels with one legend, and SVG text that is the same byte for byte.

Figures are drawn without pyplot and without text paths: small files, text that can be searched, no global state.
All colours come from one palette, which the page replaces by variables of its own, so that one drawing serves light and
dark.
"""

import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from itertools import zip_longest
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from seqbench.report.frame import INK, SIZE
from seqbench.report.grid import WIDTH, Grid
from seqbench.report.group import Group
from seqbench.report.names import FIRST, full_name, model_order
from seqbench.report.renderer import svg_of, tag
from seqbench.report.wording import readable

# Okabe & Ito 2008, without black and yellow, which vanish on one of the two backgrounds.
_FIXED: dict[str, str] = dict(zip(FIRST, ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00"), strict=True))
_FURTHER = ("#56B4E9", "#8C8C8C", *_FIXED.values())
PALETTE = (*_FIXED.values(), *_FURTHER[:2])
"""Every colour of an architecture; number n is the variable --c<n> of the page."""
_MARK, _PER_INCH = 6, 12
"""Characters: what stands before the text of an entry of the legend, and what fits in an inch of it."""
_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)))
_SETTINGS: dict[Any, Any] = {
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "font.size": SIZE,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # matplotlib need not look for it above everything else
    "text.color": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "legend.frameon": False,
    "lines.solid_capstyle": "butt",
    # Fonts in a PDF are TrueType, so that text can be selected; 3.11 reads the other name for the same thing.
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
}


@dataclass(frozen=True)
class Style:
    """How one architecture is drawn in every figure."""

    color: str
    dash: Any = "-"


Styles = Mapping[str, Style]
"""Cell name -> style."""


@dataclass(frozen=True)
class Print:
    """A PDF; ``wide``: it takes two columns of a paper."""

    document: bytes
    wide: bool


def styles(groups: Sequence[Group]) -> dict[str, Style]:
    """Cell name -> style. The five of ``FIRST`` have their own colours; others take the further ones by name.

    Variants of one architecture share its colour and differ in their dashes.
    """
    cells = sorted({(cell.model, cell.shown) for group in groups for cell in group.cells}, key=_order)
    others = [model for model in dict.fromkeys(model for model, _ in cells) if model not in _FIXED]
    found: dict[str, Style] = {}
    seen: dict[str, int] = {}
    for model, variant in cells:
        rank = others.index(model) if model in others else 0
        color = _FIXED.get(model) or _FURTHER[rank % len(_FURTHER)]
        rounds = rank // len(_FURTHER) + (1 if rank % len(_FURTHER) >= 2 else 0) + seen.get(model, 0)
        found[full_name(model, variant)] = Style(color, _DASHES[rounds % len(_DASHES)])
        seen[model] = seen.get(model, 0) + 1
    return found


def _order(cell: tuple[str, str]) -> tuple[object, ...]:
    return (*model_order(cell[0]), cell[1])


@contextmanager
def _settings() -> Iterator[None]:
    """Our own settings on top of matplotlib's defaults: a user's matplotlibrc changes nothing."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        # A name in a script that the font lacks is still right in the SVG, whose text the browser sets.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


@dataclass(frozen=True)
class Panels:
    """A grid of panels, drawn anew for each of its forms.

    Attributes:
        titles: one a panel; None leaves its place empty.
        draw: is called with a panel's number and its axes.
        legend: name -> style of the lines.
        extra: further entries of the legend.
        columns: panels side by side.
        height: inches of one row.
        left: inches to the left of a panel, for the labels of its y axis.
        between: inches between panels of a row where that is not ``left``.
        share_rows: whether the panels of a row have one y axis.
        architectures: whether each panel is about the one architecture that its title names.
    """

    titles: Sequence[str | None]
    draw: Callable[[int, Axes], None]
    legend: Styles
    _: KW_ONLY
    columns: int = 3
    extra: Sequence[tuple[str, Line2D]] = ()
    height: float = 2.5
    left: float = 0.72
    between: float | None = None
    share_rows: bool = False
    architectures: bool = False

    @property
    def _entries(self) -> list[str]:
        """Of the legend."""
        return [*self.legend, *(text for text, _ in self.extra)]

    def svg(self) -> str:
        """The text of one svg element."""
        with _settings():
            return svg_of(self._figure(WIDTH))

    def pdf(self) -> Print:
        """A document of one page."""
        from seqbench.report.pdf import pdf_of  # late: a report without it need not wait for its fonts

        longest = max(map(len, self._entries), default=0)
        wide = min(self.columns, len(self.titles)) > 1 or longest + _MARK > _PER_INCH * WIDTH / 2
        with _settings():
            return Print(pdf_of(self._figure(WIDTH if wide else WIDTH / 2)), wide)

    def _figure(self, width: float) -> Figure:
        columns = min(self.columns, len(self.titles))
        grid = Grid(rows=-(-len(self.titles) // columns), columns=columns, width=width, height=self.height,
                    left=self.left, between=self.between or self.left)  # fmt: skip
        beside = _legend_columns(self._entries, width)
        figure, axes = grid.figure(self.share_rows, 0.2 * -(-len(self._entries) // beside) + 0.1)
        for index, (panel, title) in enumerate(zip_longest(axes, self.titles)):
            if title is None:
                panel.remove()
            else:
                panel.set_title(readable(title))
                self.draw(index, panel)
        for panel, title in zip(axes, self.titles, strict=False):
            if title is not None:  # told when all are drawn: what is drawn beside it may move an axis that they share
                panel.set_gid(_panel(panel, title, self.architectures))
        _legend(figure, self.legend, self.extra, beside)
        return figure


def series(name: str, note: str = "", shift: float = 0.0, told: str = "") -> str:
    """The group id of what shows an architecture: a page can hide it, and tell its values with a ``note``.

    ``shift``: points by which it is drawn above its values. ``told``: what is said in their place.
    """
    data = {"data_note": readable(note), "data_shift": f"{shift:.5g}" if shift else "", "data_told": told}
    return tag(data_series=readable(name), **{key: text for key, text in data.items() if text})


def _panel(axes: Axes, title: str, architecture: bool) -> str:
    """The group id of a panel: where its axes lie in points and which values they span, for those who point at it."""
    left, bottom, width, height = axes.bbox.bounds
    top = axes.figure.bbox.height - bottom - height
    return tag(
        class_="panel",
        data_title=readable(title),
        data_box=f"{left:.2f} {top:.2f} {width:.2f} {height:.2f}",
        data_x=_span(axes.xaxis, axes.get_xlim()),
        data_y=_span(axes.yaxis, axes.get_ylim()),
        data_names=json.dumps([axes.get_xlabel(), axes.get_ylabel().split("\n")[-1]]),
        **({"data_series": readable(title)} if architecture else {}),
    )


def _span(axis: Axis, limits: tuple[float, float]) -> str:
    """Scale and limits: "linear 0 800"; the group id of an axis is a scale that matplotlib does not know."""
    return f"{axis.get_gid() or axis.get_scale()} {limits[0]:.9g} {limits[1]:.9g}"


def _legend(figure: Figure, legend: Styles, extra: Sequence[tuple[str, Line2D]], columns: int) -> None:
    lines = [Line2D([], [], color=s.color, linestyle=s.dash, linewidth=2) for s in legend.values()]
    names = [readable(name) for name in legend]
    # matplotlib drops entries that start with an underscore
    names = [f" {name}" if name.startswith("_") else name for name in names]
    handles, labels = [*lines, *(line for _, line in extra)], [*names, *(text for text, _ in extra)]
    if handles:
        drawn = figure.legend(handles, labels, loc="upper left", ncols=columns, handlelength=2.2)
        for line, text, name in zip(drawn.legend_handles, drawn.get_texts(), legend, strict=False):
            if line is not None:
                line.set_gid(series(name))
            text.set_gid(series(name))


def _legend_columns(entries: Sequence[str], width: float) -> int:
    """Entries side by side in ``width`` inches: all where they fit on one line, a grid where they do not."""
    widths, room = [len(entry) + _MARK for entry in entries], int(_PER_INCH * width)
    return max(1, len(entries) if sum(widths) <= room else room // max(widths))


def log_axis(axis: Axis, low: float, high: float) -> None:
    """Ticks for values from 10**low to 10**high: plain text in every font, more within a decade where few fit."""
    decades = high - low
    subs = (1, 2, 5) if decades < 1.2 else (1, 3) if decades < 2.5 else (1,)
    axis.set_major_locator(LogLocator(base=10 ** max(1, round(decades / 5)), subs=subs, numticks=12))
    axis.set_major_formatter(FuncFormatter(_power))
    axis.set_minor_formatter(NullFormatter())
    axis.set_minor_locator(LogLocator(base=10, subs=[], numticks=2))


def _power(value: float, _: object) -> str:
    if 1e-3 <= value < 1e5:
        return f"{value:,.0f}" if value >= 10 else f"{value:g}"
    return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
