"""Figures of what trained models do: what answers depend on, where they attend, how long gates hold."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from seqbench.derived import derived
from seqbench.report.canvas import Panels, Style, Styles, log_axis, series
from seqbench.report.frame import INK
from seqbench.report.group import Cell, Group
from seqbench.report.loaded import Arrays, Loaded, first_run, positive
from seqbench.report.multiples import multiples
from seqbench.report.tiles import edges, share_note, shares, tiles
from seqbench.schema import Record

_HOLDS = ("forget", "keep")
_LONGEST = 1e6
"""Time constants above this many steps are drawn here: the gate never closes as far as single precision tells."""

_TRIANGLE: dict[str, Any] = {"color": INK, "marker": "v", "markersize": 5, "linestyle": "none"}


def saliency_maps(groups: Sequence[Group], loaded: Loaded, titles: Sequence[str], look: Styles) -> Panels | None:
    """|d score / d embedded input| of one run a cell: lag across, an answer a row, shaded within it."""

    def draw(axes: Axes, arrays: Arrays) -> None:
        _map(axes, arrays, arrays["saliency/by_lag"], arrays["saliency/lag"])

    return _maps(groups, loaded, "saliency", titles, draw)


def attention_maps(groups: Sequence[Group], loaded: Loaded, titles: Sequence[str], look: Styles) -> Panels | None:
    """Attention weights of one run a cell: lag across, an answer a row, shaded within it.

    Of the head that most often finds the lag that matters, or the mean over heads where the task names none.
    """

    def draw(axes: Axes, arrays: Arrays) -> None:
        found, every = arrays["attention_maps/share_at_lag"], arrays["attention_maps/by_lag"]
        weights = every.mean(0) if np.isnan(found).all() else every[int(np.nanargmax(found))]
        _map(axes, arrays, weights, arrays["attention_maps/lag"])

    return _maps(groups, loaded, "attention_maps", titles, draw)


def _maps(
    groups: Sequence[Group], loaded: Loaded, name: str, titles: Sequence[str], draw: Callable[[Axes, Arrays], None]
) -> Panels | None:
    def note(record: Record, arrays: Arrays) -> str:
        share = derived(arrays, name).get("share_at_lag")
        return "" if share is None else f"{100 * share:.0f} %"

    extra = [("lag that the task says matters", Line2D([], [], **_TRIANGLE))]
    return multiples(
        groups, loaded, f"{name}/by_lag", titles, draw, note=note, x="lag", y="answer", extra=extra, height=1.75
    )


def _map(axes: Axes, arrays: Arrays, values: np.ndarray, lags: np.ndarray) -> None:
    """The first answer at the top; a triangle where all sequences have the evidence of an answer at the same lag."""
    rows = len(values)
    tiles(axes, edges(lags), np.arange(rows + 1.0), shares(values)[::-1], share_note)
    shown = range(0, rows, max(1, -(-rows // 3)))
    axes.set_yticks([rows - at - 0.5 for at in shown], [str(at + 1) for at in shown])
    axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes.yaxis.set_gid("places " + ",".join(str(rows - at) for at in range(rows)))
    wanted = arrays.get("saliency/wanted_lag", np.empty((0, 0)))
    places = {float(lag[0]) for lag in wanted.T if len(np.unique(lag)) == 1 and lag[0] > 0}
    axes.plot(sorted(places), [rows] * len(places), clip_on=False, **_TRIANGLE)


def gate_curves(groups: Sequence[Group], loaded: Loaded, titles: Sequence[str], look: Styles) -> Panels | None:
    """Time constants of all units in ascending order, and how open the gate that keeps the state is along the sequence.

    One run a cell, a line a layer.
    """
    wanted = [(i, runs) for i, group in enumerate(groups) if (runs := _gated(group, loaded))]

    def draw(index: int, axes: Axes) -> None:
        _, runs = wanted[index // 2]
        lines = [(cell, arrays, look[cell.name]) for cell, arrays in runs]
        (_time_constants if index % 2 == 0 else _openness)(axes, lines)

    if not wanted:
        return None
    texts = ("time constants of the units", "share of the state kept")
    legend = {cell.name: look[cell.name] for _, runs in wanted for cell, _ in runs}
    extra = [("lag that the task says matters", Line2D([], [], color=INK, linestyle="--", linewidth=1))]
    return Panels([f"{titles[i]}, {text}" for i, _ in wanted for text in texts], draw, legend, columns=2, extra=extra)


def _gated(group: Group, loaded: Loaded) -> list[tuple[Cell, Arrays]]:
    return [(cell, found[1]) for cell in group.cells if (found := first_run(loaded, cell, "gates/time_constant1"))]


def _time_constants(axes: Axes, runs: Sequence[tuple[Cell, Arrays, Style]]) -> None:
    drawn = [np.ones(1)]
    for cell, arrays, style in runs:
        for layer, values in enumerate(_every_layer(arrays, "gates/time_constant"), 1):
            steps = np.minimum(np.sort(values), _LONGEST)
            share, gid = np.linspace(0, 100, len(steps)), series(cell.name, f"layer {layer}")
            axes.plot(share, steps, color=style.color, linestyle=style.dash, linewidth=1.4, gid=gid)
            drawn.append(steps)
    lags = [lag for _, arrays, _ in runs if (lag := _one_lag(arrays)) is not None]
    if lags:
        axes.axhline(lags[0], color=INK, linestyle="--", linewidth=0.9)
    axes.set_yscale("log")
    values = positive(np.concatenate([*drawn, lags]))
    log_axis(axes.yaxis, np.log10(np.nanmin(values)), np.log10(np.nanmax(values)))
    axes.set_xlabel("share of units, %")
    axes.set_ylabel("steps")


def _openness(axes: Axes, runs: Sequence[tuple[Cell, Arrays, Style]]) -> None:
    for cell, arrays, style in runs:
        for gate in _HOLDS:
            for layer, values in enumerate(_every_layer(arrays, f"gates/{gate}", "_by_step"), 1):
                axes.plot(arrays["gates/bin"], values, color=style.color, linestyle=style.dash, linewidth=1.4,
                          gid=series(cell.name, f"layer {layer}"))  # fmt: skip
    axes.set_ylim(0, 1)
    axes.set_xlabel("time step of the sequence")
    axes.set_ylabel("mean over units")


def _every_layer(arrays: Arrays, name: str, end: str = "") -> list[np.ndarray]:
    """The arrays of that name of layers 1, 2, ..., as many as there are."""
    found = []
    while (key := f"{name}{len(found) + 1}{end}") in arrays:
        found.append(arrays[key])
    return found


def _one_lag(arrays: Arrays) -> float | None:
    """The lag that the task says matters, where it is one."""
    lags = np.unique(arrays.get("saliency/wanted_lag", np.empty(0)))
    return float(lags[0]) if len(lags) == 1 and lags[0] > 0 else None
