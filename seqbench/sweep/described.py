"""What a record says of the task and the architecture that a run was made with."""

from typing import Any

from seqbench.layers import Network
from seqbench.spec import Task


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
