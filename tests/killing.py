"""Trials of ``kill -9`` on a small sweep, told as one line of JSON: ``python -m tests.killing HOW TRIALS SEED FOLDER``.

This process loads torch once and forks a child a trial, which runs the engine with workers forked from itself: some
hundred milliseconds instead of seconds. The child leads a session of its own; whatever it starts is found by that.
"""

import ctypes
import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from seqbench.record.store import Store
from seqbench.schema import Options, Record, Study
from seqbench.sweep import cell as _  # noqa: F401 - so that no child imports it anew
from seqbench.sweep import engine, lanes, preflight
from tests.toys import cell, train

HOW = ("group", "parent", "worker")
"""What is killed: every process of the sweep at once, the one that was started, or one of its workers."""
NUM_RUNS = 3
MOST_STARTS = 12
PATIENCE_S = 30.0
_SUBREAPER = 36
"""prctl's PR_SET_CHILD_SUBREAPER: orphans become this process's children, so that it sees them end."""


@dataclass
class Counts:
    """What the trials found; ``losses`` has one sentence for each thing that is not as it should be."""

    trials: int = 0
    kills: int = 0
    resumed: int = 0
    starts: int = 0
    seconds: float = 0.0
    losses: list[str] = field(default_factory=list)


def study(store: Path, checkpoint_s: float = 0.0) -> Study:
    """One cell with three seeds, which saves its runs after each step."""
    made = cell(
        "Mean", tuple(range(NUM_RUNS)), budget=8, train=train(evaluate_every=4, evaluate_growth=1.0),
        instruments={"parameter_norms": True, "probe_batch": 4},
    )  # fmt: skip
    options = Options(
        store=str(store), out=str(store.parent / "out"), lanes=2, rerun="missing", cost=False, report=False,
        checkpoint_s=checkpoint_s,
    )  # fmt: skip
    return Study(name=None, description="", reference=None, tuning="", cells=(made,), options=options)


def start(store: Path) -> int:
    """A child that runs the sweep in a session of its own; its process id."""
    child = os.fork()
    if child == 0:
        os.setsid()
        code = 70
        with suppress(BaseException):
            code = _sweep(store)
        os._exit(code)
    while os.getsid(child) != child:
        time.sleep(0.0002)
    return child


def _sweep(store: Path) -> int:
    for module in (engine, preflight):
        module.Lanes = partial(lanes.Lanes, method="fork")  # type: ignore[attr-defined,misc]
    with open(store.parent / "told", "a", encoding="utf-8") as told:
        os.dup2(told.fileno(), 1)
        os.dup2(told.fileno(), 2)
        try:
            return engine.run(study(store), Console(file=told, width=160))
        except BaseException:
            traceback.print_exc(file=told)
            raise


def wait(child: int, seconds: float = PATIENCE_S, until: Callable[[], bool] | None = None) -> int | None:
    """Its exit code, minus the signal that ended it; None where it goes on after these seconds, or when ``until``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not (until and until()):
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.0005)
    return None


def processes(session: int) -> list[int]:
    """The living processes of a session."""
    return [pid for pid, state, of in _all_processes() if of == session and state not in "ZX"]


def _all_processes() -> Iterator[tuple[int, str, int]]:
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError, IndexError):
            after = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
            yield int(name), after[0], int(after[3])


def workers(session: int) -> list[int]:
    """The processes of a session that train: not the one that leads it, nor multiprocessing's own."""
    found = []
    for pid in processes(session):
        with suppress(OSError):
            if pid != session and b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def kill(child: int, how: str, dice: random.Random) -> bool:
    """Send the signal; whether there was somebody to take it."""
    victims = workers(child) if how == "worker" else [child]
    if not victims:
        return False
    with suppress(ProcessLookupError):
        if how == "group":
            os.killpg(child, signal.SIGKILL)
        else:
            os.kill(dice.choice(victims), signal.SIGKILL)
    return True


def published(store: Path) -> dict[str, bytes]:
    """Folder name -> the bytes of each record that can be read."""
    found = Store(store)
    return {found.path(record).name: (found.path(record) / "record.json").read_bytes() for record in found.records()}


def hashes(record: Record) -> tuple[Any, ...]:
    """What must be the same, whatever happened on the way."""
    summary = record.summary
    return summary["losses_sha256"], summary["parameters_sha256"], summary["score"], summary["steps"]


