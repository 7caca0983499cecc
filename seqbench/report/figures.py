"""Figures of learning runs: every seed drawn, one panel a task, the same colour for an architecture in all of them."""

from collections.abc import Sequence
from functools import reduce
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from seqbench.report.canvas import Panels, Style, Styles, log_axis, series
from seqbench.report.frame import INK, say_instead
from seqbench.report.group import Cell, Group
from seqbench.report.loaded import Loaded, any_array, arrays_of, median_over, positive, with_array
from seqbench.report.wording import readable
from seqbench.schema import Record

_EPSILON = float(np.finfo(np.float32).eps)
_LOWEST = 1e-12
_PROFILE, _LAG = "gradient_profile/input", "gradient_profile/lag"
_MEDIAN = "median over seeds"
MOST_CURVES = 50
"""Curves of seeds in one panel."""


def learning_curves(groups: Sequence[Group], loaded: Loaded, titles: Sequence[str], look: Styles) -> Panels | None:
    """Validation score against training step, one thin line a seed; None where no run left a curve.

    Above ``MOST_CURVES`` a panel: a sample of the seeds of each architecture, on a band that holds 80 % of them.
    """

    def draw(index: int, axes: Axes) -> None:
        group = groups[index]
        most, drawn = _most_seeds(group), []
        for cell in group.cells:
            curves = [(record, *_series(loaded, record, "evaluation_step", f"validation/{group.metric}"))
                      for record in cell.records]  # fmt: skip
            for record, x, y in curves[:most]:
                _line(axes, x, y, look[cell.name], cell, record)
            if most < len(curves):
                _band(axes, [(x, y) for _, x, y in curves if x.size], look[cell.name], cell)
            drawn += [y for _, _, y in curves]
        _score_axis(axes, group, drawn)
        axes.set_xlabel(_sampled("training step", group, most, "; band: 80 % of seeds"))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}" if step % 1 == 0 else f"{step:g}"))
        axes.set_ylabel(readable(group.metric or "").replace("_", " "))

    if not any_array(groups, loaded, "evaluation_step"):
        return None
    return Panels(titles, draw, look, extra=[("trivial baseline", _rule("--")), ("solved", _rule(":")), _cross()])


