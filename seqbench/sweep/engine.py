"""From a study to its records: plan, preflight, lanes, cost pass, report. Nothing is lost when it is stopped midway."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial

from rich.console import Console

from seqbench.record import environment as env
from seqbench.record import scratch
from seqbench.record.record import cell_id, current
from seqbench.record.store import Store
from seqbench.report.wording import count
from seqbench.schema import FINISHED, Options, Record, Study
from seqbench.sweep import estimate, log, measuring, opening, preflight, problems, same
from seqbench.sweep.bisection import grown
from seqbench.sweep.closing import close
from seqbench.sweep.drawing import PHASES
from seqbench.sweep.entry import Phase, SweepEntry, announcement, called, entered
from seqbench.sweep.job import Job
from seqbench.sweep.lanes import Ended, Lanes, end_server
from seqbench.sweep.plan import PlannedRun, announced, lanes_of, make_plan, say
from seqbench.sweep.progress import Progress, View
from seqbench.sweep.reconcile import publish_failure, reconcile
from seqbench.sweep.renewing import Renewal
from seqbench.sweep.state import StoreWatch


def run(study: Study, console: Console, command: str = "", muted: bool = False) -> int:
    """Train what is missing, measure what is unmeasured, write the report, print the table; the exit code.

    Args:
        study: what is asked for.
        console: where it is told.
        command: what resumes it, for whoever watches.
        muted: whether to say nothing of itself in the store: it is part of a sweep that does.

    Raises:
        UsageError: a cell cannot be built or the store cannot be written; nothing is left on disk then.
    """
    launcher = study.options.launcher
    if launcher is not None:
        from seqbench.sweep import launch  # late: its jobs import this file

        return launch.run(study, launcher, console, command)
    return _Engine(study, console, command, muted).run()


class _Engine:
    def __init__(self, study: Study, console: Console, command: str, muted: bool) -> None:
        self.study, self.console, self.command, self.muted = study, console, command, muted
        self.store = Store(study.options.store)
        self.lanes = lanes_of(study)
        self.entry = SweepEntry(self.store.root, command or " ".join(cell.command for cell in study.cells))
        self.env_id = env.env_id(env.environment())
        self.began = time.monotonic()
        self.code = {cell.curve: same.code_of(cell) for cell in study.cells}
        self.trained: set[str] = set()
        self.renewal = Renewal(self._say)

    def run(self) -> int:
        problems.refuse_unwritable(self.study.options)
        self.store.collect()
        self.study, plan = grown(self.study, self.store)
        self._tidy(plan)
        unmeasured = self._unmeasured() if self.study.options.cost else []
        if self.muted or not (self._missing(plan) or unmeasured):
            return self._work(plan, unmeasured)
        with entered(self.entry):
            return self._work(plan, unmeasured)

    def _work(self, plan: list[PlannedRun], unmeasured: list[Job]) -> int:
        told = ""
        try:
            while True:
                jobs, expected = self._prepare(plan, unmeasured)
                told = told or expected
                if jobs:
                    self._train(jobs, plan)
                if self.study.bisection:
                    self.study, plan = grown(self.study, self.store, self.trained)
                following = dict.fromkeys(called(planned.cell.labels) for planned in self._missing(plan))
                if not following:
                    break
                self._say(f"These results call for {'; '.join(following)}.")
            if unmeasured:  # also lengths that there are only now
                self._measure(self._unmeasured(trained=True))
        except KeyboardInterrupt:
            end_server()
            done = sum(not planned.train for planned in make_plan(self.study, self.store))
            raise KeyboardInterrupt(
                f"{done} of {count(len(plan), 'run')} done{' (report shows them)' if done else ''}"
            ) from None
        self.entry.say("reporting")
        took = f"took {estimate.spoken(time.monotonic() - self.began)}"
        told = f" (expected {told})" if told and not self.study.bisection else ""  # else of the first lengths only
        return close(self.study, self.store, plan, took + told, self.console)

    def _prepare(self, plan: list[PlannedRun], unmeasured: list[Job]) -> tuple[list[Job], str]:
        """Check the cells of what is missing and say what will be done; the jobs, and the time that they will take."""
        self._enter(plan, "checking")
        missing = self._missing(plan)
        # first: a bad value is told in one message, with nothing before it
        cells = {planned.cell_id: planned.cell for planned in missing}
        told = partial(self.entry.say, "checking", total=len(cells))
        checked = preflight.check(cells.values(), self.lanes, self.console, told)
        if self.study.bisection:
            preflight.require_solvable(cells.values(), checked)
        self._say(opening.work(self.study, plan, missing, self.lanes))
        if not self.trained:
            unlocked = problems.of_locks(self.entry.scratch)
            roomless = estimate.without_room(cells.values(), lambda cell: checked[preflight.key(cell)].solvable)
            for line in (*unlocked, *roomless, *problems.set_aside(self.store)):
                self._say(line)
        jobs = self._jobs(missing, checked)
        self.timed = {planned.run_id for planned in missing if planned.expected_s}
        expected = self._estimate(jobs, unmeasured, checked)
        self._publish_failures(missing, checked)
        self._enter(plan, "training", {job.run_id: job.expected_s for job in jobs})
        self.trained |= {planned.run_id for planned in missing}
        return jobs, expected

    def _missing(self, plan: Iterable[PlannedRun]) -> list[PlannedRun]:
        """What is to be trained; what ended in this command without a result waits for the next one."""
        return [planned for planned in plan if planned.train and planned.run_id not in self.trained]

    def _enter(self, plan: list[PlannedRun], phase: Phase, expected_s: Mapping[str, float] | None = None) -> None:
        """Say in the store what is planned, and what this sweep is at."""
        numbers = {cell_id(cell.identity()): number for number, cell in enumerate(self.study.cells)}
        runs = [announced(planned, numbers[planned.cell_id], expected_s or {}) for planned in plan]
        about = {"command": self.command, "env_id": plan[0].env_id, "again": self.study.options.rerun == "all"}
        self.entry.announce(announcement(self.study.cells, runs, lanes=self.lanes, **about), phase)

    def _jobs(self, missing: list[PlannedRun], checked: dict[str, preflight.Checked]) -> list[Job]:
        jobs = []
        for planned in missing:
            timed = preflight.seconds(planned.cell, checked, self.study.expected_steps)
            if timed is not None:
                job = _learning_job(planned, self.study.options, planned.expected_s or timed)
                jobs.append(replace(job, code=self.code[planned.cell.curve]))
        return sorted(jobs, key=lambda job: -job.expected_s)  # longest first: no lane idles at the end

    def _unmeasured(self, trained: bool = False) -> list[Job]:
        """The cost measurements to do: of all cells, or of those that have trained."""
        options = self.study.options
        wanted = measuring.measurements(self.study.cells, measuring.IN_A_SWEEP, options.store)
        wanted = self._measurable(wanted) if trained else wanted
        wanted = [replace(job, code=self.code[job.cell.curve]) for job in wanted]
        return measuring.missing(wanted, self.store, self.env_id, options.rerun)

    def _measurable(self, jobs: list[Job]) -> list[Job]:
        """The jobs of cells that have trained: a cell that fails has no cost."""
        anywhere = self.study.options.reuse == "any"
        records = self.store.records("learning") if anywhere else self._ours("learning")
        trained = {record.cell_id for record in records if record.status in FINISHED}
        return [job for job in jobs if cell_id(job.cell.identity()) in trained]

    def _ours(self, kind: str) -> list[Record]:
        """The records that count, of this environment."""
        return [record for record in current(self.store.records(kind)) if record.env_id == self.env_id]

    def _estimate(self, jobs: list[Job], unmeasured: list[Job], checked: Mapping[str, preflight.Checked]) -> str:
        """Say how long it will take; the words for it, "" where nothing is trained."""
        if not jobs:
            return ""
        steps, begun_s = self.study.expected_steps, time.monotonic() - self.began
        known = all(
            job.run_id in self.timed
            or estimate.steps_are_known(job.cell, steps)
            or not checked[preflight.key(job.cell)].solvable  # then it takes its whole budget
            for job in jobs
        )
        seconds = estimate.wall_seconds([job.expected_s for job in jobs], self.lanes, len(unmeasured))
        told = estimate.about(seconds + (0 if self.study.bisection else begun_s), at_most=not known)
        self._say(opening.time_it_takes(told, self.study, len(jobs), len(unmeasured)))
        return told

    def _train(self, jobs: list[Job], plan: Iterable[PlannedRun]) -> None:
        busy: list[Job] = []
        trained: list[Record] = []
        began = time.monotonic()
        watch, planned = StoreWatch(self.store.root, self.entry.name), {run.run_id for run in plan}
        with View(self.console, watch) as view, self.renewal.of(self.study, planned, view.finished):
            lanes = Lanes(self.lanes)

            def ended(end: Ended) -> None:
                if ("busy",) in end.messages:
                    busy.append(end.job)
                else:
                    trained.append(reconcile(self.store, end))

            def tick() -> None:
                self.entry.beat()
                view.tick()
                self.renewal.tick(view.finished)

            lanes.run(jobs, ended, tick)
            if busy:
                self._say(f"{count(len(busy), 'run')} of these are trained by another command: waiting for it.")
                lanes.run([replace(job, wait=True) for job in busy], ended, tick)
        share = estimate.training_share(trained, self.lanes, time.monotonic() - began)
        if share is not None and not busy:  # else the waiting was part of the time
            self._say(f"{share:.0%} of the lanes' time was training and evaluation.")

    def _measure(self, jobs: list[Job]) -> None:
        def told(done: int) -> None:
            self.entry.say("measuring", done, len(jobs))

        with Progress(self.console, PHASES["measuring"], len(jobs), told) as progress:
            measuring.measure(jobs, partial(reconcile, self.store), progress.at, self._say)

    def _tidy(self, plan: Iterable[PlannedRun]) -> None:
        """Remove what killed processes left of this command's earlier sweeps, and of runs that they had published."""
        names, done = scratch.names(self.store.root), {planned.run_id for planned in plan if not planned.train}
        for name in names & done:
            log.drop_empty(log.path_of(self.store.root, name))
        for name in names:
            private = scratch.Scratch(self.store.root, name)
            ours = name.removesuffix(f"-{self.env_id}") in done - {name} or name.startswith(self.entry.name)
            if ours and private.claim():
                private.clear()

    def _publish_failures(self, missing: Iterable[PlannedRun], checked: dict[str, preflight.Checked]) -> None:
        told = set()
        for planned in missing:
            failure = checked[preflight.key(planned.cell)].failure
            if failure is None:
                continue
            publish_failure(self.store, _learning_job(planned, self.study.options, 0.0), *failure)
            if preflight.key(planned.cell) not in told:
                told.add(preflight.key(planned.cell))
                self._say(
                    f"{planned.cell.labels['model']} on {planned.cell.labels['task']}: {failure[0]}: {failure[1]}"
                )

    def _say(self, text: str) -> None:
        say(self.console, text)


def _learning_job(planned: PlannedRun, options: Options, expected_s: float) -> Job:
    return Job(
        kind="learning",
        cell=planned.cell,
        seed=planned.seed,
        store=options.store,
        attempt=planned.attempt,
        checkpoint_s=options.checkpoint_s,
        expected_s=expected_s,
    )
