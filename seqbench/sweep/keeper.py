"""When an unfinished run is saved, and whether a checkpoint that is there may be continued."""

import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from seqbench import checkpoint
from seqbench.record.scratch import Scratch
from seqbench.run import Training


class Interrupted(BaseException):
    """The process was asked to end, and the run has been saved. No error: nothing that handles errors may catch it."""


class CheckpointKeeper:
    """Saves a run every few seconds, and at once, for the last time, where the process is asked to end (SIGTERM).

    Args:
        scratch: the claimed private files of the run.
        code: hashes of all code and data that can change what the next step computes: a checkpoint of other code is
            not continued.
        every_s: seconds between two checkpoints; None saves only at the end of the process.

    Attributes:
        resumed_at: the steps at which the run was continued, in order. spent_s: seconds that earlier processes took.
    """

    def __init__(self, scratch: Scratch, code: Mapping[str, str], every_s: float | None) -> None:
        self.scratch, self.every_s = scratch, float("inf") if every_s is None else every_s
        self.code = dict(code)
        self.resumed_at: list[int] = []
        self.spent_s = 0.0
        self.asked_to_end = False
        self._began = self._kept = time.monotonic()
        signal.signal(signal.SIGTERM, self._on_signal)

    def due(self) -> bool:
        """Whether the last checkpoint is old, or this process shall end."""
        return self.asked_to_end or time.monotonic() - self._kept >= self.every_s

    def keep(self, training: Training) -> None:
        """Save the training.

        Raises:
            Interrupted: it is saved, and the process shall end.
        """
        facts, arrays = checkpoint.capture(training)
        mine = {"code": self.code, "resumed_at": self.resumed_at, "spent_s": self.elapsed_s}
        with suppress(OSError):  # a full disk: the run goes on, and loses more if it is killed
            self.scratch.save({"training": facts, **mine}, arrays)
        self._kept = time.monotonic()
        if self.asked_to_end:
            raise Interrupted

    def resume(self, training: Training) -> None:
        """Put a training that has just been built where its checkpoint is; without a usable one it stays as it is."""
        found = self.scratch.load()
        if found is None or found[0].get("code") != self.code:
            return
        facts, arrays = found
        checkpoint.restore(training, facts["training"], arrays)
        self.resumed_at = [*facts["resumed_at"], training.step]
        self.spent_s = float(facts["spent_s"])

    @property
    def elapsed_s(self) -> float:
        """Seconds that this run has taken, over all its processes."""
        return self.spent_s + time.monotonic() - self._began

    def _on_signal(self, *_: Any) -> None:
        self.asked_to_end = True