def _most_seeds(group: Group) -> int:
    """Seeds of one architecture whose curves are drawn."""
    runs = sum(len(cell.records) for cell in group.cells)
    return runs if runs <= MOST_CURVES else max(1, MOST_CURVES // len(group.cells))


def _sampled(label: str, group: Group, most: int, band: str = "") -> str:
    """The label of an axis, which also says where not every seed is a line."""
    longest = max((len(cell.records) for cell in group.cells), default=0)
    return label if longest <= most else f"{label} ({most} of {longest} seeds{band})"


def _band(axes: Axes, curves: Sequence[tuple[np.ndarray, np.ndarray]], style: Style, cell: Cell) -> None:
    """From the tenth to the ninetieth percentile of the runs at the steps that all of them have, and the median."""
    steps, values = _together(curves)
    if steps.size:
        low, high = np.nanquantile(values, (0.1, 0.9), axis=0)
        axes.fill_between(steps, low, high, color=style.color, alpha=0.18, linewidth=0, gid=series(cell.name))
        _median_line(axes, curves, style, cell)


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


def gradient_norms(groups: Sequence[Group], loaded: Loaded, titles: Sequence[str], look: Styles) -> Panels | None:
    """Gradient norm before clipping against training step, both logarithmic; a cross where a run diverged.

    A thick line is the median over seeds as far as all of them got, a thin one a seed.
    """

    def draw(index: int, axes: Axes) -> None:
        most, drawn = _most_seeds(groups[index]), []
        for cell in groups[index].cells:
            curves = [(record, *_series(loaded, record, "step", "gradient_norm")) for record in cell.records]
            for record, x, y in curves[:most]:
                _line(axes, np.maximum(x, 1), positive(y), look[cell.name], cell, record, width=0.5, alpha=0.3)
            _median_line(axes, [(x, y) for _, x, y in curves if x.size], look[cell.name], cell, log=True)
            drawn += [y for _, _, y in curves]
        axes.set_xscale("log")
        _log_y(axes, drawn)
        log_axis(axes.xaxis, 0, 5)
        axes.set_xlabel(_sampled("training step", groups[index], most))
        axes.set_ylabel("gradient norm")

    if not any_array(groups, loaded, "gradient_norm"):
        return None
    return Panels(titles, draw, look, extra=[_cross()])


def gradient_profiles(groups: Sequence[Group], loaded: Loaded, titles: Sequence[str], look: Styles) -> Panels | None:
    """Gradient of one answer's loss with respect to the embedded input ``lag`` steps before it, at start and end.

    A thick line is the median over seeds and answers, a thin one the median over answers of one seed.
    """
    moments = ((0, "at initialisation"), (-1, "after training"))
    with_profile = [i for i, group in enumerate(groups) if any_array([group], loaded, _PROFILE)]

    row = list[np.ndarray]()  # what the panels of a row, which have one axis, show so far

    def draw(index: int, axes: Axes) -> None:
        group, record = groups[with_profile[index // 2]], moments[index % 2][0]
        most = _most_seeds(group)
        drawn = [_profile(axes, cell, loaded, record, look[cell.name], most) for cell in group.cells]
        top = max(float(np.nanmax(median, initial=0.0)) for median, _ in drawn)
        if index % 2 == 0:
            row.clear()
        row.extend([np.array([top * _EPSILON, top]), *(values for _, values in drawn)])
        _log_y(axes, [np.array([top * _EPSILON, top])])
        there = positive(np.concatenate(row))
        if top > 0:
            axes.axhline(top * _EPSILON, color=INK, linestyle=":", linewidth=0.9)
        else:
            say_instead(axes, "no gradient")
        if np.isfinite(there).any():
            highest = float(np.nanmax(there))
            axes.set_ylim(max(float(np.nanmin(there)), highest * _LOWEST) / 2, highest * 2)
        axes.set_xlabel(_sampled("lag (steps before the answer)", group, most))
        axes.set_ylabel("gradient norm" if index % 2 == 0 else "")

    if not with_profile:
        return None
    names = [f"{titles[i]}, {moment}" for i in with_profile for _, moment in moments]
    extra = [("float32 resolution", _rule(":"))]
    return Panels(names, draw, look, columns=2, extra=extra, share_rows=True, between=0.2)


def _profile(
    axes: Axes, cell: Cell, loaded: Loaded, record: int, style: Style, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one cell's profiles at its first (0) or last (-1) record; returns the median and all values drawn."""
    runs = with_array(loaded, cell, _PROFILE)
    found = [arrays_of(loaded, run) for run in runs]
    if not found:
        return np.empty(0), np.empty(0)
    drawn = []
    for run, arrays in list(zip(runs, found, strict=True))[:most] if len(found) > 1 else ():
        y = positive(median_over(arrays[_PROFILE][record]))
        drawn.append(y)
        axes.plot(arrays[_LAG], y, color=style.color, linewidth=0.5, alpha=0.35, gid=_seed(cell, run))
    lag = found[0][_LAG]
    together = [arrays[_PROFILE][record] for arrays in found if np.array_equal(arrays[_LAG], lag)]
    median = positive(median_over(np.concatenate(together)))
    axes.plot(lag, median, color=style.color, linestyle=style.dash, linewidth=1.8, gid=series(cell.name, _MEDIAN))
    return median, np.concatenate([median, *drawn])


def _series(loaded: Loaded, record: Record, x: str, y: str) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays of one record as float64, empty where it lacks one or their lengths differ."""
    arrays = arrays_of(loaded, record)
    if x not in arrays or y not in arrays or arrays[x].shape != arrays[y].shape:
        return np.empty(0), np.empty(0)
    return arrays[x].astype(np.float64), arrays[y].astype(np.float64)


def _median_line(
    axes: Axes, curves: Sequence[tuple[np.ndarray, np.ndarray]], style: Style, cell: Cell, log: bool = False
) -> None:
    """The median over runs at the steps that all of them have."""
    steps, values = _together(curves)
    if steps.size:
        median = np.median(values, axis=0)
        axes.plot(steps, positive(median) if log else median, color=style.color, linestyle=style.dash, linewidth=1.4,
                  gid=series(cell.name, _MEDIAN))  # fmt: skip


def _together(curves: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The steps that all runs have, and the values there (runs, steps)."""
    steps = reduce(np.intersect1d, [x for x, _ in curves]) if curves else np.empty(0)
    return steps, np.array([y[np.searchsorted(x, steps)] for x, y in curves])  # steps are recorded in ascending order


def _line(
    axes: Axes,
    x: np.ndarray,
    y: np.ndarray,
    style: Style,
    cell: Cell,
    record: Record,
    width: float = 1.0,
    alpha: float = 0.75,
) -> None:
    """One run, and a cross at its last finite value where it diverged."""
    there = np.isfinite(y)
    gid = _seed(cell, record)
    axes.plot(x, y, color=style.color, linestyle=style.dash, linewidth=width, alpha=alpha, gid=gid)
    if record.status == "diverged" and there.any():
        axes.plot(x[there][-1], y[there][-1], marker="x", markersize=6, markeredgewidth=1.6, color=style.color, gid=gid)


def _seed(cell: Cell, record: Record) -> str:
    return series(cell.name, f"seed {record.seed}")


def _log_y(axes: Axes, drawn: Sequence[np.ndarray]) -> None:
    values = positive(np.concatenate([np.empty(0), *drawn]))
    values = np.log10(values[np.isfinite(values)])
    axes.set_yscale("log")
    log_axis(axes.yaxis, values.min(initial=0.0), values.max(initial=1.0))


def _rule(dash: Literal["--", ":"]) -> Line2D:
    return Line2D([], [], color=INK, linestyle=dash, linewidth=0.9)


def _cross() -> tuple[str, Line2D]:
    return "diverged", Line2D([], [], color=INK, marker="x", markersize=6, linestyle="none")
