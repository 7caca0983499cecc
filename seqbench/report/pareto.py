"""The Pareto figure: normalised skill against what it costs, one row a task, one column a cost."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from seqbench.record.record import canonical
from seqbench.report.canvas import Panels, Styles, log_axis, series
from seqbench.report.costs import Entry
from seqbench.report.frame import INK
from seqbench.report.group import Cell, Group
from seqbench.report.labels import Box, along, is_far, placed
from seqbench.report.row import VerdictRow
from seqbench.report.wording import number, readable, some
from seqbench.schema import Record
from seqbench.statistics.seeds import Interval

_MOST_TASKS = 8
LOWEST = -1.0
"""The lowest skill that is drawn: one far below hides all differences above it."""
_COSTS: dict[str, tuple[bool, Callable[[Cell, Entry | None], float | None]]] = {
    "tokens per second": (True, lambda cell, entry: entry.middle("tokens_per_s") if entry else None),
    "peak memory, MiB": (False, lambda cell, entry: _scaled(entry.middle("peak_bytes") if entry else None, 2**-20)),
    "parameters": (False, lambda cell, entry: cell.first("architecture", "parameters")),
    "state, floats": (False, lambda cell, entry: cell.first("architecture", "state_size")),
}
"""Label of a column -> whether more is better, and the value of a cell with its measurement of cost."""
_FREE = {"model": ("learning_rate",), "train": ("steps", "evaluate_every", "evaluate_growth", "evaluate_batch")}
"""Settings that change neither the time nor the memory of a training step."""
_Measured = Mapping[tuple[str, str, int | None], Entry]
"""By environment, what a configuration says of a training step, and the length that was asked for."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One configuration on one task; ``lost`` where some of its runs left no skill, and the mean is of the others."""

    name: str
    cost: float
    skill: float
    interval: Interval | None
    lost: bool


def pareto_figure(
    groups: Sequence[Group],
    rows: Sequence[Sequence[VerdictRow]],
    costs: Sequence[Entry],
    titles: Sequence[str],
    look: Styles,
) -> Panels | None:
    """Skill against tokens per second, memory, parameters and state size, from records that have them.

    A panel needs two configurations; the first ``_MOST_TASKS`` tasks are drawn. The line joins those that no other one
    beats on both counts.
    """
    measured = _measured(costs)
    drawn = [[_points(group, found, measured, label) for label in _COSTS]
             for group, found in zip(groups, rows, strict=True)]  # fmt: skip
    wanted = [i for i, found in enumerate(drawn) if any(len(points) > 1 for points in found)][:_MOST_TASKS]
    columns = [c for c in range(len(_COSTS)) if any(len(drawn[i][c]) > 1 for i in wanted)]
    places = [(i, c) if len(drawn[i][c]) > 1 else None for i in wanted for c in columns]
    names = [place and (titles[place[0]] if place[1] == columns[0] else " ") for place in places]

    def draw(index: int, axes: Axes) -> None:
        i, c = places[index] or (0, 0)
        label, (more, _) = list(_COSTS.items())[c]
        _draw(axes, drawn[i][c], more, look)
        axes.set_xlabel(f"{label} ({'more' if more else 'less'} is better)")
        axes.set_ylabel("skill" if c == columns[0] else "")

    if not wanted:
        return None
    legend = [("not beaten on both counts", Line2D([], [], color=INK, linestyle=":", linewidth=1))]
    if any(point.lost for i in wanted for points in drawn[i] for point in points):
        hollow = Line2D([], [], color=INK, linestyle="none", marker="o", markersize=5.5, markerfacecolor="none")
        legend.append(("mean of those runs that left a score", hollow))
    there = {row.label for found in rows for row in found if row.kind == "model"}
    shown = {name: style for name, style in look.items() if name in there}
    return Panels(names, draw, shown, columns=len(columns), height=2.25, left=0.55, between=0.42, extra=legend)


def _points(group: Group, rows: Sequence[VerdictRow], measured: _Measured, label: str) -> list[Point]:
    value, by_cell = _COSTS[label][1], {row.cell_id: row for row in rows if row.kind == "model"}
    found = []
    for cell in group.cells:
        row, cost = by_cell.get(cell.records[0].cell_id), value(cell, _of(group, cell, measured))
        if row and row.skill is not None and cost and cost > 0:
            found.append(Point(name=cell.name, cost=float(cost), skill=row.skill, interval=row.skill_interval,
                               lost=None in row.skills))  # fmt: skip
    return found


def _measured(costs: Sequence[Entry]) -> _Measured:
    """What was measured as it is trained; of what was measured twice, the first."""
    own = [e for e in costs if e.records and (e.what, e.twin, e.backend) == ("step", False, "auto")]
    return {(e.env_id, _step(e.records[min(e.records)]), e.asked): e for e in reversed(own)}


