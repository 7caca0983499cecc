"""The checks that any architecture must pass, once a network can be built around it."""

import copy

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from seqbench.contract.of_classes import declared_method
from seqbench.contract.rule import expect
from seqbench.layers import Network
from seqbench.spec import Batch, Task

STEPS = 8
"""Time steps on which ``step`` is compared with ``forward``."""
STEP_TOLERANCE = 1e-3
"""Largest difference allowed between them, relative to the largest output: single precision, another order of sums."""


def check_answers(network: Network, task: Task, batch: Batch) -> None:
    """The network maps a batch to finite (batch, answers, outputs)."""
    shape, answers = (*batch.positions.shape, task.output.size), network(batch)
    expect(tuple(answers.shape) == shape, "network", f"(batch, answers, outputs) = {shape}", tuple(answers.shape))
    expect(bool(torch.isfinite(answers).all()), "network", "finite answers at initialisation", "NaN or infinity")


def check_gradients(network: Network, task: Task, batch: Batch) -> None:
    """There are trainable parameters; every one of them, and the input, receives a finite gradient."""
    named = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    in_body = [name for name, _ in named if name.startswith("body.")]
    expect(bool(in_body), "parameters", "at least one trainable parameter in the architecture", "none")
    embedded = network.embed(batch.inputs)
    embedded = embedded if embedded.requires_grad else embedded.detach().requires_grad_()
    loss = task.loss(network.from_embedded(embedded, batch.positions, batch.lengths), batch).mean()
    sources = [*named, ("the embedded input", embedded)]
    gradients = torch.autograd.grad(loss, [source for _, source in sources], allow_unused=True)
    found = dict(zip((name for name, _ in sources), gradients, strict=True))
    missing = [name for name, _ in named if found[name] is None]
    expect(not missing, "gradient", "a gradient for every parameter", f"none for {', '.join(missing)}")
    reached = found["the embedded input"] is not None
    expect(reached, "gradient", "outputs that depend on the input", "none that does")
    bad = [name for name, g in found.items() if g is not None and not torch.isfinite(g).all()]
    expect(not bad, "gradient", "finite gradients", f"NaN or infinity in {', '.join(bad)}")


def check_evaluation_is_deterministic(network: Network, task: Task, batch: Batch) -> None:
    """In evaluation mode outputs are finite, and equal inputs give equal outputs."""
    network.eval()
    with torch.no_grad():
        first, second = network(batch), network(batch)
    expect(bool(torch.isfinite(first).all()), "evaluation", "finite outputs in evaluation mode", "NaN or infinity")
    same = torch.equal(first, second)
    expect(same, "evaluation", "equal outputs for equal inputs in evaluation mode", "others")


def check_causality_in_evaluation_mode(network: Network, task: Task, batch: Batch) -> str | None:
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
    _expect_blind_to_the_future(network, batch)
    return None


def check_batch_independence_in_evaluation_mode(network: Network, task: Task, batch: Batch) -> None:
    """Other sequences of the batch change => this sequence's outputs are bitwise equal."""
    network.eval()
    _expect_blind_to_the_others(network, batch)


def check_both_in_training_mode(network: Network, task: Task, batch: Batch) -> str | None:
    """Causality, where it is declared, and batch independence hold in training mode too, at equal random numbers.

    Returns:
        Why it was not checked: batch statistics mix sequences and time steps, and are no mistake. None where it was.
    """
    mixing = {type(module).__name__ for module in network.body.modules() if isinstance(module, _BatchNorm)}
    if mixing:
        return f"{', '.join(sorted(mixing))} mixes sequences and time steps while it is trained"
    network.train()
    if getattr(network.body, "causal", None) and batch.inputs.shape[1] > 1:
        _expect_blind_to_the_future(network, batch)
    _expect_blind_to_the_others(network, batch)
    return None


def _expect_blind_to_the_future(network: Network, batch: Batch) -> None:
    x = network.embed(batch.inputs).detach()
    middle = x.shape[1] // 2
    changed = x.clone()
    changed[:, middle:] += 1.0
    same = torch.equal(_outputs(network, x)[:, :middle], _outputs(network, changed)[:, :middle])
    expect(same, "causal", "past outputs unchanged when the future changes", "changed ones")


def _expect_blind_to_the_others(network: Network, batch: Batch) -> None:
    x = network.embed(batch.inputs).detach()
    changed = x.clone()
    changed[1:] += 1.0
    same = torch.equal(_outputs(network, x)[0], _outputs(network, changed)[0])
    expect(same, "batch independence", "a sequence's outputs blind to the others", "changed ones")


def _outputs(network: Network, x: Tensor) -> Tensor:
    """The body's outputs; random numbers are the same at every call, and so is what training mode may change in it."""
    random_state = torch.get_rng_state()
    body = copy.deepcopy(network.body) if network.training else network.body
    with torch.no_grad():
        outputs = body(x)
    torch.set_rng_state(random_state)
    return outputs


def check_step(network: Network, task: Task, batch: Batch) -> str | None:
    """What has a ``step`` gives with it, one time step after the other, what ``forward`` gives.

    Returns:
        Why it was not checked, None where it was.
    """
    step = declared_method(network.body, "step")
    if step is None:
        return "the class has no step"
    network.eval()
    with torch.no_grad():
        x = network.embed(batch.inputs)[:, :STEPS]
        whole, state = network.body(x), None
        for t in range(x.shape[1]):
            came = step(x[:, t], state)
            expect(isinstance(came, tuple) and len(came) == 2, "step", "(output, state)", f"a {type(came).__name__}")
            out, state = came
            expect(out.shape == whole[:, t].shape, "step", f"(batch, width) = {tuple(whole[:, t].shape)}", out.shape)
            far = float((out - whole[:, t]).abs().max() / whole.abs().max().clamp(min=1e-6))
            expect(far <= STEP_TOLERANCE, "step", "the outputs of forward", f"others at time step {t}")
    return None


QUICK_MODEL_CHECKS = (
    check_answers,
    check_gradients,
    check_evaluation_is_deterministic,
    check_causality_in_evaluation_mode,
    check_batch_independence_in_evaluation_mode,
    check_step,
)


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


FULL_MODEL_CHECKS = (check_both_in_training_mode, check_state_dict_round_trip)
