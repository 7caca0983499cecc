"""What a sweep says of itself in its store, for whoever watches: its plan, its phase, and a lock that ends with it."""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from seqbench.record.scratch import FOLDER, Scratch
from seqbench.schema import Cell, Status, UsageError

Phase = Literal["checking", "training", "measuring", "reporting"]

PREFIX = "sweep-"
BEAT_S = 5.0
"""Seconds between two signs of life, for watchers on other machines, which may not see the lock."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One run of a sweep's plan.

    Attributes:
        cell: number of its cell. known: names of the records that it had when the sweep began.
        expected_s: its estimated seconds, 0 while unknown. before: its status where this sweep does not train it.
    """

    run_id: str
    cell: int
    seed: int
    known: tuple[str, ...] = ()
    expected_s: float = 0.0
    before: Status | None = None

    def is_settled_by(self, name: str) -> bool:
        """Whether the sweep need not train the run, because it did not intend to or because that record came of it."""
        return self.before is not None or name not in self.known


@dataclass(frozen=True, kw_only=True)
class Announcement:
    """What does not change while a sweep is at work.

    Attributes:
        title, command: its name, and the command that resumes it.
        names: what a reader calls each cell. tasks: how each name begins. budgets: optimiser steps of each cell.
        env_id: the environment whose records count, None for every one.
        lanes: worker processes. began: when, in seconds since the epoch.
        machine: where the locks of its runs can be seen, "" where that is nowhere.
        again: whether it trains runs that have a result once more (``rerun=all``).
    """

    title: str
    command: str
    names: tuple[str, ...]
    tasks: tuple[str, ...]
    budgets: tuple[int, ...]
    runs: tuple[Planned, ...]
    env_id: str | None
    lanes: int
    began: float
    machine: str
    again: bool = False

    def document(self) -> dict[str, Any]:
        """As plain values; ``read`` is the way back."""
        return self.__dict__ | {"runs": [astuple(run) for run in self.runs]}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "Announcement | None":
        """None where the document is something else: the file may be anybody's."""
        try:
            names = [field.name for field in fields(Planned)]
            told = (dict(zip(names, run, strict=True)) for run in document["runs"])
            runs = tuple(Planned(**{**run, "known": tuple(run["known"])}) for run in told)
            lists = {key: tuple(document[key]) for key in ("names", "tasks", "budgets")}
            made = cls(**{**document, **lists, "runs": runs})
            for run in runs:
                _ = (made.names[run.cell] + made.tasks[run.cell] + run.run_id, made.budgets[run.cell] + run.expected_s)
                _ = (0 + run.seed, run.before is None or run.before + "")
            _ = (made.title + made.command + made.machine, made.began + made.lanes)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            return None
        return made


