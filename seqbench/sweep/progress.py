"""The view of a sweep at work: one live block in a terminal, plain lines elsewhere. Only the parent draws."""

import time
from collections.abc import Mapping, Sequence
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

from seqbench.schema import Record
from seqbench.sweep.estimate import spoken
from seqbench.sweep.lanes import Ended, Lane

PLAIN_EVERY_S = 30.0


class Progress:
    """Counts finished jobs, shows what runs and how long the rest will take.

    Args:
        total: number of jobs.
        expected_s: their estimated seconds of one lane, where known: the remaining time is scaled by what has passed.
    """

    def __init__(self, console: Console, title: str, total: int, expected_s: float = 0.0) -> None:
        self.console, self.title, self.total, self.expected_s = console, title, total, expected_s
        self.done, self.done_expected_s, self.done_s = 0, 0.0, 0.0
        self.began = self.spoke = time.monotonic()
        self.bar = Bar(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[eta]}")
        )
        self.task = self.bar.add_task(title, total=total, eta="")
        self.live = (
            Live(self.bar, console=console, refresh_per_second=4, transient=True) if console.is_terminal else None
        )

    def __enter__(self) -> "Progress":
        if self.live:
            self.live.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.live:
            self.live.stop()

    def advance(self) -> None:
        """One job more is done."""
        self.done += 1

    def finished(self, end: Ended, record: Record) -> None:
        """A run has ended: print its line."""
        self.advance()
        self.done_expected_s += end.job.expected_s
        self.done_s += end.elapsed_s
        self._print(
            f"{self.done:>4}/{self.total}  {_name(end.job.cell.labels)} seed {end.job.seed}: {_told(record)}"
            f"  ({end.elapsed_s:.1f} s)"
        )

    def tick(self, running: Sequence[Lane] = ()) -> None:
        """Redraw: called a few times a second."""
        if self.live:
            self.bar.update(self.task, completed=self.done, eta=self._left(running))
            self.live.update(
                Group(self.bar, *(Text(_lane(lane), overflow="ellipsis", no_wrap=True) for lane in running))
            )
        elif time.monotonic() - self.spoke > PLAIN_EVERY_S:
            self._print(f"{self.title}: {self.done}/{self.total} done {self._left(running)}")

    def _left(self, running: Sequence[Lane]) -> str:
        if not self.expected_s:
            return ""
        pace = self.done_s / self.done_expected_s if self.done_expected_s else 1.0
        begun = sum(min(lane.elapsed_s, lane.job.expected_s * pace) for lane in running)
        left = (self.expected_s - self.done_expected_s) * pace - begun
        return f"about {spoken(max(left, 0.0) / max(len(running), 1))} left"

    def _print(self, text: str) -> None:
        self.spoke = time.monotonic()
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)


def _name(labels: Mapping[str, str]) -> str:
    return " ".join(part for part in (labels["task"], labels["model"], labels["variant"]) if part)


def _lane(lane: Lane) -> str:
    score = "" if lane.score is None else f"  score {lane.score:.4g}"
    return f"  {_name(lane.job.cell.labels)} seed {lane.job.seed}: step {lane.step}/{lane.job.cell.budget}{score}"


def _told(record: Record) -> str:
    summary = record.summary
    if not summary:
        return f"{record.status}: {record.reason}"
    score = "no score" if summary["score"] is None else f"{record.task['score']} {summary['score']:.4g}"
    if record.status != "completed":
        return f"{record.status} ({record.reason}), {score}"
    if summary["solved"]:
        return f"{score}, solved after {summary['steps_to_solve']} steps"
    return f"{score}" if summary["solved"] is None else f"{score}, not solved in {summary['steps']} steps"
