"""Before anything trains: every cell is built once on a tiny batch, checked, and its step is timed."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from rich.console import Console

from seqbench.record.record import run_id
from seqbench.schema import Cell, Status, UsageError
from seqbench.sweep import estimate, outcome
from seqbench.sweep.job import Job
from seqbench.sweep.lanes import Ended, Lanes
from seqbench.sweep.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What the preflight found: seconds of a step and an evaluation, or why the cell cannot train.

    ``solvable`` is False where its task has no notion of solved.
    """

    timing: estimate.Timing | None
    failure: tuple[Status, str, str | None] | None
    solvable: bool = True


def key(cell: Cell) -> str:
    """What cells that need one check have in common."""
    return run_id(cell.identity(), None, "learning")


def check(
    cells: Iterable[Cell], lanes: int, console: Console, told: Callable[[int], object] = lambda done: None
) -> dict[str, Checked]:
    """Key -> what was found, for every cell; ``told`` is called with how many were checked.

    Raises:
        UsageError: a value that the user gave makes no sense.
    """
    distinct = {key(cell): cell for cell in cells}
    checked: dict[str, Checked] = {}
    usage: list[str] = []

    def ended(end: Ended) -> None:
        found = _read(end)
        if isinstance(found, str):
            usage.append(found)
        else:
            checked[key(end.job.cell)] = found

    if distinct:
        with Progress(console, "checking and calibrating", len(distinct), told) as progress:
            jobs = [Job(kind="preflight", cell=cell) for cell in distinct.values()]
            Lanes(lanes).run(jobs, lambda end: (ended(end), progress.advance()), progress.tick)
    if usage:
        raise UsageError(usage[0])
    return checked


def require_solvable(cells: Iterable[Cell], checked: Mapping[str, Checked]) -> None:
    """Refuse a bisection of what has no notion of solved.

    Raises:
        UsageError: naming the task.
    """
    for cell in cells:
        if not checked[key(cell)].solvable:
            raise UsageError(
                f"bisect needs a task that can be solved; {cell.labels['task']} has no such notion. Use bisect=null."
            )


def seconds(cell: Cell, checked: Mapping[str, Checked], known_steps: Mapping[tuple[str, str], float]) -> float | None:
    """Seconds that one run of the cell will take by what was timed; None where it cannot train."""
    timing = checked[key(cell)].timing
    return estimate.run_seconds(cell, estimate.expected_steps(cell, known_steps), timing) if timing else None


def _read(end: Ended) -> Checked | str:
    """What a check's process told; text where the user's values are wrong."""
    for kind, *rest in end.messages:
        if kind == "usage":
            return str(rest[0])
        if kind == "timed":
            solvable = ("solvable", False) not in end.messages
            return Checked(timing=estimate.Timing(**rest[0]), failure=None, solvable=solvable)
        if kind == "failed":
            return Checked(timing=None, failure=(rest[0], rest[1], rest[2]))
    status, reason = outcome.of_process(end)
    return Checked(timing=None, failure=(status, reason, None))