class Trial:
    """A sweep that is killed a few times and then left alone until it ends."""

    def __init__(self, folder: Path, how: str, wanted: dict[str, Any], counts: Counts, dice: random.Random) -> None:
        folder.mkdir()
        self.store, self.how, self.wanted, self.counts, self.dice = folder / "store", how, wanted, counts, dice
        self.sessions: list[int] = []

    def run(self, usual_s: float) -> None:
        """The whole trial; ``usual_s`` is how long the sweep takes undisturbed, its first start, the slowest."""
        seen: dict[str, bytes] = {}
        planned = self.dice.randint(1, 2)
        for number in range(MOST_STARTS):
            code = self._once(usual_s if number < planned else None)
            now = published(self.store)
            self._expect(seen.items() <= now.items(), f"a published record was lost or changed by start {number}")
            seen = now
            if number >= planned and code == 0:
                break
        else:
            self._expect(False, f"it did not end in {MOST_STARTS} starts")
        self._judge()
        self.counts.trials += 1

    def _once(self, usual_s: float | None) -> int | None:
        """Start it, and kill it at a random moment: of the whole time, or, every other time, while runs are saved."""
        child = start(self.store)
        self.sessions.append(child)
        self.counts.starts += 1
        code = None
        if usual_s is not None:
            moment = self.dice.uniform(0, 0.7 * usual_s)
            if self.dice.random() < 0.5:
                code, moment = wait(child, usual_s, self._saved), self.dice.uniform(0, 0.1)
            code = wait(child, moment) if code is None else code
            if code is not None:
                return code
            self.counts.kills += kill(child, self.how, self.dice)
        code = wait(child)
        if code is None:
            self._expect(False, "it hung")
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
        return code

    def _saved(self) -> bool:
        """Whether a run that is not finished has a checkpoint (the sweep's own file has another name)."""
        return any(not path.name.startswith("sweep") for path in (self.store / ".scratch").glob("*.npz"))

    def _judge(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while (left := [pid for session in self.sessions for pid in processes(session)]) and (
            time.monotonic() < deadline
        ):
            time.sleep(0.01)
        self._expect(not left, f"processes are left: {left}")
        before = published(self.store)
        self._expect(wait(start(self.store)) == 0, "the same command again does not end well")
        self._expect(published(self.store) == before, "the same command again changed records")
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        store = Store(self.store)
        store.collect()
        completed = [record for record in store.records() if record.status == "completed"]
        self._expect(len(completed) == len(self.wanted), f"{len(completed)} completed records of {len(self.wanted)}")
        found = {record.run_id: hashes(record) for record in completed}
        self._expect(found == self.wanted, "losses or parameters differ from those of the undisturbed sweep")
        self._expect(not store.problems, f"problems: {store.problems}")
        kept = sorted(path.name for path in (self.store / ".scratch").glob("*"))
        self._expect(not kept, f"private files are left: {kept}")
        told = (self.store.parent / "told").read_text(encoding="utf-8")
        self._expect("Traceback" not in told, f"a traceback was printed: {told[-2000:]}")
        self.counts.resumed += sum(bool(record.summary["resumed_at"]) for record in completed)

    def _expect(self, true: bool, otherwise: str) -> None:
        if not true:
            self.counts.losses.append(f"{self.store.parent.name}: {otherwise}")


def main(how: str, trials: int, seed: int, folder: Path) -> Counts:
    """All trials; the dice are seeded, the moments they pick are not reproducible."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    torch.set_num_threads(1)
    dice, counts, began = random.Random(f"{how} {seed}"), Counts(), time.monotonic()
    whole = folder / f"{how}-whole"
    whole.mkdir(parents=True)
    began_whole = time.monotonic()
    assert wait(start(whole / "store")) == 0, (whole / "told").read_text(encoding="utf-8")
    usual_s = time.monotonic() - began_whole
    wanted = {record.run_id: hashes(record) for record in Store(whole / "store").records()}
    assert len(wanted) == NUM_RUNS
    for number in range(trials):
        Trial(folder / f"{how}-{number}", how, wanted, counts, dice).run(usual_s)
    counts.seconds = time.monotonic() - began
    return counts


if __name__ == "__main__":
    print(json.dumps(vars(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])))))
