"""What a record says of the task and the architecture that a run was made with, and of a run that ended by itself."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from seqbench.contract import ContractError
from seqbench.layers import Network
from seqbench.metrics import METRICS
from seqbench.record.record import dump, load
from seqbench.run import Result
from seqbench.schema import Record
from seqbench.spec import Task
from seqbench.sweep import outcome
from seqbench.sweep.job import Job


def of_task(task: Task, budget: int) -> dict[str, Any]:
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


def of_network(network: Network, task: Task) -> dict[str, Any]:
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


def record_of(job: Job, started: datetime, duration: float, result: Result, task: Task, network: Network) -> Record:
    """The record of a run that ended by itself: how it was asked for, and what training knows."""
    return replace(
        outcome.record(job, result.status, result.reason, None),
        started_at=started.isoformat(timespec="seconds"),
        duration_s=duration,
        task=of_task(task, job.cell.budget),
        architecture=of_network(network, task),
        baselines=tuple(asdict(baseline) for baseline in task.baselines()),
        metrics={name: METRICS[name].explained() for name in dict.fromkeys((*task.metrics, task.skill_metric))},
        summary=result.summary,
        arrays=result.axes,
    )


def check_readable(job: Job, task: Task, network: Network) -> None:
    """Refuse, before anything is trained, a task or an architecture whose record no reader would take.

    Raises:
        ContractError: naming the first such fact.
    """
    record = record_of(job, datetime.now(UTC), 0.0, Result(), task, network)
    try:
        load(dump(record))
    except ValueError as error:
        raise ContractError("record", "what the classes in seqbench/spec.py declare", f"what {error}") from error
