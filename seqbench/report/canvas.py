"""What all figures share: colours, one grid of panels with one legend, and SVG text that is the same byte for byte.

Figures are drawn without pyplot and without text paths: small files, text that can be searched, no global state.
Ink and grid are drawn in two marker colours, which the page replaces by its own, so that one drawing serves light and
dark.
"""

import io
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from seqbench.report.groups import FIRST, Cell, Group, model_order
from seqbench.report.wording import readable

INK, FAINT = "#1b1e23", "#c9cdd3"
# Okabe & Ito 2008, without black and yellow, which vanish on one of the two backgrounds.
_FIXED: dict[str, str] = dict(zip(FIRST, ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00"), strict=True))
_FURTHER = ("#56B4E9", "#8C8C8C", *_FIXED.values())
_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)))
_WIDTH = 9.6
"""Inches; the page scales it."""
_SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "seqbench",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.6,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Style:
    """How one architecture is drawn in every figure."""

    color: str
    dash: Any = "-"


Styles = Mapping[str, Style]
"""Cell name -> style."""


def styles(groups: Sequence[Group]) -> dict[str, Style]:
    """Cell name -> style. The five of ``FIRST`` have their own colours; others take the further ones by name.

    Variants of one architecture share its colour and differ in their dashes.
    """
    cells = sorted({(cell.model, cell.variant) for group in groups for cell in group.cells}, key=_order)
    others = [model for model in dict.fromkeys(model for model, _ in cells) if model not in _FIXED]
    found: dict[str, Style] = {}
    seen: dict[str, int] = {}
    for model, variant in cells:
        rank = others.index(model) if model in others else 0
        color = _FIXED.get(model) or _FURTHER[rank % len(_FURTHER)]
        rounds = rank // len(_FURTHER) + (1 if rank % len(_FURTHER) >= 2 else 0) + seen.get(model, 0)
        found[Cell(model=model, variant=variant, records=()).name] = Style(color, _DASHES[rounds % len(_DASHES)])
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


def panels(
    titles: Sequence[str | None],
    draw: Callable[[int, Axes], None],
    legend: Styles,
    *,
    columns: int = 3,
    extra: Sequence[tuple[str, Line2D]] = (),
    height: float = 2.5,
    left: float = 0.72,
    between: float | None = None,
    share_rows: bool = False,
) -> str:
    """SVG text of a grid of panels.

    Args:
        titles: one a panel; None leaves its place empty.
        draw: is called with a panel's number and its axes.
        legend: name -> style of the lines.
        extra: further entries of the legend.
        columns: panels side by side.
        height: inches of one row.
        left: inches to the left of a panel, for the labels of its y axis.
        between: inches between panels of a row where that is not ``left``.
        share_rows: whether the panels of a row have one y axis.
    """
    columns = min(columns, len(titles))
    rows = -(-len(titles) // columns)
    with _settings():
        figure = Figure(figsize=(_WIDTH, height * rows + _legend_height([*legend, *(text for text, _ in extra)])))
        axes = figure.subplots(rows, columns, squeeze=False, sharey="row" if share_rows else False)
        _arrange(figure, rows, columns, height, left, between or (0.2 if share_rows else left))
        for index, panel in enumerate(axes.flat):
            if index >= len(titles) or (title := titles[index]) is None:
                panel.set_axis_off()
                continue
            panel.set_title(readable(title))
            draw(index, panel)
        _legend(figure, legend, extra)
        figure.savefig(stream := io.StringIO(), format="svg", metadata={"Date": None, "Creator": None})
    return _smaller(stream.getvalue())


def _arrange(figure: Figure, rows: int, columns: int, height: float, left: float, between: float) -> None:
    """Fixed margins in inches: matplotlib's own layout engines draw the whole figure several times over."""
    width, total = figure.get_size_inches()
    above, below = 0.34, 0.5
    panel_width = (width - left - 0.1 - (columns - 1) * between) / columns
    panel_height = height - above - below
    figure.subplots_adjust(
        left=left / width,
        right=1 - 0.1 / width,
        top=(rows * height - above) / total,
        bottom=below / total,
        wspace=between / panel_width,
        hspace=(above + below) / panel_height,
    )


def _legend(figure: Figure, legend: Styles, extra: Sequence[tuple[str, Line2D]]) -> None:
    lines = [Line2D([], [], color=s.color, linestyle=s.dash, linewidth=2) for s in legend.values()]
    names = [readable(name) for name in legend]
    # matplotlib drops entries that start with an underscore
    names = [f" {name}" if name.startswith("_") else name for name in names]
    handles, labels = [*lines, *(line for _, line in extra)], [*names, *(text for text, _ in extra)]
    if handles:
        figure.legend(handles, labels, loc="upper left", ncols=_legend_columns(labels), handlelength=2.2)


def _legend_height(labels: Sequence[str]) -> float:
    """Inches."""
    return 0.2 * -(-len(labels) // _legend_columns(labels or [""])) + 0.1


def _legend_columns(labels: Sequence[str]) -> int:
    """Entries side by side: all where they fit on one line of about 115 characters, a grid where they do not."""
    widths = [len(label) + 6 for label in labels]
    return len(labels) if sum(widths) <= 115 else max(1, 115 // max(widths))


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


_PATH = re.compile(r' d="([^"]*)"')
_DECIMALS = re.compile(r"(\.\d\d)\d+")


def _smaller(svg: str) -> str:
    """Without metadata, and coordinates to a hundredth of a point: about half the size, no visible difference."""
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = svg[svg.index("<svg") :]
    return _PATH.sub(lambda found: ' d="' + _DECIMALS.sub(r"\1", found.group(1)).replace("\n", " ").rstrip() + '"', svg)


def standalone(svg: str) -> str:
    """A figure as its own file, on white paper."""
    head, body = svg.split(">", 1)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{head}>\n <rect width="100%" height="100%" fill="#ffffff"/>{body}'


def inline(svg: str, name: str, label: str) -> str:
    """A figure inside the page: ink and grid in the page's colours, ids that no other figure has."""
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)
    svg = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{name}-\1"', svg)
    svg = svg.replace(INK, "currentColor").replace(FAINT, "var(--line)")
    svg = re.sub(r'<style type="text/css">.*?</style>', "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    return svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
