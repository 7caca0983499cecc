"""From a study to its records: plan, preflight, lanes, cost pass, report. Nothing is lost when it is stopped midway."""

import time
from collections.abc import Iterable
from dataclasses import replace

from rich.console import Console

from seqbench.record import environment as env
from seqbench.record.record import cell_id, current
from seqbench.record.store import Store
from seqbench.report.wording import count
from seqbench.schema import FINISHED, Options, Record, Status, Study
from seqbench.sweep import estimate, outcome, preflight
from seqbench.sweep.closing import close
from seqbench.sweep.job import Job
from seqbench.sweep.lanes import Ended, Lanes, default_lanes
from seqbench.sweep.plan import PlannedRun, make_plan, say
from seqbench.sweep.progress import Progress

CONTINUED: tuple[Status, ...] = ("interrupted", "killed")
"""Statuses after which the checkpoint is kept, and the same command continues there."""


def run(study: Study, console: Console) -> int:
    """Train what is missing, measure what is unmeasured, write the report, print the table; the exit code.

    Raises:
        UsageError: a cell cannot be built or the store cannot be written; nothing is left on disk then.
    """
    return _Engine(study, console).run()


class _Engine:
    def __init__(self, study: Study, console: Console) -> None:
        self.study, self.console = study, console
        self.store = Store(study.options.store)
        devices = {cell.device for cell in study.cells}
        self.lanes = study.options.lanes or default_lanes("cuda" if "cuda" in devices else "cpu")
        self.env_id = env.env_id(env.environment())
        self.began = time.monotonic()

    def run(self) -> int:
        self.store.check_writable()
        if self.study.options.report:
            Store(self.study.options.out).check_writable("out")
        plan = make_plan(self.study, self.store)
        missing = [planned for planned in plan if planned.train]
        # first: a bad value is told in one message, with nothing before it
        checked = preflight.check((planned.cell for planned in missing), self.lanes, self.console)
        self._announce(plan, missing)
        jobs = self._jobs(missing, checked)
        unmeasured = self._unmeasured() if self.study.options.cost else []
        expected = self._estimate(jobs, unmeasured)
        self._publish_failures(missing, checked)
        try:
            if jobs:
                self._train(jobs)
            if unmeasured:
                self._measure(self._measurable(unmeasured))
        except KeyboardInterrupt:
            done = sum(not planned.train for planned in make_plan(self.study, self.store))
            raise KeyboardInterrupt(f"{done} of {count(len(plan), 'run')} done") from None
        took = f"took {estimate.spoken(time.monotonic() - self.began)}"
        return close(self.study, self.store, plan, took + (f" (expected {expected})" if missing else ""), self.console)

    def _announce(self, plan: list[PlannedRun], missing: list[PlannedRun]) -> None:
        runs, cells = count(len(plan), "run"), count(len(self.study.cells), "cell")
        name = self.study.name or (self.study.cells[0].command if len(self.study.cells) == 1 else "sweep")
        device = self.study.cells[0].device
        self._say(
            f"{name}: {runs} of {cells}, {len(plan) - len(missing)} done, {len(missing)} to train on "
            f"{count(self.lanes, 'lane')} ({device})."
        )
        for problem in self.store.problems:
            self._say(f"store: {problem}")

    def _jobs(self, missing: list[PlannedRun], checked: dict[str, preflight.Checked]) -> list[Job]:
        jobs = []
        for planned in missing:
            timing = checked[preflight.key(planned.cell)].timing
            if timing is None:
                continue
            steps = estimate.expected_steps(planned.cell, self.study.expected_steps)
            seconds = estimate.run_seconds(planned.cell, steps, timing)
            jobs.append(_learning_job(planned, self.study.options, seconds))
        return sorted(jobs, key=lambda job: -job.expected_s)  # longest first: no lane idles at the end

    def _unmeasured(self) -> list[Job]:
        have = {record.run_id for record in self._ours("cost") if record.status in FINISHED}
        jobs = [Job(kind="cost", cell=cell, store=self.study.options.store) for cell in self.study.cells]
        return [job for job in jobs if job.run_id not in have]

    def _measurable(self, jobs: list[Job]) -> list[Job]:
        """The jobs of cells that have trained: a cell that fails has no cost."""
        trained = {record.cell_id for record in self._ours("learning") if record.status in FINISHED}
        return [job for job in jobs if cell_id(job.cell.identity()) in trained]

    def _ours(self, kind: str) -> list[Record]:
        """The records that count, of this environment."""
        return [record for record in current(self.store.records(kind)) if record.env_id == self.env_id]

    def _estimate(self, jobs: list[Job], unmeasured: list[Job]) -> str:
        seconds = estimate.wall_seconds([job.expected_s for job in jobs], self.lanes, len(unmeasured))
        known = all(estimate.steps_are_known(job.cell, self.study.expected_steps) for job in jobs)
        if jobs:
            much = f"{'' if known else 'at most '}{estimate.spoken(seconds)} from now"
            what = f"{count(len(jobs), 'run')}, {count(len(unmeasured), 'cost measurement')}"
            self._say(f"Expected time: {much} ({what}); Ctrl-C stops it, the same command resumes it.")
        told = estimate.spoken(seconds + time.monotonic() - self.began)
        return told if known else f"at most {told}"

    def _train(self, jobs: list[Job]) -> None:
        busy: list[Job] = []
        with Progress(self.console, "training", len(jobs), sum(job.expected_s for job in jobs)) as progress:
            lanes = Lanes(self.lanes)

            def ended(end: Ended) -> None:
                if ("busy",) in end.messages:
                    busy.append(end.job)
                else:
                    progress.finished(end, self._reconcile(end))

            lanes.run(jobs, ended, lambda: progress.tick(lanes.running))
            if busy:
                self._say(f"{count(len(busy), 'run')} of these are trained by another command: waiting for it.")
                lanes.run([replace(job, wait=True) for job in busy], ended, lambda: progress.tick(lanes.running))

    def _measure(self, jobs: list[Job]) -> None:
        with Progress(self.console, "measuring speed and memory, nothing else running", len(jobs)) as progress:
            lanes = Lanes(1, "spawn")
            lanes.run(jobs, lambda end: (self._reconcile(end), progress.advance()), progress.tick)

    def _reconcile(self, end: Ended) -> Record:
        """The record that the job left; where it left none, one that says how its process ended."""
        left = [r for r in self.store.find(end.job.run_id, self.env_id) if r.attempt >= end.job.attempt]
        if not left:
            self._publish_failure(end.job, *outcome.of_process(end), None)
            left = self.store.find(end.job.run_id, self.env_id)
        scratch = end.job.scratch()
        if left[-1].status not in CONTINUED and scratch.claim():  # nobody else is at it
            scratch.clear()
        return left[-1]

    def _publish_failures(self, missing: Iterable[PlannedRun], checked: dict[str, preflight.Checked]) -> None:
        told = set()
        for planned in missing:
            failure = checked[preflight.key(planned.cell)].failure
            if failure is None:
                continue
            self._publish_failure(_learning_job(planned, self.study.options, 0.0), *failure)
            if preflight.key(planned.cell) not in told:
                told.add(preflight.key(planned.cell))
                self._say(
                    f"{planned.cell.labels['model']} on {planned.cell.labels['task']}: {failure[0]}: {failure[1]}"
                )

    def _publish_failure(self, job: Job, status: Status, reason: str, trace: str | None) -> None:
        self.store.publish(outcome.record(job, status, reason, trace), {})

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
