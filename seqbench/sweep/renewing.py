"""The report while runs come in: made anew now and then, by a process that takes what the training leaves idle."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from seqbench import report
from seqbench.record.store import Store
from seqbench.schema import Study
from seqbench.sweep.interrupts import deaf, end_with_parent, held
from seqbench.sweep.reporting import about, under_way
from seqbench.sweep.state import SweepState

EVERY_S = 60.0
"""Seconds from one report to the next; longer where a report takes longer."""
GRACE_S = 2.0
"""Seconds that a report in the making has to remove its half-written file, once it is of no use."""


class Renewal:
    """Makes the report of a sweep anew while its runs come in; the last one is made by whoever ends the sweep.

    A report that cannot be made, for want of room say, costs the view and never the sweep.
    """

    def __init__(self, study: Study, planned: Collection[str]) -> None:
        options = study.options
        self._wanted = options.report
        self._what = (options.store, options.out, frozenset(planned), about(study))
        self._process: Any = None
        self._began = self._ended = time.monotonic()
        self._pause_s, self._told = EVERY_S, 0

    def tick(self, states: Sequence[SweepState]) -> None:
        """Begin a report where runs have ended since the last one: called a few times a second."""
        now, finished = time.monotonic(), sum(state.finished for state in states)
        if self._process is not None:
            if self._process.is_alive():
                return
            self._process.join()
            self._pause_s, self._ended, self._process = max(EVERY_S, now - self._began), now, None
        if self._wanted and finished > self._told and now - self._ended >= self._pause_s:
            self._began, self._told = now, finished
            self._start()

    def _start(self) -> None:
        process = multiprocessing.get_context("spawn").Process(target=_write, args=self._what, daemon=True)
        with suppress(OSError), held(), deaf():
            process.start()
            self._process = process

    def stop(self) -> None:
        """End what is in the making."""
        if self._process is not None:
            self._process.terminate()
            self._process.join(GRACE_S)
            self._process.kill()
            self._process.join()


@contextmanager
def renewed(study: Study, planned: Collection[str]) -> Iterator[Renewal]:
    """While this block runs, the report of a sweep can be made anew."""
    renewal = Renewal(study, planned)
    try:
        yield renewal
    finally:
        renewal.stop()


def _write(store: str, out: str, planned: Collection[str], told: Mapping[str, Any]) -> None:
    """What the process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what it means
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # half a file is removed on the way out
    end_with_parent()
    os.nice(19)
    with open(os.devnull, "w") as nothing, suppress(Exception, KeyboardInterrupt):
        sys.stdout = sys.stderr = nothing
        report.write(Store(store), Path(out), planned=planned, notice=under_way([Path(store)]), **told)
