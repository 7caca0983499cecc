"""Where the sweeps of a store stand, from the store alone: their own entries, the words of their runs, the records.

Each look lists the store once and reads only what is new: a record of a planned run, a word that was replaced.
"""

import math
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqbench.record.fields import Reader
from seqbench.record.reading import Problem, judge
from seqbench.record.scratch import FOLDER, Scratch
from seqbench.schema import CONTINUED, FINISHED
from seqbench.sweep.entry import PREFIX, Announcement, Planned, machine
from seqbench.sweep.followed import AtWork, Followed, Outcome, told_of

SILENT_S = 120.0
"""A process of another machine, whose lock cannot be seen, counts as at work while it was heard of this recently."""
_RECORD = re.compile(r"([0-9a-f]{16})-([0-9a-f]{12})(?:-(?:[2-9]|[1-9][0-9]+))?")
_WORD = re.compile(r"([0-9a-f]{16})-([0-9a-f]{12})\.(json|lock)")
_ENTRY = re.compile(rf"({PREFIX}[0-9a-f]+(?:-[0-9]+)?)\.npz")


@dataclass(frozen=True, kw_only=True)
class SweepState:
    """Where a sweep stands.

    Attributes:
        key: the name of its entry. living: whether the sweep itself is at work. heard_s: as of a run.
        done, total: of its phase's own work (checks, measurements), 0 where there is none to count.
        statuses: how many of its runs have ended with which status. planned: how many runs there are.
        ended: what became of runs since the previous look, in the order of the plan.
        at_work: runs that were begun: those alive first. left_s: estimated seconds until all runs are done.
        gone: whether the entry is no longer there: the sweep has finished.
    """

    key: str
    announcement: Announcement
    phase: str
    done: int
    total: int
    living: bool
    heard_s: float | None
    statuses: Mapping[str, int]
    ended: tuple[tuple[Planned, Outcome], ...]
    at_work: tuple[AtWork, ...]
    left_s: float | None
    elapsed_s: float
    gone: bool

    @property
    def planned(self) -> int:
        """Runs of the plan."""
        return len(self.announcement.runs)

    @property
    def finished(self) -> int:
        """Runs that will not be trained any more."""
        return sum(number for status, number in self.statuses.items() if status not in CONTINUED)


