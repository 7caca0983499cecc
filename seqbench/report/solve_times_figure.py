"""The share of runs that have not solved a task yet against training steps, a panel a task."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from seqbench.report.canvas import Panels, Style, Styles, log_axis, series
from seqbench.report.frame import INK, say_instead
from seqbench.report.solve_times import SolveTimes, TaskTimes
from seqbench.statistics.seeds import Interval

_APART = 0.016
"""Between two architectures with the same share, so that none hides the other."""
_MOST_BANDS = 3
"""Architectures of a panel whose bands can still be told from each other."""


def solve_times_figure(found: Sequence[TaskTimes], look: Styles) -> Panels | None:
    """A panel a task; None where no run solved anything."""
    if not any(task.steps for task in found):
        return None
    names = dict.fromkeys(one.label for task in found for one in task.architectures)
    shown = {name: look.get(name, Style(INK)) for name in names}

    def draw(index: int, axes: Axes) -> None:
        budget = max(one.budget for one in found[index].architectures)
        if steps := found[index].steps:
            _panel(axes, found[index].architectures, shown, (min(steps) / 1.6, 1.25 * max(budget, *steps)))
        else:
            say_instead(axes, f"no run solves it in {budget:,} steps")
        axes.set_ylim(-0.08, 1.08)
        axes.set_yticks([0, 0.5, 1], labels=["0", "½", "1"])
        axes.set_xlabel("training step")
        axes.set_ylabel("share of runs not solved yet")

    ends = [one.median_interval for task in found for one in task.architectures]
    bar = ("95 % interval of the median", Line2D([], [], color=INK, linewidth=4, alpha=0.35))
    extra = [bar] if any(map(_closed, ends)) else []
    return Panels([task.title for task in found], draw, shown, columns=2, height=3.0, extra=extra)


def _panel(axes: Axes, architectures: Sequence[SolveTimes], look: Styles, limits: Interval) -> None:
    axes.set_xscale("log")
    axes.set_xlim(*limits)
    log_axis(axes.xaxis, *np.log10(limits).tolist())
    for number, one in enumerate(architectures):
        shift, color = (number - (len(architectures) - 1) / 2) * _APART, look[one.label].color
        steps = np.array([limits[0], *np.repeat(one.curve.steps[1:], 2), max(one.budget, one.curve.end)])
        if len(architectures) <= _MOST_BANDS and one.curve.low and one.curve.high:
            axes.fill_between(steps, np.repeat(one.curve.low, 2), np.repeat(one.curve.high, 2), color=color, alpha=0.13,
                              linewidth=0, gid=series(one.label))  # fmt: skip
        axes.plot(steps, np.repeat(one.curve.unsolved, 2) + shift, color=color, linestyle=look[one.label].dash,
                  linewidth=1.6, gid=series(one.label, "share of runs not solved yet"))  # fmt: skip
        if one.median_interval and _closed(one.median_interval):
            axes.plot(one.median_interval, [0.5 + shift] * 2, linewidth=4, alpha=0.35, color=color,
                      gid=series(one.label, "95 % interval of the median"))  # fmt: skip


def _closed(interval: Interval | None) -> bool:
    """Whether there is an interval with two ends."""
    return interval is not None and math.isfinite(interval[1])
