"""Solve rate against length, a panel a task, with the interval of the length at which it is one half."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from seqbench.report.canvas import Panels, Style, Styles, series
from seqbench.report.dependency import Dependency, beside
from seqbench.report.frame import INK
from seqbench.report.wording import whole
from seqbench.statistics.crossing import isotonic

_APART = 0.016
"""Between two architectures with the same rate, so that none hides the other."""


def dependency_figure(found: Sequence[Dependency], look: Styles, environments: Mapping[str, str]) -> Panels | None:
    """Points: share of seeds that solve. Lines: fitted rates that never rise. Bars: interval of the crossing."""
    groups = beside(found)
    if not groups:
        return None
    shown = {made.name: look.get(made.name, Style(INK)) for made in found}

    def draw(index: int, axes: Axes) -> None:
        group = groups[index]
        lengths = sorted({length for made in group for length in made.lengths})
        axes.set_xscale("log")
        axes.set_xlim(lengths[0] / 1.25, lengths[-1] * 1.25)
        axes.set_ylim(-0.08, 1.08)
        axes.axhline(0.5, color=INK, linestyle=":", linewidth=0.9)
        for number, made in enumerate(group):
            _curve(axes, made, shown[made.name], (number - (len(group) - 1) / 2) * _APART)
        ticks = _ticks(lengths)
        axes.set_xticks(ticks, labels=[whole(tick) for tick in ticks])
        axes.set_xticks([], minor=True)
        axes.set_yticks([0, 0.5, 1], labels=["0", "½", "1"])
        axes.set_xlabel("length of the dependency (steps)")
        axes.set_ylabel("share of seeds that solve")

    titles = [g[0].task + (f" [{environments[g[0].env_id]}]" if len(environments) > 1 else "") for g in groups]
    extra = [("one half", Line2D([], [], color=INK, linestyle=":", linewidth=0.9))]
    if any(made.estimate.interval for made in found):
        extra.append(("95 % interval of the crossing", Line2D([], [], color=INK, linewidth=4, alpha=0.35)))
    return Panels(titles, draw, shown, columns=2, height=3.4, extra=extra)


def _curve(axes: Axes, made: Dependency, style: Style, shift: float) -> None:
    runs, counts = np.array([len(f) for f in made.solved]), np.array([sum(f) for f in made.solved])
    color = style.color
    axes.plot(made.lengths, isotonic(counts[None], runs)[0] + shift, linestyle=style.dash, linewidth=1.4, color=color,
              gid=series(made.name, "fitted rate"))  # fmt: skip
    axes.plot(
        made.lengths, counts / runs + shift, "o", markersize=4, color=color, gid=series(made.name, "share of seeds")
    )
    if made.estimate.interval is not None:
        ends = np.clip(made.estimate.interval, *axes.get_xlim())
        axes.plot(ends, [0.5 + shift] * 2, linewidth=4, alpha=0.35, solid_capstyle="butt", color=color,
                  gid=series(made.name, "95 % interval of the crossing"))  # fmt: skip
    if 0 < made.estimate.value < math.inf:
        axes.plot(made.estimate.value, 0.5 + shift, "D", markersize=5, color=color, gid=series(made.name, "crossing"))


def _ticks(lengths: Sequence[int]) -> list[int]:
    """Of the lengths those that leave room for their labels."""
    ticks = [lengths[0]]
    for length in lengths[1:]:
        if length >= 1.6 * ticks[-1]:
            ticks.append(length)
    return ticks
