"""The share of runs that have not solved a task yet against training steps, a panel a task."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from seqbench.report.apart import Curve, interval_entry, share_axis
from seqbench.report.canvas import Panels, Style, Styles, log_axis, series
from seqbench.report.frame import INK, say_instead
from seqbench.report.solve_times import SolveTimes, TaskTimes
from seqbench.statistics.seeds import Interval

_SHARE, _INTERVAL = "share of runs not solved yet", "95 % interval of the median"
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
        axes.set_xlabel("training step")
        share_axis(axes, _SHARE)

    ends = [one.median_interval for task in found for one in task.architectures]
    extra = [interval_entry(_INTERVAL)] if any(map(_closed, ends)) else []
    return Panels([task.title for task in found], draw, shown, columns=2, height=3.0, extra=extra)


def _panel(axes: Axes, architectures: Sequence[SolveTimes], look: Styles, limits: Interval) -> None:
    axes.set_xscale("log")
    axes.set_xlim(*limits)
    log_axis(axes.xaxis, *np.log10(limits).tolist())
    for number, one in enumerate(architectures):
        style = look[one.label]
        curve = Curve(axes=axes, name=one.label, style=style, number=number, among=len(architectures))
        steps = np.array([limits[0], *np.repeat(one.curve.steps[1:], 2), max(one.budget, one.curve.end)])
        if len(architectures) <= _MOST_BANDS and one.curve.low and one.curve.high:
            axes.fill_between(steps, np.repeat(one.curve.low, 2), np.repeat(one.curve.high, 2), color=style.color,
                              alpha=0.13, linewidth=0, gid=series(one.label))  # fmt: skip
        curve.plot(steps, np.repeat(one.curve.unsolved, 2), linestyle=style.dash, linewidth=1.6, note=_SHARE)
        if one.median_interval and _closed(one.median_interval):
            curve.interval(one.median_interval, _INTERVAL)


def _closed(interval: Interval | None) -> bool:
    """Whether there is an interval with two ends."""
    return interval is not None and math.isfinite(interval[1])
