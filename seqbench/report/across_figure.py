"""Performance profiles: the share of an architecture's runs above each skill, a panel an environment."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from matplotlib.axes import Axes

from seqbench.report.across import Across, Standing
from seqbench.report.canvas import Panels, Style, Styles, series
from seqbench.report.frame import INK
from seqbench.report.sample import MOST_CELLS
from seqbench.report.wording import count

_PLAIN_BANDS = 3
"""Bands that can still be told from each other; more of them are as much fainter, so that they hide no line."""


def performance_figure(found: Sequence[Across], look: Styles, environments: Mapping[str, str]) -> Panels | None:
    """Lines: shares of runs, every task weighing the same. Bands: pointwise, where there are seeds enough for one."""
    drawn = [replace(made, rows=made.rows[:MOST_CELLS]) for made in found if any(row.profile for row in made.rows)]
    if not drawn:
        return None
    shown = {row.label: look.get(row.label, Style(INK)) for made in drawn for row in made.rows}

    def draw(index: int, axes: Axes) -> None:
        rows = drawn[index].rows
        for row in rows:
            _profile(axes, row, shown[row.label], 0.13 * min(1, _PLAIN_BANDS / len(rows)))
        axes.set_xlim(0, 1)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("normalised skill")
        axes.set_ylabel("share of runs above it")

    titles = [
        count(len(made.tasks), "common task") + (f" [{environments[made.env_id]}]" if len(environments) > 1 else "")
        for made in drawn
    ]
    return Panels(titles, draw, shown, columns=1, height=3.6)


def _profile(axes: Axes, row: Standing, style: Style, alpha: float) -> None:
    found = row.profile
    if found is None:
        return
    if found.low is not None and found.high is not None:
        axes.fill_between(found.thresholds, found.low, found.high, color=style.color, alpha=alpha, linewidth=0,
                          gid=series(row.label))  # fmt: skip
    axes.plot(found.thresholds, found.fraction, color=style.color, linestyle=style.dash, linewidth=1.8,
              gid=series(row.label, "share of runs"))  # fmt: skip
