"""What a sweep at work looks like: one calm block in a terminal, plain lines elsewhere. Only the parent draws."""

import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.live import Live

from seqbench.report.wording import readable
from seqbench.sweep.drawing import block, counted, ended_lines, headline
from seqbench.sweep.state import StoreWatch, SweepState

LOOK_S = 1.0
PLAIN_EVERY_S = 30.0


class View:
    """Shows the sweeps of a store while this block runs: a line for each run that ends, and where the sweeps stand.

    Attributes:
        states: those of the last look.
    """

    def __init__(self, console: Console, watch: StoreWatch) -> None:
        self.console, self.watch = console, watch
        self.states: list[SweepState] = []
        self._looked = self._spoke = time.monotonic()
        self._live = _live(console)

    def __enter__(self) -> "View":
        self.states = self.watch.look()  # what ended before is no news
        if self._live:
            self._live.start()
            self._draw()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._look()
        if self._live:
            self._live.stop()

    @property
    def finished(self) -> int:
        """Runs that were finished at the last look."""
        return sum(state.finished for state in self.states)

    def tick(self) -> None:
        """Look and redraw where a second has passed: called a few times a second."""
        if time.monotonic() - self._looked >= LOOK_S:
            self._look()
            self._draw()

    def _look(self) -> None:
        self._looked = time.monotonic()
        self.states = self.watch.look()
        for state in self.states:
            titled = f"{readable(state.announcement.title)}  " if len(self.states) > 1 else ""
            for text in ended_lines(state):
                self._print(titled + text)

    def _draw(self) -> None:
        if self._live:
            self._live.update(block(self.states, self.console), refresh=True)
        elif time.monotonic() - self._spoke > PLAIN_EVERY_S:
            for state in self.states:
                self._print(headline(state))

    def _print(self, text: str) -> None:
        self._spoke = time.monotonic()
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)


class Progress:
    """Counts finished jobs that leave no record of a run: checks and measurements; in the look of ``View``.

    Args:
        total: number of jobs.
        told: called with the number done, at each tick.
    """

    def __init__(
        self, console: Console, title: str, total: int, told: Callable[[int], object] = lambda _: None
    ) -> None:
        self.console, self.title, self.total, self.told = console, title, total, told
        self.done = 0
        self._drawn, self._spoke, self._counting = -1.0, time.monotonic(), False
        self._live = _live(console)

    def __enter__(self) -> "Progress":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live:
            self._live.stop()
        elif self._counting and kind is None:  # the last count may be of long ago
            self._say(self.total)

    def advance(self) -> None:
        """One job more is done."""
        self.done += 1
        self._drawn = -1.0

    def at(self, done: int) -> None:
        """So many jobs are done: called a few times a second."""
        self.done = done
        self.tick()

    def tick(self) -> None:
        """Redraw: called a few times a second."""
        self.told(self.done)
        now = time.monotonic()
        if self._live and now - self._drawn >= LOOK_S:
            self._drawn = now
            self._live.update(counted(self.title, self.done, self.total, self.console), refresh=True)
        elif now - self._spoke > PLAIN_EVERY_S:
            self._spoke, self._counting = now, True
            self._say(self.done)

    def _say(self, done: int) -> None:
        self.console.print(f"{self.title}: {done}/{self.total} done", markup=False, highlight=False)


def _live(console: Console) -> Live | None:
    """Redrawn by its owner, not by a thread: nothing flickers between two looks, and signals reach the main thread."""
    return Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
