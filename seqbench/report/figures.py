"""Figures of learning runs: every seed drawn, one panel a task, the same colour for an architecture in all of them."""

from collections.abc import Sequence
from functools import reduce
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from seqbench.report.canvas import INK, Style, Styles, log_axis, panels
from seqbench.report.groups import Cell, Group
from seqbench.report.loaded import Loaded, any_array, arrays_of, median_over, positive, with_array
from seqbench.report.wording import readable
from seqbench.schema import Record

_EPSILON = float(np.finfo(np.float32).eps)
_LOWEST = 1e-12
_PROFILE, _LAG = "gradient_profile/input", "gradient_profile/lag"


def learning_curves(groups: Sequence[Group], loaded: Loaded, titles: Sequence[str], look: Styles) -> str | None:
    """Validation score against training step, one thin line a seed; None where no run left a curve."""

    def draw(index: int, axes: Axes) -> None:
        group = groups[index]
        drawn = []
        for cell, record in _runs(group):
            x, y = _series(loaded, record, "evaluation_step", f"validation/{group.metric}")
            drawn.append(y)
            _line(axes, x, y, look[cell.name], record)
        _score_axis(axes, group, drawn)
        axes.set_xlabel("training step")
        axes.set_ylabel(readable(group.metric or "").replace("_", " "))

    if not any_array(groups, loaded, "evaluation_step"):
        return None
    return panels(titles, draw, look, extra=[("trivial baseline", _rule("--")), ("solved", _rule(":")), _cross()])


def _score_axis(axes: Axes, group: Group, drawn: Sequence[np.ndarray]) -> None:
    """Baseline and threshold lines; logarithmic where lower is better and the scores span a factor of 20."""
    zero = next((group.baseline_score(b) for b in group.baselines if b.get("skill")), None)
    values = np.concatenate([*drawn, [v for v in (zero, group.threshold) if v is not None]])
    values = values[np.isfinite(values)]
    for value, dash in ((zero, "--"), (group.threshold, ":")):
        if value is not None:
            axes.axhline(value, color=INK, linestyle=dash, linewidth=0.9, alpha=0.75)
    if group.better == "lower" and values.size and values.min() > 0 and values.max() > 20 * values.min():
        axes.set_yscale("log")
        log_axis(axes.yaxis, np.log10(values.min()), np.log10(values.max()))


def gradient_norms(groups: Sequence[Group], loaded: Loaded, titles: Sequence[str], look: Styles) -> str | None:
    """Gradient norm before clipping against training step, both logarithmic; a cross where a run diverged.

    A thick line is the median over seeds as far as all of them got, a thin one a seed.
    """

    def draw(index: int, axes: Axes) -> None:
        drawn = []
        for cell in groups[index].cells:
            curves = [(record, *_series(loaded, record, "step", "gradient_norm")) for record in cell.records]
            for record, x, y in curves:
                _line(axes, np.maximum(x, 1), positive(y), look[cell.name], record, width=0.5, alpha=0.3)
            _median_line(axes, [(x, y) for _, x, y in curves if x.size], look[cell.name])
            drawn += [y for _, _, y in curves]
        axes.set_xscale("log")
        _log_y(axes, drawn)
        log_axis(axes.xaxis, 0, 5)
        axes.set_xlabel("training step")
        axes.set_ylabel("gradient norm")

    if not any_array(groups, loaded, "gradient_norm"):
        return None
    return panels(titles, draw, look, extra=[_cross()])


