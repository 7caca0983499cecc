"""What happens inside a worker process: one run is built, trained and published. Nothing is returned but its record."""

import signal
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from multiprocessing.connection import Connection

import torch

from seqbench import contract
from seqbench.cost.calibrate import calibrate
from seqbench.cost.memory import settle
from seqbench.cost.sample import measure
from seqbench.layers import build_network
from seqbench.population import Population
from seqbench.record import environment as env
from seqbench.record.store import Store
from seqbench.registry import build, resolve
from seqbench.run import Result, Training
from seqbench.schema import CONTINUED, Cell, Status, UsageError, finite
from seqbench.spec import Instrument, Task, generator
from seqbench.sweep import outcome, same
from seqbench.sweep.described import check_readable, record_of
from seqbench.sweep.interrupts import end_with_parent
from seqbench.sweep.job import Job
from seqbench.sweep.keeper import CheckpointKeeper, Interrupted
from seqbench.train import Trainer

MEASURED_AXES = {
    "stream_position": ("position",),
    "stream_state_bytes": ("position",),
    "stream_s": ("position", "sample"),
}
"""Of the arrays that are not just samples."""
OOM = (MemoryError, torch.OutOfMemoryError)


def work(job: Job, connection: Connection) -> None:
    """Entry point of a worker process. Every message is a tuple whose first item is its kind."""
    for number in (signal.SIGINT, signal.SIGUSR2):  # Ctrl-C, and SLURM's word that time is nearly up
        signal.signal(number, signal.SIG_IGN)  # the parent decides what it means
    end_with_parent()
    prepare()
    try:
        _attempt(job, connection.send)
    except outcome.StoreError as error:
        with suppress(OSError):
            connection.send(("refused", error.errno, error.strerror, error.filename))


def _attempt(job: Job, send: Callable) -> None:
    other = same.changed(job.cell, job.code)
    if other:
        reason = f"changed while the sweep was at work: {other}; the same command begins with what is there now"
        _fail(job, send, "interrupted", reason, None)
        return
    try:
        {"preflight": _preflight, "learning": _learn, "cost": _measure}[job.kind](job, send)
    except (UsageError, contract.ContractError) as error:
        if job.kind == "preflight" and isinstance(error, UsageError):
            send(("usage", str(error)))
        else:
            _fail(job, send, "failed", str(error), None)
    except outcome.StoreError:
        raise
    except (Interrupted, BrokenPipeError):
        return  # it is saved; or the parent is gone, and with it whoever wanted the result
    except BaseException as error:
        status, reason = classify(error, job.cell.plugins)
        _fail(job, send, status, reason, traceback.format_exc())


def prepare() -> None:
    """One intra-op thread, denormals flushed: every process that trains on the CPU does this before anything else."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def classify(error: BaseException, plugins: tuple[str, ...] = ()) -> tuple[Status, str]:
    """Status and one-line reason for what stopped a run, with the line of the ``plugins``' code that it came from."""
    reason = contract.told(error, plugins)
    oom = isinstance(error, OOM) or "can't allocate memory" in reason or "not enough memory" in reason
    return "oom" if oom else "failed", reason


def build_task(cell: Cell) -> Task:
    """The task of a cell."""
    return build(cell.task, "task", cell.plugins)


def measured_task(job: Job) -> Task:
    """The task of a measurement, at its length."""
    task, asked = build_task(job.cell), job.measurement
    return task if asked is None or asked.length is None else task.at(asked.length)


def build_population(cell: Cell, task: Task, seeds: tuple[int, ...]) -> Population:
    """Members of a cell at their initial parameters."""
    networks = [build_network(cell.model, task, cell.plugins, seed) for seed in seeds]
    return Population(networks, task, cell.device)


def build_trainer(cell: Cell, task: Task, seeds: tuple[int, ...]) -> Trainer:
    """The training step of some members of a cell."""
    rates = [float(cell.model["learning_rate"])] * len(seeds)
    return Trainer(build_population(cell, task, seeds), cell.train, seeds, rates, cell.budget)


