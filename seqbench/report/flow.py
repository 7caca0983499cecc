"""Figures of gradient flow: how the profile changes while training, and what recurrent states pass on."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from seqbench.derived import derived
from seqbench.report.canvas import Panels, Style, Styles, log_axis, series
from seqbench.report.frame import INK, say_instead
from seqbench.report.group import Cell, Group
from seqbench.report.loaded import (
    Arrays,
    Loaded,
    any_array,
    arrays_of,
    median_over,
    positive,
    with_array,
)
from seqbench.report.multiples import multiples
from seqbench.report.tiles import decade_legend, decade_note, edges, half_decades, lag_place, lag_ticks, tiles
from seqbench.schema import Record

_NAME = "gradient_profile"
_INPUT = f"{_NAME}/input"
_LOWEST = 1e-12
_CURVES = (
    ("state_h1", "state_lag", "loss by state"),
    ("state_jacobian", "state_lag", "state by state"),
    ("output_jacobian", "lag", "output by input"),
)


def flow_maps(groups: Sequence[Group], loaded: Loaded, titles: Sequence[str], look: Styles) -> Panels | None:
    """The input profile of one run a cell: lag across, training step upward, one shade half a decade of its record."""
    return multiples(
        groups,
        loaded,
        _INPUT,
        titles,
        _flow_map,
        note=_verdict,
        x="lag",
        y="training step",
        extra=decade_legend(),
    )


def _verdict(record: Record, arrays: Arrays) -> str:
    return str(derived(arrays, _NAME).get("verdict") or "")


def _flow_map(axes: Axes, arrays: Arrays) -> None:
    """Records are log-spaced, so they are drawn one above the other, the first one, before training, at the bottom."""
    steps, lags = arrays[f"{_NAME}/step"], arrays[f"{_NAME}/lag"]
    profile = np.stack([median_over(record) for record in arrays[_INPUT]])  # (records, lags)
    there = ~np.isnan(profile).all(axis=0)  # what no record has is no lag; what some have was lost in the others
    profile[np.isnan(profile) & (there | ~there.any())] = np.inf
    tiles(axes, edges(lag_place(lags)), np.arange(len(steps) + 1.0), half_decades(profile), decade_note)
    lag_ticks(axes, int(lags[-1]))
    axes.yaxis.set_gid("places " + ",".join(map(str, steps.tolist())))
    shown = range(0, len(steps), max(1, -(-len(steps) // 4)))
    axes.set_yticks([at + 0.5 for at in shown], [f"{steps[at]:,}" for at in shown])


def state_profiles(groups: Sequence[Group], loaded: Loaded, titles: Sequence[str], look: Styles) -> Panels | None:
    """Gradients by hidden states, and Jacobians, against lag; thick after training, thin and dotted before it."""
    wanted = [i for i, group in enumerate(groups) if any_array([group], loaded, f"{_NAME}/output_jacobian")]

    def draw(index: int, axes: Axes) -> None:
        group, (name, lags, _) = groups[wanted[index // 3]], _CURVES[index % 3]
        drawn = [_curve(axes, cell, loaded, name, lags, look[cell.name]) for cell in group.cells]
        _scale(axes, drawn)
        if not any(np.isfinite(y).any() for y in drawn):
            say_instead(axes, "nothing was recorded")
        axes.set_xlabel("lag")
        axes.set_ylabel("norm" if index % 3 == 0 else "")

    if not wanted:
        return None
    names = [f"{titles[i]}: {text}" for i in wanted for _, _, text in _CURVES]
    extra = [("at initialisation", Line2D([], [], color=INK, linestyle=":", linewidth=1))]
    return Panels(names, draw, look, columns=3, extra=extra)


def _curve(axes: Axes, cell: Cell, loaded: Loaded, name: str, lags: str, style: Style) -> np.ndarray:
    """Draw the median over the seeds with equal lags at the first and the last record; returns what was drawn."""
    key = f"{_NAME}/{name}"
    runs = [arrays_of(loaded, record) for record in with_array(loaded, cell, key)]
    drawn = [np.empty(0)]
    moments = ((0, ":", 0.9, "at initialisation"), (-1, style.dash, 1.8, "after training"))
    for record, dash, width, when in moments if runs else ():
        x = runs[0][f"{_NAME}/{lags}"]  # another version's runs may have been looked at at others
        together = [arrays[key][record] for arrays in runs if np.array_equal(arrays[f"{_NAME}/{lags}"], x)]
        y = positive(median_over(np.stack(together)))
        gid = series(cell.name, when)
        axes.plot(x, y, color=style.color, linestyle=dash, linewidth=width, gid=gid)
        drawn.append(y)
    return np.concatenate(drawn)


def _scale(axes: Axes, drawn: Sequence[np.ndarray]) -> None:
    values = np.concatenate([np.ones(1) if not any(y.size for y in drawn) else np.empty(0), *drawn])
    top = float(np.nanmax(values, initial=0.0)) or 1.0
    low = max(float(np.nanmin(values, initial=top)), top * _LOWEST)
    axes.set_yscale("log")
    axes.set_ylim(low / 3, top * 3)
    log_axis(axes.yaxis, np.log10(low), np.log10(top))
