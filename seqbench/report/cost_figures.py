"""Figures of cost: against length, against the position while streaming, and side by side where there is one length."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from seqbench.report.canvas import Panels, Styles, log_axis, series
from seqbench.report.cost_places import Place, places
from seqbench.report.cost_scaling import MEMORY, TIME, Curve, curves
from seqbench.report.cost_tables import Names, where
from seqbench.report.costs import Entry
from seqbench.report.frame import INK, without_grid
from seqbench.report.loaded import Loaded, arrays_of
from seqbench.report.wording import readable, whole

_MARKS = {
    "auto": ("-", "o"),
    "library": ((0, (6, 1.5, 1.5, 1.5)), "D"),
    "plain": ("--", "s"),
    "compile": ((0, (1, 1)), "^"),
}
"""Backend -> dash and marker; the colour is the architecture's."""
_LONGEST_NAME = 28
_APART = 0.04
"""Share of an axis that the labels of two ticks keep between them."""
_SCALES = ((TIME, 1e3, "training step, ms"), (MEMORY, 2**-20, "peak memory, MiB"))


def scaling_figure(entries: Sequence[Entry], look: Styles, names: Names) -> Panels | None:
    """Time and memory against length, both axes logarithmic; dotted: growth of the FLOPs, through the last point."""
    groups = curves(entries)
    if not groups:
        return None

    def draw(index: int, axes: Axes) -> None:
        group, (key, factor, label) = groups[index // 2], _SCALES[index % 2]
        values = [_line(axes, curve, key, factor, look) for curve in group]
        _log_log(axes, [length for curve in group for length in curve.lengths], np.concatenate(values))
        axes.set_xlabel("length (time steps)")
        axes.set_ylabel(label)

    firsts = [group[0].first for group in groups]
    titles = _beside(firsts, names, ("time", "memory"))
    return Panels(titles, draw, _shown(entries, look), columns=2, height=3.3, extra=_backends(groups))


def _beside(firsts: Sequence[Entry], names: Names, what: tuple[str, str]) -> list[str]:
    """Titles of two panels a row; the first one names the task, and may reach into the place of the second."""
    return [text for e in firsts for text in (f"{where(e.env_id, e.task, names)}: {what[0]}", what[1])]


def _line(axes: Axes, curve: Curve, key: str, factor: float, look: Styles) -> np.ndarray:
    found = [(length, entry.estimate(key, factor)) for length, entry in zip(curve.lengths, curve.entries, strict=True)]
    there = [(length, estimate) for length, estimate in found if estimate is not None and estimate.value > 0]
    if not there:
        return np.empty(0)
    x, y = [length for length, _ in there], [estimate.value for _, estimate in there]
    color, (dash, mark) = look[curve.first.label].color, _MARKS.get(curve.first.backend, ("-", "o"))
    gid = series(curve.first.label, f"backend {curve.first.backend}")
    axes.plot(x, y, color=color, linestyle=dash, marker=mark, markersize=3.5, linewidth=1.5, gid=gid)
    for length, estimate in there:
        if estimate.interval is not None:
            axes.plot([length, length], [max(bound, 1e-12) for bound in estimate.interval], color=color, linewidth=3.2,
                      alpha=0.35, gid=series(curve.first.label))  # fmt: skip
    flops = curve.flops()
    if key == TIME and flops and curve.first.backend == "auto" and len(there) == len(flops):
        predicted = np.array(flops) * y[-1] / flops[-1]
        gid = series(curve.first.label, "growth of FLOPs")
        axes.plot(x, predicted, color=color, linestyle=":", linewidth=1.0, gid=gid)
    return np.array(y)


def _shown(entries: Sequence[Entry], look: Styles) -> dict:
    return {label: look[label] for label in dict.fromkeys(e.label for e in entries if e.label in look)}


def _backends(groups: Sequence[Sequence[Curve]]) -> list[tuple[str, Line2D]]:
    named = dict.fromkeys(curve.first.backend for group in groups for curve in group)
    lines = [
        (
            name,
            Line2D([], [], color=INK, linestyle=_MARKS[name][0], marker=_MARKS[name][1], markersize=3.5, linewidth=1),
        )
        for name in named
        if name in _MARKS and len(named) > 1
    ]
    return [*lines, ("growth of FLOPs", Line2D([], [], color=INK, linestyle=":", linewidth=1.0))]


def _log_log(axes: Axes, lengths: Sequence[float], values: np.ndarray) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    ticks = sorted(set(lengths))
    shown = ticks if len(ticks) <= 8 else ticks[:: -(-len(ticks) // 8)]
    shown = [at for at, after in pairwise([*shown, np.inf]) if after > at * (shown[-1] / shown[0]) ** _APART]
    axes.set_xticks(shown, labels=[whole(length) for length in shown])
    axes.set_xticks([], minor=True)
    if values.size:
        log_axis(axes.yaxis, np.log10(values.min()), np.log10(values.max()))


def streaming_figure(entries: Sequence[Entry], loaded: Loaded, look: Styles, names: Names) -> Panels | None:
    """Time of one step and size of the carried state against the steps already taken: medians over rounds."""
    found: dict[tuple[str, str], list[tuple[Entry, dict[str, np.ndarray]]]] = {}
    for entry in entries:
        arrays = _streamed(entry, loaded)
        if arrays and not entry.twin:
            found.setdefault((entry.env_id, entry.comparable), []).append((entry, arrays))
    groups = list(found.values())
    if not groups:
        return None

    def draw(index: int, axes: Axes) -> None:
        key, factor, label = _STREAMED[index % 2]
        drawn, x = [], np.empty(0)
        for entry, arrays in groups[index // 2]:
            x, y = arrays["stream_position"], arrays[key] * factor
            color, (dash, mark) = look[entry.label].color, _MARKS.get(entry.backend, ("-", "o"))
            gid = series(entry.label, f"backend {entry.backend}")
            axes.plot(x, y, color=color, linestyle=dash, marker=mark, markersize=3, linewidth=1.4, gid=gid)
            drawn.append(y)
        _log_log(axes, x.tolist(), np.concatenate(drawn))
        axes.set_xlabel("steps already taken")
        axes.set_ylabel(label)

    firsts = [group[0][0] for group in groups]
    titles = _beside(firsts, names, ("one step", "carried state"))
    shown = _shown([entry for group in groups for entry, _ in group], look)
    return Panels(titles, draw, shown, columns=2, height=2.9, left=0.85)


_STREAMED = (("stream_s", 1e3, "one step, ms"), ("stream_state_bytes", 1.0, "bytes of one sequence"))


def _streamed(entry: Entry, loaded: Loaded) -> dict[str, np.ndarray]:
    """Positions, and medians over rounds (of the medians of one process)."""
    rounds: list[Mapping[str, np.ndarray]] = [arrays_of(loaded, record) for record in entry.records.values()]
    rounds = [arrays for arrays in rounds if "stream_s" in arrays]
    same = [a for a in rounds if np.array_equal(a["stream_position"], rounds[0]["stream_position"])]
    if not same:
        return {}
    seconds = np.median([np.median(arrays["stream_s"], axis=1) for arrays in same], axis=0)
    return {
        "stream_position": same[0]["stream_position"],
        "stream_s": seconds,
        "stream_state_bytes": same[0]["stream_state_bytes"].astype(float),
    }


def speed_figure(entries: Sequence[Entry], look: Styles, names: Names) -> Panels | None:
    """Training steps per second side by side, a dot with its interval or the span of few rounds.

    None where lengths tell more.
    """
    shown = [place for place in places(entries) if any(entry.by_round("step_s") for entry in place.entries)]
    if not shown or curves(entries):
        return None
    rows = list(dict.fromkeys(entry.name for place in shown for entry in place.entries if entry.by_round("step_s")))
    titles = [f"{where(place.env_id, place.task, names)}{place.note}" for place in shown]

    def draw(index: int, axes: Axes) -> None:
        _dots(axes, shown[index], rows, look)
        axes.set_xlim(left=0)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_yticks(range(len(rows)), labels=[_short(readable(name)) for name in rows[::-1]])
        without_grid(axes, "y")
        axes.set_xlabel("training steps per second")

    return Panels(
        titles, draw, {}, height=0.95 + 0.22 * len(rows), left=0.25 + 0.075 * max(len(_short(name)) for name in rows)
    )


def _short(name: str) -> str:
    """A name that leaves room for what it names."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _dots(axes: Axes, place: Place, rows: Sequence[str], look: Styles) -> None:
    for entry in place.entries:
        found = entry.estimate("steps_per_s")
        if found is None:
            continue
        y, color, gid = len(rows) - 1 - rows.index(entry.name), look[entry.label].color, series(entry.label)
        axes.plot([0, found.value], [y, y], color=color, linewidth=5, alpha=0.3, gid=gid)
        if found.interval is not None:
            axes.plot(found.interval, [y, y], color=color, linewidth=1.6, gid=gid)
        elif found.span is not None:
            axes.plot(found.span, [y, y], color=color, linewidth=1.0, marker="|", gid=series(entry.label, "all rounds"))
        axes.plot(found.value, y, "o", color=color, markersize=5, gid=series(entry.label, "median"))
