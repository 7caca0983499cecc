"""The report while runs come in: made anew now and then, by a process that takes what the training leaves idle."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from seqbench.schema import Study
from seqbench.sweep.interrupts import deaf, end_with_parent, held

EVERY_S = 60.0
"""Seconds from the end of a report to the next one; as many as the report took, where it took longer."""
GRACE_S = 0.5
"""Seconds that a report in the making has to remove its half-written file, once it is of no use."""
FAILED = "The report could not be made anew while runs come in; it is tried again at the end."


class Renewal:
    """Makes the report of a sweep anew while its runs come in; the last one is made by whoever ends the sweep.

    A report that cannot be made costs the view, which is said once, and never the sweep.

    Args:
        say: prints a line.
    """

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._process: Any = None
        self._began = self._ended = time.monotonic()
        self._pause_s, self._told, self._failed = EVERY_S, 0, False

    @contextmanager
    def of(self, study: Study, planned: Set[str], finished: int) -> Iterator[None]:
        """While this block runs ``tick`` begins reports of a study, of whose ``planned`` runs some are finished."""
        self._study, self._planned, self._told = study, frozenset(planned), finished
        try:
            yield
        finally:
            self._stop()

    def tick(self, finished: int) -> None:
        """Begin a report where more runs are finished than at the last one: called a few times a second."""
        now = time.monotonic()
        if self._process is not None:
            if self._process.is_alive():
                return
            self._pause_s = max(EVERY_S, now - self._began)
            self._end()
        wanted = self._study.options.report and not self._failed
        if wanted and finished > self._told and now - self._ended >= self._pause_s:
            self._began, self._told = now, finished
            try:
                self._start()
            except Exception:  # no process, no memory: whatever it is, the sweep goes on
                self._fail()

    def _start(self) -> None:
        arguments = (self._study, self._planned)
        process = multiprocessing.get_context("spawn").Process(target=_work, args=arguments, daemon=True)
        with held(), deaf():
            process.start()
            self._process = process

    def _end(self) -> None:
        self._process.join()
        if self._process.exitcode:
            self._fail()
        self._process, self._ended = None, time.monotonic()

    def _fail(self) -> None:
        self._failed = True
        self._say(FAILED)

    def _stop(self) -> None:
        """End what is in the making."""
        if self._process is None:
            return
        try:
            self._process.terminate()
            self._process.join(GRACE_S)
        finally:
            self._process.kill()
            self._process.join()
            self._process, self._ended = None, time.monotonic()


def _work(study: Study, planned: Set[str]) -> None:
    """Write the report of a sweep that is at work; exit code 1 where that cannot be."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what it means
    with suppress(KeyboardInterrupt):
        signal.signal(signal.SIGTERM, _interrupt)
        nothing = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(nothing, stream)
        end_with_parent()
        _yield_to_others()
        from seqbench.sweep.reporting import write_of_sweep  # late: what it loads is loaded at the lowest priority

        try:
            write_of_sweep(study, planned, at_work=True)
        except Exception:
            sys.exit(1)


def _interrupt(number: int, _: object) -> NoReturn:
    """Half a file is removed on the way out, which a second signal does not interrupt."""
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _yield_to_others() -> None:
    """Take what others leave idle of the processor, and be the first to go where memory runs out.

    Linux may weigh sessions before processes: this one has a session of its own, of the lowest weight.
    """
    os.nice(19)
    with suppress(OSError):  # another kernel
        os.setsid()
        Path("/proc/self/autogroup").write_text("19")  # of this session: that of the lanes must not get it
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
