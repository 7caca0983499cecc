"""A study through one of Hydra's launchers: a job for each cell with missing runs, and what came of them in the store.

The launcher decides where and when a job runs. Nothing that it returns is believed: before and afterwards the store is
asked what is there. The jobs' words and logs lie in a folder of the store, which every machine sees.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console

from seqbench.config.launcher import check_usable, lanes_of
from seqbench.record.record import cell_id
from seqbench.record.scratch import FOLDER, Scratch, names
from seqbench.record.store import Store
from seqbench.report.wording import count
from seqbench.schema import FINISHED, Cell, Launcher, Study, UsageError
from seqbench.sweep import launched, preflight, problems
from seqbench.sweep.closing import close
from seqbench.sweep.entry import SweepEntry, announcement, called, entered
from seqbench.sweep.estimate import spoken, without_room
from seqbench.sweep.lanes import default_lanes, end_server
from seqbench.sweep.launch_process import LOG, POLL_S, last_line, started
from seqbench.sweep.opening import continued
from seqbench.sweep.plan import PlannedRun, announced, make_plan, say
from seqbench.sweep.progress import View
from seqbench.sweep.renewing import Renewal
from seqbench.sweep.state import StoreWatch

_RUN_ID = 16
"""Characters of a record's folder name that are its run's identity."""


def run(study: Study, launcher: Launcher, console: Console, command: str) -> int:
    """Have trained what is missing, write the report, print the table; the exit code.

    Raises:
        UsageError: the launcher is not there or does not start, or a cell cannot be built; nothing is left on disk.
    """
    if study.bisection is not None:
        raise UsageError(
            f"bisect must run on this machine, as its lengths follow from results; got hydra/launcher={launcher.name}. "
            "Add bisect=null, then run the same without both words, with reuse=any."
        )
    check_usable(launcher)
    return _Launch(study, launcher, console, command).run()


class _Launch:
    def __init__(self, study: Study, launcher: Launcher, console: Console, command: str) -> None:
        self.study, self.launcher, self.console, self.command = study, launcher, console, command
        self.store = Store(study.options.store)
        self.lanes = study.options.lanes or lanes_of(launcher)
        self.entry = SweepEntry(self.store.root, command or " ".join(cell.command for cell in study.cells))
        self.began = time.monotonic()

    def run(self) -> int:
        problems.refuse_unwritable(self.study.options)
        plan = make_plan(self.study, self.store)
        missing = [planned for planned in plan if planned.train]
        with entered(self.entry):
            checked = self._check(missing)
            self._enter(plan, self._expected(missing, checked))
            self._announce(plan, missing)
            cells = {planned.cell_id: planned.cell for planned in missing}
            unlocked = problems.of_locks(self.entry.scratch)
            roomless = without_room(cells.values(), lambda cell: checked[preflight.key(_here(cell))].solvable)
            for line in (*unlocked, *roomless, *problems.set_aside(self.store)):
                self._say(line)
            self.before = self._names()  # without what was set aside: the run that is trained again takes its name
            if not missing:
                return self._close(plan, [], None)
            folder = self._folder()
            self._launch(self._cells(missing), folder, {planned.run_id for planned in plan})
            return self._close(plan, missing, folder)

    def _check(self, missing: Sequence[PlannedRun]) -> dict[str, preflight.Checked]:
        """Build every cell once, on the CPU of this machine: a bad value is told now, not after an hour in a queue.

        What else goes wrong here may go well there, and the job looks again.
        """
        checked = preflight.check((_here(planned.cell) for planned in missing), default_lanes("cpu"), self.console)
        end_server()  # nothing more is computed here, however long the jobs take
        return checked

    def _expected(self, missing: Sequence[PlannedRun], checked: Mapping[str, preflight.Checked]) -> dict[str, float]:
        """Seconds that each run may take, as runs of its kind took or as a step takes here."""
        timed = {p.run_id: preflight.seconds(_here(p.cell), checked, self.study.expected_steps) for p in missing}
        return {p.run_id: p.expected_s or p.similar_s or timed[p.run_id] or 0.0 for p in missing}

    def _enter(self, plan: Sequence[PlannedRun], expected_s: Mapping[str, float]) -> None:
        numbers = {cell_id(cell.identity()): number for number, cell in enumerate(self.study.cells)}
        runs = [announced(planned, numbers[planned.cell_id], expected_s) for planned in plan]
        about = {"command": self.command, "env_id": None, "again": self.study.options.rerun == "all", "remote": True}
        self.entry.announce(announcement(self.study.cells, runs, lanes=self.lanes, **about), "training")

    def _announce(self, plan: Sequence[PlannedRun], missing: Sequence[PlannedRun]) -> None:
        name, cells = self.study.name or "sweep", len({planned.cell_id for planned in missing})
        runs = f"{count(len(plan), 'run')} of {count(len(self.study.cells), 'cell')}"
        how = f"{count(cells, 'job')} through hydra/launcher={self.launcher.name}, {count(self.lanes, 'lane')} each"
        self._say(
            f"{name}: {runs}, {len(plan) - len(missing)} done, {len(missing)} to train in {how}{continued(missing)}."
        )
        if self.study.options.cost:
            self._say(
                "Speed and memory are not measured through a launcher, because other jobs share its machines: on the "
                "machine that the numbers are for, run the same command without hydra/launcher, with reuse=any."
            )

    def _cells(self, missing: Sequence[PlannedRun]) -> list[Cell]:
        """The cells of the jobs, each with the seeds that it shall train."""
        seeds: dict[str, list[int]] = {}
        for planned in missing:
            seeds.setdefault(planned.cell_id, []).append(planned.seed)
        cells = {cell_id(cell.identity()): cell for cell in self.study.cells}
        return [replace(cells[name], seeds=tuple(members)) for name, members in seeds.items()]

    def _folder(self) -> Path:
        """A new folder for the jobs; its path holds on every machine that has the store mounted alike."""
        parent = self._folders()
        parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=time.strftime("%Y%m%d-%H%M%S-"), dir=parent))

    def _folders(self) -> Path:
        return (self.store.root / FOLDER / "hydra").absolute()

    def _launch(self, cells: Sequence[Cell], folder: Path, planned: Set[str]) -> None:
        store = str(self.store.root.absolute())
        options = replace(
            self.study.options, store=store, lanes=self.lanes, cost=False, report=False, launcher=None
        )  # fmt: skip
        launched.write_jobs(folder, cells, options)
        renewal = Renewal(self._say)
        try:
            with (
                View(self.console, StoreWatch(self.store.root, self.entry.name)) as view,
                renewal.of(self.study, planned, view.finished),
                started(self.launcher, folder, cells, partial(self._saving, launched.runs_of(folder))) as process,
            ):
                while process.poll() is None:
                    time.sleep(POLL_S)
                    self.entry.beat()
                    view.tick()
                    renewal.tick(view.finished)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(self._interrupted(folder)) from None
        if process.returncode and not any(launched.log_of(folder, number).exists() for number in range(len(cells))):
            reason = last_line(folder / LOG) or f"it ended with exit code {process.returncode}"
            shutil.rmtree(folder, ignore_errors=True)
            raise UsageError(f"hydra/launcher={self.launcher.name} must start; it says: {reason}. Check its options.")

    def _saving(self, runs: Set[str]) -> bool:
        """Whether a job that was asked to end may still save a run. joblib's stay when they have, and wait for more."""
        if self.launcher.name != "joblib":
            return True
        held = (Scratch(self.store.root, name).claimed() for name in names(self.store.root) if name[:_RUN_ID] in runs)
        return any(claimed is not False for claimed in held)

    def _interrupted(self, folder: Path) -> str:
        plan = make_plan(self.study, self.store)
        told = f"{sum(not planned.train for planned in plan)} of {count(len(plan), 'run')} done"
        if self.launcher.name != "submitit_slurm":
            return told
        return f"{told}; jobs that are in SLURM's queue go on until scancel ends them (logs: {folder})"

    def _close(self, plan: Sequence[PlannedRun], missing: Sequence[PlannedRun], folder: Path | None) -> int:
        new = {name[:_RUN_ID] for name in self._names() - self.before}
        lost = [planned for planned in missing if planned.run_id not in new]
        took = f"took {spoken(time.monotonic() - self.began)}"
        told = f"{len(lost)} missing; {took}" if lost else took
        code = close(self.study, self.store, plan, told, self.console)
        self._tidy()
        if folder is None:
            return code
        numbers = {name: number for number, name in enumerate(dict.fromkeys(p.cell_id for p in missing))}
        for planned in lost:
            log = launched.log_of(folder, numbers[planned.cell_id])
            self._say(f"missing: {called(planned.cell.labels)} seed {planned.seed}: {_why(log)} ({folder})")
        if lost:
            self._say("What is done is kept; the same command takes up the rest.")
        return 1 if lost else code

    def _tidy(self) -> None:
        """Remove the folders of jobs, those of earlier commands too, whose runs all have a result."""
        plan = make_plan(self.study, self.store)
        done = {p.run_id for p in plan if p.record is not None and p.record.status in FINISHED}
        for folder in self._folders().glob("*"):
            runs = launched.runs_of(folder)
            if runs and runs <= done:
                shutil.rmtree(folder, ignore_errors=True)
        for parent in (self._folders(), self._folders().parent):
            with suppress(OSError):  # others are in it
                parent.rmdir()

    def _names(self) -> set[str]:
        """The folders in the store, by which what is new is told apart."""
        with suppress(OSError):
            return {r for r in os.listdir(self.store.root) if not r.startswith(".")}
        return set()

    def _say(self, text: str) -> None:
        say(self.console, text)


def _why(log: Path) -> str:
    if not log.exists():
        return "its job has not begun: it is in a queue, or its machine was lost"
    last = last_line(log)
    return last.removeprefix(launched.TROUBLE) if last.startswith(launched.TROUBLE) else "its job ended without a word"


def _here(cell: Cell) -> Cell:
    """The cell as it is checked before anything is submitted."""
    return replace(cell, device="cpu")
