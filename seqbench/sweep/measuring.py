"""Cost measurements: what they are, in which order, one at a time, while nothing else trains in the store."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Literal

from seqbench.record import scratch
from seqbench.record.rounds import comparable, counting, sample, taken
from seqbench.record.store import Store
from seqbench.schema import FINISHED, Cell, Costs, Measurement, Record
from seqbench.sweep.entry import PREFIX
from seqbench.sweep.job import Job
from seqbench.sweep.lanes import Ended, Lanes
from seqbench.sweep.reasons import same_code

IN_A_SWEEP = Costs(rounds=2, seconds=0.3, full=False)
"""What a sweep measures of each cell when its runs are done: some seconds, and too few rounds for an interval."""
CLAIM = "measuring"
"""Whose private file in the store is locked by the one process that measures."""
PROCESS: Literal["spawn", "forkserver"] = "spawn"
"""A fresh interpreter: its memory, caches and threads are nobody else's."""
LOOK_S = 1.0


def measurements(cells: Sequence[Cell], costs: Costs, store: str) -> list[Job]:
    """Every measurement, round after round, the order within a round drawn at random.

    The order depends on the round and on what is measured alone, so that a command that resumes keeps it.
    """
    ordered = []
    for number in range(costs.rounds):
        jobs = [
            Job(kind="cost", cell=cell, measurement=replace(asked, round=number), store=store)
            for cell, asked in _asked(cells, costs)
        ]
        random.Random(f"round {number}").shuffle(jobs)
        ordered += jobs
    return ordered


def _asked(cells: Sequence[Cell], costs: Costs) -> Iterator[tuple[Cell, Measurement]]:
    middle = costs.lengths[(len(costs.lengths) - 1) // 2]
    for cell in cells:
        for length in costs.lengths:
            for backend in costs.backends:
                streaming = backend == costs.backends[0] and length == costs.lengths[-1]
                yield cell, Measurement(length=length, backend=backend, streaming=streaming, seconds=costs.seconds)
        if costs.full and cell.device == "cpu":
            for backend in costs.backends:
                yield cell, Measurement(what="denormals", length=middle, backend=backend, seconds=costs.seconds)
    if costs.full:
        twin = Measurement(length=middle, backend=costs.backends[0], twin=True, seconds=costs.seconds)
        yield cells[0], replace(twin, streaming=middle == costs.lengths[-1])


def missing(jobs: Sequence[Job], store: Store, env_id: str, rerun: str = "missing") -> list[Job]:
    """The jobs that left no finished record in this environment, and those that ``rerun`` asks for again.

    With each of them all of its round that may stand beside it, and every round that was never taken in one go: samples
    are pairs only where they were measured together. A round that once was stays done, whatever of it is measured again
    with something else. What has failed before is tried again alone. Each job bears the number of its next attempt.
    """
    here = [record for record in store.records("cost") if record.env_id == env_id]
    wanted, numbers = {job.run_id for job in jobs}, taken(here)
    records = counting((record for record in here if record.run_id in wanted), numbers)
    done = {record.run_id: record for record in records if record.status in FINISHED}
    lost = {record.run_id for record in records if record.status not in (*FINISHED, "interrupted")}
    failed = {_kin(job) for job in jobs if job.run_id in lost}
    todo = {job.run_id for job in jobs if job.run_id not in done or _again(job, done[job.run_id], rerun)}
    found = set[str]()
    for members in _by_round(jobs):
        lacking = [job for job in members if job.run_id in todo]
        one = len({numbers[sample(done[job.run_id])] for job in members if job.run_id in done}) <= 1
        alone = one and all(_kin(job) in failed for job in lacking)
        found |= {job.run_id for job in (lacking if alone else members)}
    last: dict[str, int] = {}
    for record in here:
        last[record.run_id] = max(record.attempt, last.get(record.run_id, 0))
    return [replace(job, attempt=1 + last.get(job.run_id, 0)) for job in jobs if job.run_id in found]


def _by_round(jobs: Iterable[Job]) -> Iterable[list[Job]]:
    """Jobs of one round that may stand side by side."""
    found: dict[tuple[int, str], list[Job]] = {}
    for job in jobs:
        assert job.measurement is not None
        found.setdefault((job.measurement.round, comparable(job.config())), []).append(job)
    return found.values()


def _again(job: Job, record: Record, rerun: str) -> bool:
    return rerun == "all" or (rerun == "changed" and not same_code(job.cell, record))


def measure(
    jobs: Sequence[Job], ended: Callable[[Ended], Record], tick: Callable[[int], None], say: Callable[[str], object]
) -> list[Record]:
    """Measure one after the other, each in a fresh process; what failed once is not tried in later rounds.

    Args:
        jobs: in their order, of one store.
        ended: makes the record of a job that has ended.
        tick: called a few times a second with the number done.
        say: prints a line.

    Returns:
        The first record of each measurement that failed.
    """
    failed: dict[str, Record] = {}
    lanes = Lanes(1, PROCESS)
    with _alone(jobs[0].store if jobs else "", say) as quiet:
        for done, job in enumerate(jobs):
            if _kin(job) in failed:
                continue
            quiet()
            ends: list[Ended] = []
            lanes.run([job], ends.append, partial(tick, done))  # an interrupt ends it here: half a sample is none
            record = ended(ends[0])
            if record.status not in FINISHED:
                failed[_kin(job)] = record
    return list(failed.values())


def _kin(job: Job) -> str:
    """What fails with this one: its other rounds; what cannot be compiled, at every length."""
    assert job.measurement is not None
    compiled = job.measurement.backend == "compile"
    return f"{Job(kind='cost', cell=job.cell).cell_id} compiled" if compiled else job.cell_id


@contextmanager
def _alone(store: str, say: Callable[[str], object]) -> Iterator[Callable[[], None]]:
    """Measure in this store alone; the function given returns when no run is trained in it."""
    claim = scratch.Scratch(store, CLAIM)
    if not store:
        yield lambda: None
        return
    if not claim.claim():
        say("Another command measures in this store: waiting for it.")
        claim.claim(wait=True)
    try:
        yield lambda: _wait_for_lanes(store, say)
    finally:
        claim.clear()


def _wait_for_lanes(store: str, say: Callable[[str], object]) -> None:
    told = False
    while any(scratch.Scratch(store, name).claimed() for name in _runs(store)):
        if not told:
            say("Runs are being trained in this store: nothing is measured until they have ended.")
        told = True
        time.sleep(LOOK_S)


def _runs(store: str) -> set[str]:
    return {name for name in scratch.names(store) if name != CLAIM and not name.startswith(PREFIX)}