class SweepEntry:
    """The entry of one sweep; mute before ``begin``. A disk that refuses it costs the view, never the sweep.

    Args:
        store: the folder of records.
        key: the same for the same command: a resumed sweep takes the place of the one that was interrupted.
    """

    def __init__(self, store: Path | str, key: str) -> None:
        self.store = Path(store)
        self._made: list[Path] = []
        self._beat_at = 0.0
        self._said: dict[str, Any] = {}
        self._began = 0.0
        digest = hashlib.sha256(key.encode()).hexdigest()[:12]
        self.scratch = Scratch(store, f"{PREFIX}{digest}")
        self.name = self.scratch.name
        self._digest = digest

    def begin(self) -> None:
        """Take a name that no living sweep has."""
        folder = self.store / FOLDER
        self._began = time.time()
        self._made = [path for path in (folder, *folder.parents) if not path.exists()]
        with suppress(OSError):
            number = 1
            while not self.scratch.claim():
                number += 1
                self.scratch = Scratch(self.store, f"{PREFIX}{self._digest}-{number}")
            self.name = self.scratch.name

    def announce(self, announcement: Announcement, phase: Phase) -> None:
        """Say what is planned, in place of what was said before, and what the sweep is at."""
        if self._began:
            with suppress(OSError):
                self.scratch.save(replace(announcement, began=self._began).document(), {})
                _remove_superseded(self.store, self.name, {run.run_id for run in announcement.runs})
            self.say(phase)

    def say(self, phase: Phase, done: int = 0, total: int = 0) -> None:
        """Say what the sweep is at, and how much of that is done, where the records do not tell it."""
        said = {"phase": phase, "done": done, "total": total}
        if said == self._said:
            self.beat()
        elif self._began:
            self._said = said
            self._tell()

    def beat(self) -> None:
        """Give a sign of life, where the last one is a few seconds old."""
        if self._said and time.monotonic() - self._beat_at >= BEAT_S:
            self._tell()

    def _tell(self) -> None:
        self._beat_at = time.monotonic()
        with suppress(OSError):
            self.scratch.tell(self._said)

    def finish(self) -> None:
        """The sweep is done: nothing of the entry stays."""
        self.scratch.clear()

    def withdraw(self) -> None:
        """The sweep was refused: nothing of the entry stays, nor of the folders that it made."""
        self.scratch.clear()
        for folder in self._made:
            with suppress(OSError):  # somebody else put something into it meanwhile
                folder.rmdir()

    def leave(self) -> None:
        """The sweep was interrupted: what it said stays, without the lock."""
        self.scratch.release()


@contextmanager
def entered(entry: SweepEntry) -> Iterator[SweepEntry]:
    """The entry while the sweep is at work, and what is to stay of it afterwards."""
    entry.begin()
    try:
        yield entry
    except UsageError:
        entry.withdraw()
        raise
    except BaseException:
        entry.leave()
        raise
    else:
        entry.finish()


def announcement(
    cells: Sequence[Cell],
    runs: Sequence[Planned],
    *,
    command: str,
    env_id: str | None,
    lanes: int,
    again: bool,
    remote: bool = False,
) -> Announcement:
    """What a sweep says of itself; ``remote`` where its runs are trained on other machines."""
    return Announcement(
        title=cells[0].study or (called(cells[0].labels) if len(cells) == 1 else "sweep"),
        command=command,
        names=tuple(called(cell.labels) for cell in cells),
        tasks=tuple(cell.labels["task"] for cell in cells),
        budgets=tuple(cell.budget for cell in cells),
        runs=tuple(runs),
        env_id=env_id,
        lanes=lanes,
        began=0.0,
        machine="" if remote else machine(),
        again=again,
    )


def called(labels: Mapping[str, str]) -> str:
    """What a reader calls a cell: task, model and variant."""
    return " ".join(part for part in (labels["task"], labels["model"], labels["variant"]) if part)


def trained_again(store: Path | str) -> dict[str, Planned]:
    """Run -> what was planned for it by a sweep with ``rerun=all`` that is at work or was interrupted."""
    return {run.run_id: run for _, told in _entries(store) if told.again is True for run in told.runs}


def _entries(store: Path | str) -> Iterator[tuple[Scratch, Announcement]]:
    for file in (Path(store) / FOLDER).glob(f"{PREFIX}*.npz"):
        scratch = Scratch(store, file.stem)
        found = scratch.load()
        told = Announcement.read(found[0]) if found else None
        if told is not None:
            yield scratch, told


def _remove_superseded(store: Path | str, mine: str, planned: set[str]) -> None:
    """Remove what dead sweeps on this machine said, where all their runs are among the planned ones."""
    for other, told in _entries(store):
        if other.name == mine or told.machine != machine() or not {run.run_id for run in told.runs} <= planned:
            continue
        with suppress(OSError):
            if other.claim():
                other.clear()


@lru_cache(maxsize=1)
def machine() -> str:
    """A hash that processes have in common when they see each other's locks: of this boot of this kernel."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_bytes()
    except OSError:
        boot = json.dumps(list(os.uname())).encode()
    return hashlib.sha256(boot).hexdigest()[:12]