def _of(group: Group, cell: Cell, measured: _Measured) -> Entry | None:
    """The measurement of a cell at its own length: by its configuration, as different ones may have one label."""
    step = _step(cell.records[0])
    lengths = (None, group.facts.get("length"))
    return next((found for asked in lengths if (found := measured.get((group.env_id, step, asked)))), None)


def _step(record: Record) -> str:
    """What its configuration says of a training step."""
    asked = {key: value for key, value in record.config.items() if key not in ("cost", "instruments")}
    parts = {part: asked[part] for part in _FREE if isinstance(asked.get(part), Mapping)}
    kept = {part: {k: v for k, v in values.items() if k not in _FREE[part]} for part, values in parts.items()}
    return canonical(asked | kept)


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the points (cost, skill) that none beats: lower cost and higher skill are better; by rising cost.

    >>> front([(1, 0.2), (2, 0.9), (3, 0.8), (2, 0.5)])
    [0, 1]
    """
    best, found = -np.inf, []
    for index in sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1])):
        if points[index][1] > best:
            best = points[index][1]
            found.append(index)
    return found


def _draw(axes: Axes, points: Sequence[Point], more: bool, look: Styles) -> None:
    sign = -1.0 if more else 1.0
    kept = front([(sign * point.cost, point.skill) for point in points])
    axes.plot([points[i].cost for i in kept], [points[i].skill for i in kept], color=INK, linestyle=":", linewidth=0.9)
    for point in points:
        note = "mean over those runs that left a score" if point.lost else "mean over seeds"
        color, gid = look[point.name].color, series(point.name, note)
        if point.interval is not None:
            axes.plot([point.cost] * 2, _bar(point), color=color, linewidth=1.2, gid=series(point.name))
        inside = "none" if point.lost else color
        axes.plot(point.cost, point.skill, "o", color=color, markersize=5.5, markerfacecolor=inside, gid=gid)
    costs = np.log10([point.cost for point in points])
    axes.set_xscale("log")
    axes.set_xlim(10 ** (costs.min() - 0.25), 10 ** (costs.max() + 0.25))
    log_axis(axes.xaxis, costs.min() - 0.2, costs.max() + 0.2)
    lowest = min(_bar(point)[0] for point in points)
    axes.set_ylim(min(-0.08, max(lowest - 0.1, LOWEST)), 1.18)
    shown = [point for point in points if point.skill >= LOWEST]
    _label(axes, [points[i] for i in kept if points[i] in shown], shown)
    if below := [readable(point.name) for point in points if point not in shown]:
        axes.text(0.02, 0.03, f"below {number(LOWEST)}: {some(below)}", fontsize=7, transform=axes.transAxes)


def _bar(point: Point) -> tuple[float, float]:
    """Where the interval of a point is drawn from and to; a point without one is its own."""
    low, high = point.interval or (point.skill, point.skill)
    return min(max(low, LOWEST), point.skill), high


def _label(axes: Axes, named: Sequence[Point], shown: Sequence[Point]) -> None:
    """The name of each point of the front, joined to it by a line where there is no room beside it."""
    marks = {point: _mark(axes, point) for point in shown}
    others = [mark for point, mark in marks.items() if point not in named]
    own = [marks[point] for point in named]
    others += along([((mark[0] + mark[2]) / 2, _height(axes, p.skill)) for p, mark in zip(named, own, strict=True)])
    size = (float(axes.bbox.width), float(axes.bbox.height))
    for point, box, mark in zip(named, placed([p.name for p in named], own, others, size), own, strict=True):
        x, y, gid = (box[0] + box[2]) / 2, box[1], series(point.name)
        if is_far(box, mark):
            near = y if y > mark[3] else box[3]
            axes.plot(*zip(_data(axes, x, near), (point.cost, point.skill), strict=True), color=INK, linewidth=0.5,
                      gid=gid)  # fmt: skip
        axes.text(*_data(axes, x, y + 1.8), readable(point.name), fontsize=7.5, ha="center", gid=gid)


def _mark(axes: Axes, point: Point) -> Box:
    """What a dot with its interval covers, in points from the corner of the panel."""
    low, high = map(math.log10, axes.get_xlim())
    x = float((math.log10(point.cost) - low) / (high - low) * axes.bbox.width)
    y, first, last = (_height(axes, skill) for skill in (point.skill, *_bar(point)))
    return x - 3, min(y - 3, first), x + 3, max(y + 3, last)


def _height(axes: Axes, skill: float) -> float:
    bottom, top = axes.get_ylim()
    return float((skill - bottom) / (top - bottom) * axes.bbox.height)


def _data(axes: Axes, x: float, y: float) -> tuple[float, float]:
    """Points from the corner of the panel as cost and skill."""
    low, high = map(math.log10, axes.get_xlim())
    bottom, top = map(float, axes.get_ylim())
    return 10 ** (low + x / axes.bbox.width * (high - low)), bottom + y / axes.bbox.height * (top - bottom)


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
