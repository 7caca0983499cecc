"""What happens inside a worker process: one run is built, trained and published. Nothing is returned but its record."""

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection, wait

import torch

from seqbench import contract, cost
from seqbench.layers import Network, build_network
from seqbench.metrics import METRICS
from seqbench.population import Population
from seqbench.record import environment as env
from seqbench.record.store import Store
from seqbench.registry import build, resolve
from seqbench.run import Result, Training
from seqbench.schema import CONTINUED, Cell, Record, Status, UsageError, finite
from seqbench.spec import Instrument, Task, generator
from seqbench.sweep import outcome, same
from seqbench.sweep.described import of_network, of_task
from seqbench.sweep.job import Job
from seqbench.sweep.keeper import CheckpointKeeper, Interrupted
from seqbench.train import Trainer

OOM = (MemoryError, torch.OutOfMemoryError)
ORPHAN_S = 5.0
"""Seconds that a process has to save its run when the one that started it is gone."""


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


def end_with_parent() -> None:
    """See to it that this process does not outlive the one that wants its result: it saves its run, then it ends."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch(sentinel: int) -> None:
        wait([sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(ORPHAN_S)
        os._exit(1)  # a step that does not end, or a handler that somebody replaced

    threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()


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
    with contract.code_answers(job.cell.plugins):
        task = build_task(job.cell)
        contract.check_cell(job.cell, task)
        send(("timed", cost.calibrate(build_trainer(job.cell, task, job.cell.seeds[:1]))))


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
    record = _record(job, started, keeper.elapsed_s, result, task, training.population.member(0))
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
    started, began = datetime.now(UTC), time.perf_counter()
    idle = cost.peak_memory(torch.device(job.cell.device))
    task = build_task(job.cell)
    trainer = build_trainer(job.cell, task, job.cell.seeds[:1])
    summary, arrays = cost.measure(trainer, idle)
    result = Result(summary=summary, arrays=arrays, axes={name: ("sample",) for name in arrays})
    network = trainer.population.member(0)
    record = _record(job, started, time.perf_counter() - began, result, task, network)
    with outcome.writing_to(job.store):
        Store(job.store).publish(record, arrays)


def _fail(job: Job, send: Callable, status: Status, reason: str, trace: str | None) -> None:
    if job.kind == "preflight":
        send(("failed", status, reason, trace))
        return
    with outcome.writing_to(job.store):
        Store(job.store).publish(outcome.record(job, status, reason, trace), {})


def _record(job: Job, started: datetime, duration: float, result: Result, task: Task, network: Network) -> Record:
    """The record of a run that ended by itself: how it was asked for, and what training knows."""
    return replace(
        outcome.record(job, result.status, result.reason, None),
        started_at=started.isoformat(timespec="seconds"),
        duration_s=duration,
        task=of_task(task, job.cell.budget),
        architecture=of_network(network, task),
        baselines=tuple(asdict(baseline) for baseline in task.baselines()),
        metrics={name: asdict(METRICS[name]) for name in dict.fromkeys((*task.metrics, task.skill_metric))},
        summary=result.summary,
        arrays=result.axes,
    )
