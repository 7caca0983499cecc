"""Solve rate against length, a panel a task, with the interval of the length at which it is one half."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from seqbench.report.apart import Curve, interval_entry, share_axis
from seqbench.report.canvas import Panels, Style, Styles
from seqbench.report.dependency import NO_BOUND, Dependency, beside
from seqbench.report.frame import INK
from seqbench.report.sample import MOST_CELLS, MOST_TASKS
from seqbench.report.wording import whole
from seqbench.statistics.crossing import isotonic

_INTERVAL = "95 % interval of the crossing"


def dependency_figure(found: Sequence[Dependency], look: Styles, environments: Mapping[str, str]) -> Panels | None:
    """Points: share of seeds that solve. Lines: fitted rates that never rise. Bars: interval of the crossing."""
    groups = [group[:MOST_CELLS] for group in beside(found)[:MOST_TASKS]]
    if not groups:
        return None
    shown = {made.name: look.get(made.name, Style(INK)) for group in groups for made in group}

    def draw(index: int, axes: Axes) -> None:
        group = groups[index]
        lengths = sorted({length for made in group for length in made.lengths})
        axes.set_xscale("log")
        axes.set_xlim(lengths[0] / 1.25, lengths[-1] * 1.25)
        axes.axhline(0.5, color=INK, linestyle=":", linewidth=0.9)
        for number, made in enumerate(group):
            _draw(Curve(axes=axes, name=made.name, style=shown[made.name], number=number, among=len(group)), made)
        ticks = _ticks(lengths)
        axes.set_xticks(ticks, labels=[whole(tick) for tick in ticks])
        axes.set_xticks([], minor=True)
        axes.set_xlabel("length of the dependency (steps)")
        share_axis(axes, "share of seeds that solve")

    titles = [g[0].task + (f" [{environments[g[0].env_id]}]" if len(environments) > 1 else "") for g in groups]
    extra = [("one half", Line2D([], [], color=INK, linestyle=":", linewidth=0.9))]
    if any(made.estimate.interval for group in groups for made in group):
        extra.append(interval_entry(_INTERVAL))
    return Panels(titles, draw, shown, columns=2, height=3.4, extra=extra)


def _draw(curve: Curve, made: Dependency) -> None:
    runs, counts = np.array([len(f) for f in made.solved]), np.array([sum(f) for f in made.solved])
    fitted = isotonic(counts[None], runs)[0]
    curve.plot(made.lengths, fitted, linestyle=curve.style.dash, linewidth=1.4, note="fitted rate")
    curve.plot(made.lengths, counts / runs, "o", markersize=4, note="share of seeds")
    if made.estimate.interval is not None:
        low, high = np.clip(made.estimate.interval, *curve.axes.get_xlim()).tolist()
        curve.interval((low, high), _INTERVAL, told=made.interval_text or NO_BOUND)  # an open end is no value
    if 0 < made.estimate.value < math.inf:
        curve.plot(made.estimate.value, 0.5, "D", markersize=5, note="crossing")


def _ticks(lengths: Sequence[int]) -> list[int]:
    """Of the lengths those that leave room for their labels."""
    ticks = [lengths[0]]
    for length in lengths[1:]:
        if length >= 1.6 * ticks[-1]:
            ticks.append(length)
    return ticks