def gradient_profiles(groups: Sequence[Group], loaded: Loaded, titles: Sequence[str], look: Styles) -> str | None:
    """Gradient of one answer's loss with respect to the embedded input ``lag`` steps before it, at start and end.

    A thick line is the median over seeds and answers, a thin one the median over answers of one seed.
    """
    moments = ((0, "at initialisation"), (-1, "after training"))
    with_profile = [i for i, group in enumerate(groups) if any_array([group], loaded, _PROFILE)]

    def draw(index: int, axes: Axes) -> None:
        group, record = groups[with_profile[index // 2]], moments[index % 2][0]
        top = max(_profile(axes, cell, loaded, record, look[cell.name]) for cell in group.cells)
        _log_y(axes, [np.array([top * _EPSILON, top])])
        if top > 0:
            axes.axhline(top * _EPSILON, color=INK, linestyle=":", linewidth=0.9)
            axes.set_ylim(max(axes.get_ylim()[0], top * _LOWEST), top * 4)
        axes.set_xlabel("lag (steps before the answer)")
        axes.set_ylabel("gradient norm" if index % 2 == 0 else "")

    if not with_profile:
        return None
    names = [f"{titles[i]}, {moment}" for i in with_profile for _, moment in moments]
    extra = [("float32 resolution", _rule(":"))]
    return panels(names, draw, look, columns=2, extra=extra, share_rows=True)


def _profile(axes: Axes, cell: Cell, loaded: Loaded, record: int, style: Style) -> float:
    """Draw one cell's profiles at its first (0) or last (-1) record; returns the largest value drawn."""
    found = [arrays_of(loaded, run) for run in with_array(loaded, cell, _PROFILE)]
    if not found:
        return 0.0
    for arrays in found if len(found) > 1 else []:
        y = positive(median_over(arrays[_PROFILE][record]))
        axes.plot(arrays[_LAG], y, color=style.color, linewidth=0.5, alpha=0.35)
    lag = found[0][_LAG]
    together = [arrays[_PROFILE][record] for arrays in found if np.array_equal(arrays[_LAG], lag)]
    median = positive(median_over(np.concatenate(together)))
    axes.plot(lag, median, color=style.color, linestyle=style.dash, linewidth=1.8)
    return float(np.nanmax(median, initial=0.0))


def _runs(group: Group) -> list[tuple[Cell, Record]]:
    return [(cell, record) for cell in group.cells for record in cell.records]


def _series(loaded: Loaded, record: Record, x: str, y: str) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays of one record as float64, empty where it lacks one or their lengths differ."""
    arrays = arrays_of(loaded, record)
    if x not in arrays or y not in arrays or arrays[x].shape != arrays[y].shape:
        return np.empty(0), np.empty(0)
    return arrays[x].astype(np.float64), arrays[y].astype(np.float64)


def _median_line(axes: Axes, curves: Sequence[tuple[np.ndarray, np.ndarray]], style: Style) -> None:
    """The median over runs at the steps that all of them have."""
    steps = reduce(np.intersect1d, [x for x, _ in curves]) if curves else np.empty(0)
    if steps.size:
        values = [y[np.searchsorted(x, steps)] for x, y in curves]  # steps are recorded in ascending order
        axes.plot(steps, positive(np.median(values, axis=0)), color=style.color, linestyle=style.dash, linewidth=1.4)


def _line(
    axes: Axes, x: np.ndarray, y: np.ndarray, style: Style, record: Record, width: float = 1.0, alpha: float = 0.75
) -> None:
    """One run, and a cross at its last finite value where it diverged."""
    there = np.isfinite(y)
    axes.plot(x, y, color=style.color, linestyle=style.dash, linewidth=width, alpha=alpha)
    if record.status == "diverged" and there.any():
        axes.plot(x[there][-1], y[there][-1], marker="x", markersize=6, markeredgewidth=1.6, color=style.color)


def _log_y(axes: Axes, drawn: Sequence[np.ndarray]) -> None:
    values = positive(np.concatenate([np.empty(0), *drawn]))
    values = np.log10(values[np.isfinite(values)])
    axes.set_yscale("log")
    log_axis(axes.yaxis, values.min(initial=0.0), values.max(initial=1.0))


def _rule(dash: Literal["--", ":"]) -> Line2D:
    return Line2D([], [], color=INK, linestyle=dash, linewidth=0.9)


def _cross() -> tuple[str, Line2D]:
    return "diverged", Line2D([], [], color=INK, marker="x", markersize=6, linestyle="none")
