"""Throughput and memory, measured alone in a fresh process: rows of a table and one figure."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from seqbench.report.canvas import Styles, panels
from seqbench.report.groups import Group
from seqbench.report.wording import DASH, number, readable, whole
from seqbench.schema import Record


@dataclass(frozen=True, kw_only=True)
class CostRow:
    """One cost record; speeds are (median, low, high), None where the measurement failed."""

    env_id: str
    task: str
    label: str
    steps_per_s: tuple[float, float, float] | None
    tokens_per_s: tuple[float, float, float] | None
    peak_mib: float | None
    data_share: float | None
    batch_size: int | None
    length: int | None
    parameters: int | None
    flops: float | None
    status: str


def cost_rows(groups: Sequence[Group]) -> list[CostRow]:
    """One row a cost record, in the order of the verdict table."""
    return [_row(g, cell.name, record) for g in groups for cell in g.cells for record in cell.records]


def _row(group: Group, label: str, record: Record) -> CostRow:
    summary = record.summary
    step, data, peak = _span(record, "step_s"), summary.get("data_s"), summary.get("peak_bytes")
    return CostRow(
        env_id=group.env_id,
        task=group.task,
        label=label,
        steps_per_s=_span(record, "steps_per_s"),
        tokens_per_s=_span(record, "tokens_per_s"),
        peak_mib=None if peak is None else peak / 2**20,
        data_share=None if data is None or not step else data / (data + step[0]),
        batch_size=summary.get("batch_size"),
        length=summary.get("length"),
        parameters=summary.get("parameters"),
        flops=record.architecture.get("flops"),
        status=record.status,
    )


def _span(record: Record, key: str) -> tuple[float, float, float] | None:
    found = record.summary.get(key)
    if not found or found.get("median") is None:
        return None
    median = found["median"]
    low, high = found.get("low"), found.get("high")
    return median, median if low is None else low, median if high is None else high


def span_text(span: tuple[float, float, float] | None) -> str:
    """A median with its interval.

    >>> span_text((50.0, 48.0, 51.0))
    '50.0 [48.0, 51.0]'
    """
    if span is None:
        return DASH
    text = whole if span[0] >= 1000 else number
    return f"{text(span[0])} [{text(span[1])}, {text(span[2])}]"


def speed_figure(groups: Sequence[Group], titles: Sequence[str], look: Styles) -> str | None:
    """Training steps per second of each architecture, a dot with its interval; None where nothing was measured."""
    rows = cost_rows(groups)
    names = list(dict.fromkeys(row.label for row in rows if row.steps_per_s))
    if not names:
        return None

    def draw(index: int, axes: Axes) -> None:
        group = groups[index]
        mine = [row for row in cost_rows([group]) if row.steps_per_s]
        for row in mine:
            assert row.steps_per_s is not None
            median, low, high = row.steps_per_s
            y = len(names) - 1 - names.index(row.label)
            color = look[row.label].color
            axes.plot([0, median], [y, y], color=color, linewidth=5, alpha=0.3, solid_capstyle="butt")
            axes.plot([low, high], [y, y], color=color, linewidth=1.6)
            axes.plot(median, y, "o", color=color, markersize=5)
        axes.set_xlim(left=0)
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.set_yticks(range(len(names)), labels=[readable(name) for name in names[::-1]])
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("training steps per second")

    left = 0.25 + 0.075 * max(map(len, names))
    return panels(titles, draw, {}, height=0.95 + 0.22 * len(names), left=left)
