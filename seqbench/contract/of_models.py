"""The checks that any architecture must pass."""

import copy

import torch
from torch import Tensor

from seqbench.contract.rule import expect
from seqbench.layers import Network
from seqbench.spec import Batch, Task


def check_output_shape(network: Network, task: Task, batch: Batch) -> None:
    """The body maps (batch, time, features) to (batch, time, width), the network to (batch, answers, outputs)."""
    x = network.embed(batch.inputs)
    out = network.body(x)
    expect(isinstance(out, Tensor), "forward", "a tensor", type(out).__name__)
    expected = (*x.shape[:2], network.width)
    expect(tuple(out.shape) == expected, "forward", f"(batch, time, width) = {expected}", tuple(out.shape))
    expect(out.dtype == x.dtype, "forward", f"dtype {x.dtype} as the input", out.dtype)
    expect(out.device == x.device, "forward", f"device {x.device} as the input", out.device)
    shape, answers = (*batch.positions.shape, task.output.size), network(batch)
    expect(tuple(answers.shape) == shape, "network", f"(batch, answers, outputs) = {shape}", tuple(answers.shape))
    expect(bool(torch.isfinite(answers).all()), "forward", "finite outputs at initialisation", "NaN or infinity")


def check_gradients(network: Network, task: Task, batch: Batch) -> None:
    """There are trainable parameters of one real dtype, and every one receives a finite gradient."""
    named = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    in_body = [name for name, _ in named if name.startswith("body.")]
    expect(bool(in_body), "parameters", "at least one trainable parameter in the architecture", "none")
    dtypes = {p.dtype for _, p in named}
    expect(dtypes == {torch.float32}, "parameters", "all float32", ", ".join(map(str, dtypes)))
    loss = task.loss(network(batch), batch).mean()
    expect(loss.requires_grad, "gradient", "a loss that depends on the parameters", "a detached one")
    gradients = torch.autograd.grad(loss, [p for _, p in named], allow_unused=True)
    missing = [name for (name, _), g in zip(named, gradients, strict=True) if g is None]
    expect(not missing, "gradient", "a gradient for every parameter", f"none for {', '.join(missing)}")
    bad = [n for (n, _), g in zip(named, gradients, strict=True) if g is not None and not torch.isfinite(g).all()]
    expect(not bad, "gradient", "finite gradients", f"NaN or infinity in {', '.join(bad)}")


def check_causality(network: Network, task: Task, batch: Batch) -> str | None:
    """What declares ``causal`` gives bitwise equal past outputs when future inputs change; a task may require it.

    Returns:
        Why it was not checked, None where it was.
    """
    causal = getattr(network.body, "causal", None)
    expect(bool(causal) or not task.requires_causal, "causal", "causal=True, which this task requires", causal)
    if not causal:
        return "the class does not declare causal = True"
    if batch.inputs.shape[1] < 2:
        return "the task's sequences have one step"
    network.eval()
    x = network.embed(batch.inputs)
    middle = x.shape[1] // 2
    changed = x.clone()
    changed[:, middle:] += 1.0
    with torch.no_grad():
        same = torch.equal(network.body(x)[:, :middle], network.body(changed)[:, :middle])
    expect(same, "causal", "past outputs unchanged when the future changes", "changed ones")
    return None


QUICK_MODEL_CHECKS = (check_output_shape, check_gradients, check_causality)


def check_batch_independence(network: Network, task: Task, batch: Batch) -> None:
    """Other sequences of the batch change => this sequence's outputs are bitwise equal."""
    network.eval()
    x = network.embed(batch.inputs)
    changed = x.clone()
    changed[1:] += 1.0
    with torch.no_grad():
        same = torch.equal(network.body(x)[0], network.body(changed)[0])
    expect(same, "batch independence", "a sequence's outputs blind to the others", "changed ones")


def check_evaluation_is_deterministic(network: Network, task: Task, batch: Batch) -> None:
    """Every parameter is finite; in evaluation mode equal inputs give equal outputs."""
    bad = [name for name, p in network.named_parameters() if not torch.isfinite(p).all()]
    expect(not bad, "initialisation", "finite parameters", f"NaN or infinity in {', '.join(bad)}")
    network.eval()
    with torch.no_grad():
        same = torch.equal(network(batch), network(batch))
    expect(same, "evaluation", "equal outputs for equal inputs in evaluation mode", "others")


def check_state_dict_round_trip(network: Network, task: Task, batch: Batch) -> None:
    """A copy that loads the state dict computes the same."""
    other = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1.0)
    other.load_state_dict(network.state_dict())
    network.eval()
    other.eval()
    with torch.no_grad():
        same = torch.equal(network(batch), other(batch))
    expect(same, "save and load", "equal outputs after load_state_dict", "others: state outside parameters and buffers")


FULL_MODEL_CHECKS = (
    check_batch_independence,
    check_evaluation_is_deterministic,
    check_state_dict_round_trip,
)
