"""The command ``cost``: check, measure what is missing in rounds, table and report. It resumes as a sweep does."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console

from seqbench import report
from seqbench.record import environment as env
from seqbench.record.rounds import counting, taken
from seqbench.record.store import Store
from seqbench.report.cost_terminal import cost_table
from seqbench.report.wording import count
from seqbench.schema import FINISHED, Costs, Record, Study, UsageError
from seqbench.sweep import estimate, measuring, problems, same
from seqbench.sweep.drawing import PHASES
from seqbench.sweep.job import Job
from seqbench.sweep.lanes import Ended, Lanes
from seqbench.sweep.plan import lanes_of, say
from seqbench.sweep.progress import Progress
from seqbench.sweep.reconcile import reconcile

EXPECTED_S = 1.6
"""Seconds of warm-up, yardsticks and building for each second of timed calls, beside the start of the process."""


def run(study: Study, costs: Costs, console: Console) -> int:
    """Measure what is missing of the study's cells, write the report, print the table; the exit code.

    Raises:
        UsageError: a cell cannot be built at a length or the store cannot be written; nothing is left on disk then.
    """
    began, options = time.monotonic(), study.options
    store = Store(options.store)
    problems.refuse_unwritable(options)
    jobs = measuring.measurements(study.cells, costs, options.store)
    jobs = [replace(job, code=same.code_of(job.cell)) for job in jobs]
    _check(jobs, study, console)
    store.collect()
    for line in problems.set_aside(store):
        say(console, line)
    missing = measuring.missing(jobs, store, env.env_id(env.environment()), options.rerun)
    expected = _announce(study, costs, jobs, missing, console)
    failed = _measure(missing, store, console)
    took = f"took {estimate.spoken(time.monotonic() - began)}{f' (expected {expected})' if missing else ''}"
    return _close(study, store, jobs, failed, took, console)


def _check(jobs: Sequence[Job], study: Study, console: Console) -> None:
    """Build every cell at every length once: a value that makes no sense is told before anything is measured."""
    distinct = _preflights(jobs)
    refused: list[str] = []

    def ended(end: Ended) -> None:
        refused.extend(str(rest[0]) for kind, *rest in end.messages if kind == "usage")

    with Progress(console, PHASES["checking"], len(distinct)) as progress:
        lanes = Lanes(lanes_of(study))
        lanes.run(distinct, lambda end: (ended(end), progress.advance()), progress.tick)
    if refused:
        raise UsageError(refused[0])


def _preflights(jobs: Sequence[Job]) -> list[Job]:
    found: dict[tuple[str, int | None], Job] = {}
    for job in jobs:
        assert job.measurement is not None
        name = Job(kind="preflight", cell=job.cell).run_id
        found.setdefault(
            (name, job.measurement.length), Job(kind="preflight", cell=job.cell, measurement=job.measurement)
        )
    return list(found.values())


def _announce(study: Study, costs: Costs, jobs: Sequence[Job], missing: Sequence[Job], console: Console) -> str:
    """Say what will be measured and how long that will take; returns the words for the time."""
    what = f"{count(len(jobs) // costs.rounds, 'measurement')} of {count(len(study.cells), 'cell')}"
    todo = f"{len(jobs) - len(missing)} of {len(jobs)} done, {len(missing)} to do"
    rounds, device = count(costs.rounds, "round"), study.cells[0].device
    say(console, f"{study.name or 'cost'}: {what} in {rounds}, {todo} ({device}).")
    told = estimate.about(len(missing) * (estimate.SPAWN_S + EXPECTED_S * costs.seconds))
    if missing:
        say(console, f"Expected time: {told}, if nothing else runs; Ctrl-C stops it, the same command resumes it.")
    return told


def _measure(missing: Sequence[Job], store: Store, console: Console) -> list[Record]:
    with Progress(console, PHASES["measuring"], len(missing)) as progress:
        return measuring.measure(missing, partial(reconcile, store), progress.at, partial(say, console))


def _close(
    study: Study, store: Store, jobs: Sequence[Job], failed: Sequence[Record], took: str, console: Console
) -> int:
    wanted, every = {job.run_id for job in jobs}, store.records("cost")
    records = [record for record in every if record.run_id in wanted]
    rounds = taken(every)
    console.print(cost_table(records, rounds))
    here = env.env_id(env.environment())
    counts = Counter(record.status for record in counting(records, rounds) if record.env_id == here)
    told = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
    say(console, f"{told}; {took}.")
    for record in failed:
        backend = record.config["cost"]["backend"]
        say(
            console, f"{record.status}: {record.labels['model']} on {record.labels['task']}, {backend}: {record.reason}"
        )
    if study.options.report:
        out = Path(study.options.out)
        page = report.write(store, out, study=study.name, planned=wanted)
        say(console, f"Report: {page}")
        say(
            console,
            f"Next, a report of all that the store holds: python -m seqbench report --store {store.root} --out {out}",
        )
    return 1 if any(record.status not in FINISHED for record in failed) else 0
