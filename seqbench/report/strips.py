"""A row's runs as dots on the scale of its task: what no mean shows."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from seqbench.report.row import VerdictRow

_WIDTH, _HEIGHT, _EDGE = 120, 22, 6


def strips(rows: Sequence[VerdictRow], colors: Sequence[str]) -> list[Markup]:
    """One small SVG a row; worse is left and better is right, the dashed line is the trivial baseline.

    ``colors`` are those of the rows' dots, as the page writes them.
    The scale is logarithmic where lower is better and the task's scores span more than a factor of 20.
    """
    values = [v for row in rows for v in (*row.scores, row.score) if v is not None and math.isfinite(v)]
    if not values:
        return [Markup("") for _ in rows]
    lower = rows[0].better == "lower"
    logarithmic = lower and min(values) > 0 and max(values) > 20 * min(values)
    low, high = (math.log(min(values)), math.log(max(values))) if logarithmic else (min(values), max(values))

    def place(value: float) -> float:
        share = ((math.log(value) if logarithmic else value) - low) / (high - low) if high > low else 0.5
        return round(_EDGE + (_WIDTH - 2 * _EDGE) * (1 - share if lower else share), 1)

    zero = next((row.score for row in rows if row.kind == "baseline" and row.skill == 0), None)
    line = "" if zero is None else _line(place(zero))
    return [_strip(row, [place(v) for v in _values(row)], line, color) for row, color in zip(rows, colors, strict=True)]


def _values(row: VerdictRow) -> list[float]:
    found = row.scores if row.kind == "model" else (row.score,)
    return [value for value in found if value is not None and math.isfinite(value)]


def _line(x: float) -> str:
    return f'<path d="M{x} 1V{_HEIGHT - 1}" stroke="currentColor" stroke-dasharray="2 2" opacity=".5"/>'


def _strip(row: VerdictRow, places: list[float], line: str, color: str) -> Markup:
    """Dots that would lie on each other are stacked a little, so that five equal runs look like five."""
    seen: dict[int, int] = {}
    marks = []
    for x in places:
        rank = seen[round(x / 4)] = seen.get(round(x / 4), 0) + 1
        y = _HEIGHT / 2 + (rank // 2) * (3 if rank % 2 else -3)
        y = min(max(y, 3), _HEIGHT - 3)
        if row.kind == "model":
            marks.append(f'<circle cx="{x}" cy="{y:g}" r="2.6" fill="{color}" fill-opacity=".8"/>')
        else:
            marks.append(f'<path d="M{x} 5V{_HEIGHT - 5}" stroke="currentColor" stroke-width="2.5"/>')
    middle = _HEIGHT / 2
    axis = f'<path d="M{_EDGE} {middle:g}H{_WIDTH - _EDGE}" stroke="var(--line)"/>'
    return Markup(  # numbers only
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" aria-hidden="true">{axis}{line}{"".join(marks)}</svg>'
    )