def instruments(cell: Cell) -> list[Instrument]:
    """The instruments that are switched on: ``parameter_norms`` is the class ParameterNorms of that file."""
    names = [name for name, switch in cell.instruments.items() if switch is True]
    targets = [f"seqbench.instruments.{name}:{name.title().replace('_', '')}" for name in names]
    return [resolve(target)(cell.instruments["probe_batch"]) for target in targets]


def _preflight(job: Job, send: Callable) -> None:
    instruments(job.cell)
    if job.measurement is not None:
        build_trainer(job.cell, measured_task(job), job.cell.seeds[:1])
        return
    with contract.code_answers(job.cell.plugins):
        task = build_task(job.cell)
        contract.check_cell(job.cell, task)
        trainer = build_trainer(job.cell, task, job.cell.seeds[:1])
        check_readable(job, task, trainer.population.member(0))
        send(("solvable", task.solved is not None))
        send(("timed", calibrate(trainer)))


def _learn(job: Job, send: Callable) -> None:
    scratch = job.scratch()
    with outcome.writing_to(job.store):
        claimed = scratch.claim(job.wait)
    if not claimed:
        send(("busy",))
        return
    if _trained_by_another(job):
        scratch.clear()
        return
    keeper = CheckpointKeeper(scratch, job.code, job.checkpoint_s)
    started = datetime.now(UTC)
    task = build_task(job.cell)
    training = _resumed(job, task, keeper)
    send(("begun", keeper.spent_s))
    try:
        (result,) = training.run()
    except Interrupted:
        reason = f"asked to end at step {training.step} of {training.trainer.budget}; the same command continues there"
        _fail(job, send, "interrupted", reason, None)
        raise
    result.summary["resumed_at"] = keeper.resumed_at
    record = record_of(job, started, keeper.elapsed_s, result, task, training.population.member(0))
    with outcome.writing_to(job.store):
        Store(job.store).publish(record, result.arrays)
    scratch.clear()


def _trained_by_another(job: Job) -> bool:
    """Whether another sweep on the same store was quicker."""
    found = Store(job.store).find(job.run_id, env.env_id(env.environment()))
    return any(record.attempt >= job.attempt and record.status not in CONTINUED for record in found)


def _resumed(job: Job, task: Task, keeper: CheckpointKeeper) -> Training:
    """The training of a run, where its checkpoint left it."""
    assert job.seed is not None
    seed, cell = job.seed, job.cell

    def tell(step: int, score: float) -> None:
        status = {"labels": dict(cell.labels), "seed": seed, "step": step, "budget": cell.budget}
        status |= {"score": finite(score), "metric": task.metrics[0], "elapsed_s": keeper.elapsed_s}
        with suppress(OSError):  # a full disk: only the view suffers
            keeper.scratch.tell(status)

    def begin() -> Training:
        torch.manual_seed(generator("cpu", "noise", seed).initial_seed())  # for modules that draw in forward
        return Training(build_trainer(cell, task, (seed,)), instruments(cell), tell, keeper)

    training = begin()
    try:
        keeper.resume(training)
    except (KeyError, ValueError, RuntimeError):  # it is of another layout: begin again
        training = begin()
    return training


def _measure(job: Job, send: Callable) -> None:
    assert job.measurement is not None
    started, began = datetime.now(UTC), time.perf_counter()
    idle = settle(job.cell.device)
    task = measured_task(job)
    trainer = build_trainer(job.cell, task, job.cell.seeds[:1])
    summary, arrays = measure(trainer, idle, job.measurement)
    axes = {name: MEASURED_AXES.get(name, ("sample",)) for name in arrays}
    result = Result(summary=summary, arrays=arrays, axes=axes)
    network = trainer.population.member(0)
    record = record_of(job, started, time.perf_counter() - began, result, task, network)
    with outcome.writing_to(job.store):
        Store(job.store).publish(record, arrays)


def _fail(job: Job, send: Callable, status: Status, reason: str, trace: str | None) -> None:
    if job.kind == "preflight":
        send(("failed", status, reason, trace))
        return
    with outcome.writing_to(job.store):
        Store(job.store).publish(outcome.record(job, status, reason, trace), {})
