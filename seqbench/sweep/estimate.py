"""How long a sweep will take: steps that such runs took before, times seconds of a step measured just now."""

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqbench.registry import build
from seqbench.report.wording import count
from seqbench.schedule import NUM_CONSECUTIVE, evaluation_steps, room_to_solve
from seqbench.schema import FINISHED, Cell, Record

START_S = 0.6
"""Seconds from starting a run's process to its first step, and from its last step to its record: build, probe, test."""
SPAWN_S = 2.0
"""Seconds of a fresh interpreter and of torch's import."""
COST_S = SPAWN_S + 0.6
"""Seconds of one of the short cost measurements of a sweep: such a process, warm-up and timed steps."""
REPORT_S = 8.0


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Measured seconds of one training step and of one evaluation on the validation set."""

    step_s: float
    evaluate_s: float


class Durations:
    """Mean seconds that finished runs took.

    Args:
        records: of runs in one environment: seconds of another machine say nothing here.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self._cells: dict[str, list[float]] = {}
        self._kinds: dict[tuple[str, str], list[float]] = {}
        for record in records:
            if record.status in FINISHED:
                self._cells.setdefault(record.cell_id, []).append(record.duration_s)
                kind = (record.labels["task"], record.labels["model"])
                self._kinds.setdefault(kind, []).append(record.duration_s)

    def of_cell(self, cell_id: str) -> float | None:
        """Of the cell's seeds; None where none has finished."""
        return _mean(self._cells.get(cell_id))

    def of_kind(self, labels: Mapping[str, str]) -> float | None:
        """Of runs with these labels of task and model, in any variant; None where none has finished."""
        return _mean(self._kinds.get((labels["task"], labels["model"])))


def _mean(values: Sequence[float] | None) -> float | None:
    return sum(values) / len(values) if values else None


def without_room(cells: Iterable[Cell], solvable: Callable[[Cell], bool]) -> list[str]:
    """One line on the cells whose budget has no room for the evaluations that solving takes; none where all have.

    ``solvable`` says whether the task of a cell has a notion of solved; it is asked of cells without room alone.
    """
    short = [c for c in cells if not room_to_solve(c.budget, c.train.evaluate_every, c.train.evaluate_growth)]
    short = [cell for cell in short if solvable(cell)]
    if not short:
        return []
    return [
        f"warning: in {count(len(short), 'cell')} fewer than {NUM_CONSECUTIVE} evaluations fit into the budget: no run "
        "there can count as solved (train.steps, train.evaluate_every)."
    ]


def can_be_solved(cell: Cell) -> bool:
    """Whether the task has a notion of solved; it alone knows, so it is built, and torch imported if it was not."""
    try:
        return build(cell.task, "task", cell.plugins).solved is not None
    except Exception:  # anybody's code: what is wrong with it is told before it trains
        return True


def expected_steps(cell: Cell, known: Mapping[tuple[str, str], float]) -> float:
    """Steps that a run of this cell will take: as such runs took before, at most its budget, which is the default."""
    return float(min(cell.budget, known.get((cell.labels["task"], cell.labels["model"]), cell.budget)))


def steps_are_known(cell: Cell, known: Mapping[tuple[str, str], float]) -> bool:
    """Whether the steps that such runs took are known; else the budget stands in, an upper bound."""
    return (cell.labels["task"], cell.labels["model"]) in known


def run_seconds(cell: Cell, steps: float, timing: Timing) -> float:
    """Seconds of one lane for one run."""
    train = cell.train
    evaluations = sum(
        step <= steps for step in evaluation_steps(cell.budget, train.evaluate_every, train.evaluate_growth)
    )
    return START_S + steps * timing.step_s + (evaluations + 4) * timing.evaluate_s


def wall_seconds(runs_s: Sequence[float], lanes: int, measurements: int) -> float:
    """Seconds until all is done: runs packed longest first into the lanes, then the measurements one by one.

    >>> round(wall_seconds([3.0, 2.0, 1.0], lanes=2, measurements=0) - REPORT_S, 6)
    3.0
    """
    ends = [0.0] * lanes
    for seconds in sorted(runs_s, reverse=True):
        heapq.heapreplace(ends, ends[0] + seconds)
    return max(ends) + measurements * COST_S + REPORT_S


def expected_time(runs_s: Sequence[float | None], lanes: int, measurements: int = 0) -> str:
    """A sentence on how long runs will take of which some may be unknown.

    >>> expected_time([60.0, 60.0, None], lanes=2)
    'Expected time: about 1 min 8 s on 2 lanes by records of such runs, if nothing else runs, and 1 run more that ...'
    """
    known = [seconds for seconds in runs_s if seconds is not None]
    unknown = len(runs_s) - len(known)
    if not known:
        return "Expected time: no record of such runs tells; the sweep times a step of each cell before it trains."
    told = about(wall_seconds(known, lanes, measurements))
    told += f" on {count(lanes, 'lane')} by records of such runs, if nothing else runs"
    if unknown:
        told += (
            f", and {count(unknown, 'run')} more that no record tells of: "
            f"the sweep times a step of {'it' if unknown == 1 else 'each'} before it trains"
        )
    return f"Expected time: {told}."


def about(seconds: float, at_most: bool = False) -> str:
    """An expected time in words; ``at_most`` where it may be less because runs end when they have solved their task.

    >>> about(42.3), about(754, at_most=True)
    ('about 42 s', 'up to about 12 min 34 s')
    """
    return f"{'up to ' if at_most else ''}about {spoken(seconds)}"


def training_share(records: Iterable[Record], lanes: int, wall_s: float) -> float | None:
    """How much of the lanes' time was training and evaluation; None where no run tells.

    Args:
        records: of the runs that were trained in this time. Of a run that was continued only the share of the steps
            that were taken since then counts: seconds of earlier processes were not of this time.
        lanes: worker processes.
        wall_s: seconds from the first run's start to the last one's end.
    """
    seconds = [_seconds_now(record.summary) for record in records if "train_s" in record.summary]
    return sum(seconds) / (lanes * wall_s) if seconds and wall_s > 0 else None


def _seconds_now(summary: Mapping[str, Any]) -> float:
    before = summary.get("resumed_at") or [0]
    return (summary["train_s"] + summary["evaluate_s"]) * (1 - before[-1] / max(summary["steps"], 1))


def spoken(seconds: float) -> str:
    """Seconds as people say them.

    >>> spoken(42.3), spoken(754)
    ('42 s', '12 min 34 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
