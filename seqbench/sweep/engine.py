"""From a study to its records: plan, preflight, lanes, cost pass, report. Nothing is lost when it is stopped midway."""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from seqbench import report
from seqbench.record import environment as env
from seqbench.record.record import cell_id, current, run_id
from seqbench.record.store import Store
from seqbench.report.terminal import result_table
from seqbench.report.wording import count
from seqbench.schema import FINISHED, Cell, Record, Status, Study, UsageError
from seqbench.sweep import estimate, outcome
from seqbench.sweep.job import Job
from seqbench.sweep.lanes import Ended, Lanes, default_lanes
from seqbench.sweep.plan import PlannedRun, make_plan
from seqbench.sweep.progress import Progress


def run(study: Study, console: Console) -> int:
    """Train what is missing, measure what is unmeasured, write the report, print the table; the exit code.

    Raises:
        UsageError: a cell cannot be built or the store cannot be written; nothing is left on disk then.
    """
    return _Engine(study, console).run()


@dataclass(frozen=True, kw_only=True)
class _Checked:
    """What the preflight found: seconds of a step and an evaluation, or why the cell cannot train."""

    timing: estimate.Timing | None
    failure: tuple[Status, str, str | None] | None


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
        checked = self._preflight(missing)  # first: a bad value is told in one message, with nothing before it
        self._announce(plan, missing)
        jobs = self._jobs(missing, checked)
        unmeasured = self._unmeasured() if self.study.options.cost else []
        expected = self._estimate(jobs, unmeasured)
        self._publish_failures(missing, checked)
        if jobs:
            self._train(jobs)
        if unmeasured:
            self._measure(self._measurable(unmeasured))
        return self._finish(plan, expected if missing else None)

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

    def _preflight(self, missing: list[PlannedRun]) -> dict[str, _Checked]:
        cells = {_cell_key(planned.cell): planned.cell for planned in missing}
        checked: dict[str, _Checked] = {}
        usage: list[str] = []

        def ended(end: Ended) -> None:
            key = _cell_key(end.job.cell)
            for kind, *rest in end.messages:
                if kind == "usage":
                    usage.append(rest[0])
                elif kind == "timed":
                    checked[key] = _Checked(timing=estimate.Timing(**rest[0]), failure=None)
                elif kind == "failed":
                    checked[key] = _Checked(timing=None, failure=(rest[0], rest[1], rest[2]))
            if key not in checked:
                status, reason = outcome.of_process(end)
                checked[key] = _Checked(timing=None, failure=(status, reason, None))

        if cells:
            with Progress(self.console, "checking and calibrating", len(cells)) as progress:
                lanes = Lanes(self.lanes)
                jobs = [Job(kind="preflight", cell=cell) for cell in cells.values()]
                lanes.run(jobs, lambda end: (ended(end), progress.advance()), progress.tick)
        if usage:
            raise UsageError(usage[0])
        return checked

    def _jobs(self, missing: list[PlannedRun], checked: dict[str, _Checked]) -> list[Job]:
        jobs = []
        for planned in missing:
            timing = checked[_cell_key(planned.cell)].timing
            if timing is None:
                continue
            steps = estimate.expected_steps(planned.cell, self.study.expected_steps)
            seconds = estimate.run_seconds(planned.cell, steps, timing)
            jobs.append(_learning_job(planned, self.study.options.store, seconds))
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
        with Progress(self.console, "training", len(jobs), sum(job.expected_s for job in jobs)) as progress:
            lanes = Lanes(self.lanes)

            def ended(end: Ended) -> None:
                progress.finished(end, self._reconcile(end))

            lanes.run(jobs, ended, lambda: progress.tick(lanes.running))

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
        return left[-1]

    def _publish_failures(self, missing: Iterable[PlannedRun], checked: dict[str, _Checked]) -> None:
        told = set()
        for planned in missing:
            failure = checked[_cell_key(planned.cell)].failure
            if failure is None:
                continue
            self._publish_failure(_learning_job(planned, self.study.options.store, 0.0), *failure)
            if _cell_key(planned.cell) not in told:
                told.add(_cell_key(planned.cell))
                self._say(
                    f"{planned.cell.labels['model']} on {planned.cell.labels['task']}: {failure[0]}: {failure[1]}"
                )

    def _publish_failure(self, job: Job, status: Status, reason: str, trace: str | None) -> None:
        self.store.publish(outcome.record(job, status, reason, trace), {})

    def _finish(self, plan: list[PlannedRun], expected: str | None) -> int:
        wanted = {planned.run_id for planned in plan} | {
            run_id(cell.identity(), None, "cost") for cell in self.study.cells
        }
        records = [record for record in self.store.records() if record.run_id in wanted]
        self.console.print(result_table(records, self.study.reference))
        ours = [record for record in current(records) if record.env_id == self.env_id]
        counts = Counter(record.status for record in ours if record.kind == "learning")
        elapsed = time.monotonic() - self.began
        told = f" (expected {expected})" if expected is not None else ""
        summary = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
        self._say(f"{summary}; took {estimate.spoken(elapsed)}{told}.")
        for record in ours:
            if record.status not in ("completed", "diverged"):
                self._say(
                    f"{record.status}: {record.labels['model']} on {record.labels['task']} seed {record.seed}: "
                    f"{record.reason} ({self.store.root / record.run_id}*)"
                )
        if self.study.options.report:
            learning = {planned.run_id for planned in plan}
            self._report(learning | {record.run_id for record in records})
        bad = sum(number for status, number in counts.items() if status not in ("completed", "diverged"))
        return 1 if bad else 0

    def _report(self, wanted: set[str]) -> None:
        out = Path(self.study.options.out)
        page = report.write(
            self.store,
            out,
            study=self.study.name,
            tuning=self.study.tuning,
            planned=wanted,
            reference=self.study.reference,
        )
        self._say(f"Report: {page}")
        store = self.study.options.store
        self._say(f"Next, a report of all that the store holds: python -m seqbench report --store {store} --out {out}")

    def _say(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)


def _cell_key(cell: Cell) -> str:
    return run_id(cell.identity(), None, "learning")


def _learning_job(planned: PlannedRun, store: str, expected_s: float) -> Job:
    return Job(
        kind="learning",
        cell=planned.cell,
        seed=planned.seed,
        store=store,
        attempt=planned.attempt,
        expected_s=expected_s,
    )