class StoreWatch:
    """Follows the sweeps of a store.

    Args:
        store: the folder of records.
        only: the name of the one entry to follow; None for all.
    """

    def __init__(self, store: Path | str, only: str | None = None) -> None:
        self.root, self.only = Path(store), only
        self._sweeps: dict[str, Followed] = {}
        self._names: set[str] = set()
        self._words: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {}
        self._reader = Reader()

    def look(self) -> list[SweepState]:
        """Every sweep's state, by the time at which it began; one that has finished is told of once more, as gone."""
        files = _listed(self.root / FOLDER)
        changed = self._follow(files)
        self._read_records(changed)
        begun = {match[1]: match[2] for file in files if (match := _WORD.fullmatch(file))}
        self._words = {name: word for name, word in self._words.items() if f"{name}.json" in files}
        states = [self._state(sweep, files, begun) for sweep in self._sweeps.values()]
        self._sweeps = {key: sweep for key, sweep in self._sweeps.items() if not sweep.gone}
        return sorted(states, key=lambda state: state.announcement.began)

    def _follow(self, files: Mapping[str, os.DirEntry[str]]) -> bool:
        """Read the entries that are new or replaced; whether there was one."""
        found = {match[1]: file for file in files if (match := _ENTRY.fullmatch(file))}
        changed = False
        for key, file in found.items():
            stamp = _stamp(files[file])
            known = self._sweeps.get(key)
            if self.only not in (None, key) or stamp is None or (known and known.stamp == stamp):
                continue
            loaded = Scratch(self.root, key).load()
            announced = Announcement.read(loaded[0]) if loaded else None
            if announced is not None:
                self._sweeps[key], changed = Followed(key, announced, stamp, known), True
        for key, sweep in self._sweeps.items():
            sweep.gone = key not in found
        return changed

    def _read_records(self, all_again: bool) -> None:
        """Read the records of planned runs that are new in the store."""
        try:
            names = set(os.listdir(self.root))
        except OSError:  # a mount that went away: what was seen is still true
            return
        for name in names if all_again else names - self._names:
            match = _RECORD.fullmatch(name)
            if match is None:
                continue
            wanting = [sweep for sweep in self._sweeps.values() if sweep.wants(match[1], match[2], name)]
            if wanting:
                outcome = self._outcome(name, match[1])
                for sweep in wanting:
                    sweep.add(outcome)
        self._names = names

    def _outcome(self, name: str, run_id: str) -> Outcome:
        found = judge(f"{self.root}/{name}", self._reader)
        if isinstance(found, Problem):
            return Outcome(run_id=run_id, name=name, status="unreadable", told=found.what, duration_s=0.0)
        record = found.record
        return Outcome(
            run_id=run_id,
            name=name,
            status=record.status,
            told=told_of(record),
            duration_s=record.duration_s if record.status in FINISHED else 0.0,
        )

    def _state(self, sweep: Followed, files: Mapping[str, os.DirEntry[str]], begun: Mapping[str, str]) -> SweepState:
        announced = sweep.announced
        word, age_s = self._word(sweep.key, files)
        here, held = announced.machine == machine(), Scratch(self.root, sweep.key).claimed()
        living = not sweep.gone and _is_alive(held, here, age_s)
        at_work = [
            self._at_work(sweep, sweep.runs[run_id], f"{run_id}-{env_id}", files)
            for run_id, env_id in begun.items()
            if sweep.is_unfinished(run_id, env_id)
        ]
        at_work.sort(key=lambda run: (not run.alive, -run.elapsed_s, run.name, run.seed))
        return SweepState(
            key=sweep.key,
            announcement=announced,
            phase=str(word.get("phase", "")),
            done=int(_number(word.get("done"))),
            total=int(_number(word.get("total"))),
            living=living,
            heard_s=None if here and held is not None else age_s,
            statuses=sweep.statuses(),
            ended=tuple(sweep.news()),
            at_work=tuple(at_work),
            left_s=sweep.left_s(at_work) if living else None,
            elapsed_s=max(0.0, time.time() - announced.began),
            gone=sweep.gone,
        )

    def _at_work(self, sweep: Followed, planned: Planned, name: str, files: Mapping[str, os.DirEntry[str]]) -> AtWork:
        word, age_s = self._word(name, files)
        held = Scratch(self.root, name).claimed()
        here = sweep.announced.machine == machine()
        alive = _is_alive(held, here, age_s)
        score, elapsed_s = word.get("score"), _number(word.get("elapsed_s"))
        spoke_now = alive and age_s < time.time() - sweep.announced.began  # else its last word is of an earlier process
        return AtWork(
            run_id=planned.run_id,
            name=sweep.announced.names[planned.cell],
            seed=planned.seed,
            budget=int(sweep.announced.budgets[planned.cell]),
            alive=alive,
            heard_s=None if held or (here and held is not None) else age_s,
            step=int(_number(word.get("step"))),
            score=score if isinstance(score, float | int) else None,
            metric=str(word.get("metric", "")),
            elapsed_s=elapsed_s + (age_s if spoke_now and word else 0.0),
            expected_s=planned.expected_s,
            task=sweep.announced.tasks[planned.cell],
        )

    def _word(self, name: str, files: Mapping[str, os.DirEntry[str]]) -> tuple[dict[str, Any], float]:
        """What was told last, and its age in seconds; a file is read again only where another took its place."""
        file = files.get(f"{name}.json") or files.get(f"{name}.lock")
        stamp = _stamp(file) if file else None
        if stamp is None:
            return {}, float("inf")
        if self._words.get(name, (None,))[0] != stamp:
            self._words[name] = (stamp, Scratch(self.root, name).told() or {})
        return self._words[name][1], max(0.0, time.time() - stamp[1] / 1e9)


def _is_alive(held: bool | None, here: bool, age_s: float) -> bool:
    """By its lock; where locks are not seen, on another machine or none at all, by how lately it was heard of."""
    return bool(held) or ((held is None or not here) and age_s < SILENT_S)


def _listed(folder: Path) -> dict[str, os.DirEntry[str]]:
    with suppress(OSError), os.scandir(folder) as entries:
        return {entry.name: entry for entry in entries}
    return {}


def _stamp(file: os.DirEntry[str]) -> tuple[int, int] | None:
    """What a file that took another's place does not share with it; None where it has gone."""
    try:
        status = file.stat(follow_symlinks=False)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) and math.isfinite(value) else 0
