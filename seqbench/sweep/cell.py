"""What happens inside a worker process: one run is built, trained and published. Nothing is returned but its record."""

import signal
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

import torch

from seqbench import contract, cost
from seqbench.instruments.gradient_profile import GradientProfile
from seqbench.layers import Network, build_network
from seqbench.metrics import METRICS
from seqbench.population import Population
from seqbench.record.store import Store
from seqbench.registry import build
from seqbench.run import Result, Training
from seqbench.schema import Cell, Record, Status, UsageError
from seqbench.spec import Instrument, Task, generator
from seqbench.sweep import outcome
from seqbench.sweep.job import Job
from seqbench.train import Trainer

OOM = (MemoryError, torch.OutOfMemoryError)


def work(job: Job, connection: Connection) -> None:
    """Entry point of a worker process. Every message is a tuple whose first item is its kind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    prepare()
    try:
        {"preflight": _preflight, "learning": _learn, "cost": _measure}[job.kind](job, connection.send)
    except (UsageError, contract.ContractError) as error:
        if job.kind == "preflight" and isinstance(error, UsageError):
            connection.send(("usage", str(error)))
        else:
            _fail(job, connection.send, "failed", str(error), None)
    except BrokenPipeError:
        return  # the parent is gone, and with it whoever wanted the result
    except BaseException as error:
        status, reason = classify(error)
        _fail(job, connection.send, status, reason, traceback.format_exc())


def prepare() -> None:
    """One intra-op thread, denormals flushed: every process that trains on the CPU does this before anything else."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def classify(error: BaseException) -> tuple[Status, str]:
    """Status and one-line reason for what stopped a run."""
    text = f"{type(error).__name__}: {error}".splitlines()[0][:500]
    if isinstance(error, OOM) or "can't allocate memory" in str(error) or "not enough memory" in str(error):
        return "oom", text
    if isinstance(error, SystemExit):
        return "failed", f"the code of the model or task called exit({error.code})"
    return "failed", text


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
    """The instruments that the configuration switches on."""
    wanted = cell.instruments
    return [GradientProfile(wanted["probe_batch"])] if wanted["gradient_profile"] else []


def _preflight(job: Job, send: Callable) -> None:
    instruments(job.cell)
    task = build_task(job.cell)
    contract.check_cell(job.cell, task)
    send(("timed", cost.calibrate(build_trainer(job.cell, task, job.cell.seeds[:1]))))


def _learn(job: Job, send: Callable) -> None:
    assert job.seed is not None
    started, began = datetime.now(UTC), time.perf_counter()
    task = build_task(job.cell)
    torch.manual_seed(generator("cpu", "noise", job.seed).initial_seed())  # for modules that draw in forward
    trainer = build_trainer(job.cell, task, (job.seed,))
    training = Training(trainer, instruments(job.cell), lambda step, score: send(("progress", step, score)))
    (result,) = training.run()
    duration = time.perf_counter() - began
    record = _record(job, started, duration, result, task, trainer.population.member(0))
    Store(job.store).publish(record, result.arrays)


def _measure(job: Job, send: Callable) -> None:
    started, began = datetime.now(UTC), time.perf_counter()
    idle = cost.peak_memory(torch.device(job.cell.device))
    task = build_task(job.cell)
    trainer = build_trainer(job.cell, task, job.cell.seeds[:1])
    summary, arrays = cost.measure(trainer, idle)
    result = Result(summary=summary, arrays=arrays, axes={name: ("sample",) for name in arrays})
    network = trainer.population.member(0)
    Store(job.store).publish(_record(job, started, time.perf_counter() - began, result, task, network), arrays)
    send(("progress", 0, summary["steps_per_s"]["median"]))


def _fail(job: Job, send: Callable, status: Status, reason: str, trace: str | None) -> None:
    if job.kind == "preflight":
        send(("failed", status, reason, trace))
        return
    with suppress(OSError):  # a full disk: the parent sees that there is no record
        Store(job.store).publish(outcome.record(job, status, reason, trace), {})


def _record(job: Job, started: datetime, duration: float, result: Result, task: Task, network: Network) -> Record:
    """The record of a run that ended by itself: how it was asked for, and what training knows."""
    return replace(
        outcome.record(job, result.status, result.reason, None),
        started_at=started.isoformat(timespec="seconds"),
        duration_s=duration,
        task=describe_task(task, job.cell.budget),
        architecture=describe_network(network, task),
        baselines=tuple(asdict(baseline) for baseline in task.baselines()),
        metrics={name: asdict(METRICS[name]) for name in dict.fromkeys((*task.metrics, task.skill_metric))},
        summary=result.summary,
        arrays=result.axes,
    )


def describe_task(task: Task, budget: int) -> dict[str, Any]:
    """What a record says of its task."""
    solved = task.solved
    return {
        "score": task.metrics[0],
        "skill_metric": task.skill_metric,
        "floor": task.floor,
        "solved": {"metric": solved.metric, "threshold": solved.threshold} if solved else None,
        "length": task.length,
        "budget": budget,
        "input": f"{task.input.kind}({task.input.size})",
        "output": f"{task.output.kind}({task.output.size})",
    }


def describe_network(network: Network, task: Task) -> dict[str, Any]:
    """What a record says of its architecture: absent (None) where the class does not declare it."""
    body = network.body
    return {
        "parameters": sum(p.numel() for p in network.parameters() if p.requires_grad),
        "width": getattr(body, "width", None),
        "causal": getattr(body, "causal", None),
        "flops": _declared(body, "flops", 1, task.length),
        "state_size": _declared(body, "state_size", task.length),
    }


def _declared(body: Any, name: str, *arguments: int) -> int | None:
    try:
        return int(getattr(body, name)(*arguments))
    except (AttributeError, NotImplementedError, TypeError):
        return None
