"""The checks that any task or architecture must pass, ours or a user's: named, each with what was expected and came.

Tests run them over every pair of ``conf/``, the preflight of every sweep runs the quick ones, and
``python -m seqbench verify model=mine`` prints them all.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from rich.console import Console
from torch import Tensor

from seqbench.layers import Network, build_network
from seqbench.metrics import METRICS
from seqbench.registry import build
from seqbench.schema import Cell, UsageError
from seqbench.spec import Batch, Task

BATCH = 3
"""Sequences of the batch that checks run on."""


class ContractError(Exception):
    """A task or an architecture breaks a rule: its name, what was expected, what came."""

    def __init__(self, rule: str, expected: str, got: str) -> None:
        super().__init__(f"contract {rule}: expected {expected}; got {got}")


def expect(true: bool, rule: str, expected: str, got: object) -> None:
    """Raise ContractError unless ``true``."""
    if not true:
        raise ContractError(rule, expected, str(got))


def check_cell(cell: Cell, task: Task) -> None:
    """The quick checks that every cell passes before it is trained: one tiny batch, forward and backward.

    Raises:
        ContractError: naming the rule that is broken.
    """
    with unchanged_process("model"):
        network = build_network(cell.model, task, cell.plugins, 0)
        batch = task.batch("train", 0, BATCH, 0, "cpu")
        for check in QUICK_MODEL_CHECKS:
            check(network, task, batch)


def verify(cell: Cell, console: Console) -> int:
    """Run every check on the cell's task and architecture and print a line for each; 0 if all hold, else 1."""
    failures = 0
    for rule, holds in _all_checks(cell):
        try:
            holds()
            console.print(f"ok      {rule}", markup=False, highlight=False)
        except (ContractError, UsageError) as error:
            failures += 1
            console.print(f"BROKEN  {rule}: {error}", markup=False, highlight=False, soft_wrap=True)
        except Exception as error:
            failures += 1
            console.print(f"BROKEN  {rule}: {error!r}", markup=False, highlight=False, soft_wrap=True)
    labels = f"{cell.labels['model']} on {cell.labels['task']}"
    console.print(f"{labels}: all checks hold." if not failures else f"{labels}: {failures} checks broken.")
    return 1 if failures else 0


def _all_checks(cell: Cell) -> Iterator[tuple[str, Callable[[], None]]]:
    task: Task = build(cell.task, "task", cell.plugins)
    for check in TASK_CHECKS:
        yield f"task {_rule(check)}", lambda check=check: check(task)
    batch = task.batch("train", 0, BATCH, 0, "cpu")
    for check in (*QUICK_MODEL_CHECKS, *FULL_MODEL_CHECKS):

        def run(check: Callable = check) -> None:
            with unchanged_process("model"):
                check(build_network(cell.model, task, cell.plugins, 0), task, batch)

        yield f"model {_rule(check)}", run


def _rule(check: Callable) -> str:
    return check.__name__.removeprefix("check_").replace("_", " ")


@contextmanager
def unchanged_process(who: str) -> Iterator[None]:
    """Check that the global random state, thread count, default dtype and gradient mode are left as they were."""
    before = _process_state()
    yield
    after = _process_state()
    for name in before:
        same = torch.equal(before[name], after[name]) if name == "random state" else before[name] == after[name]
        expect(same, f"{who} leaves the process alone", f"the global {name} unchanged", "a changed one")


def _process_state() -> dict:
    return {
        "random state": torch.get_rng_state(),
        "number of threads": torch.get_num_threads(),
        "default dtype": torch.get_default_dtype(),
        "gradient mode": torch.is_grad_enabled(),
    }


# --- tasks ---------------------------------------------------------------------------------------------------------


def check_batch_shapes(task: Task) -> None:
    """Inputs, positions, targets and weight have the shapes of ``spec.Batch``."""
    batch = task.batch("train", 0, BATCH, 0, "cpu")
    time = batch.inputs.shape[1]
    shape = (BATCH, time) if task.input.kind == "tokens" else (BATCH, time, task.input.size)
    expect(tuple(batch.inputs.shape) == shape, "inputs", f"shape {shape}", tuple(batch.inputs.shape))
    expect(time <= task.length, "length", f"at most {task.length} steps", time)
    answers = tuple(batch.positions.shape)
    expect(tuple(batch.weight.shape) == answers, "weight", f"shape {answers} as positions", tuple(batch.weight.shape))
    expect(tuple(batch.targets.shape[:2]) == answers, "targets", f"first axes {answers}", tuple(batch.targets.shape))
    inside = bool(((batch.positions >= 0) & (batch.positions < time)).all())
    expect(inside, "positions", f"0 .. {time - 1}", f"{batch.positions.min()} .. {batch.positions.max()}")
    expect(bool((batch.weight.sum(1) > 0).all()), "weight", "a scored answer in every sequence", "a sequence without")


def check_batch_is_a_pure_function(task: Task) -> None:
    """The same arguments give the same batch, another index, seed or split another one."""
    first = task.batch("train", 3, BATCH, 5, "cpu")
    torch.rand(1)
    same = task.batch("train", 3, BATCH, 5, "cpu")
    expect(_equal(first, same), "batch", "the same batch for the same arguments", "another")
    for arguments in (("train", 4, BATCH, 5), ("train", 3, BATCH, 6), ("validation", 3, BATCH, 5)):
        other = task.batch(*arguments, "cpu")  # type: ignore[arg-type]
        expect(not _equal(first, other), "batch", f"another batch for {arguments}", "the same")


def check_examples_are_fixed(task: Task) -> None:
    """Validation and test sets are the same every time, whatever the chunk size."""
    for split in ("validation", "test"):
        whole = [b.inputs for b in task.examples(split, 10**6, "cpu")]
        parts = torch.cat([b.inputs for b in task.examples(split, 7, "cpu")])
        expect(
            len(whole) == 1 and torch.equal(whole[0], parts), f"{split} set", "the same examples in any cut", "others"
        )


def check_loss_and_score(task: Task) -> None:
    """Loss is finite, one number a sequence; score has every metric of ``metrics``, each known to ``metrics.py``."""
    batch = task.batch("train", 0, BATCH, 0, "cpu")
    outputs = torch.zeros(*batch.positions.shape, task.output.size)
    loss = task.loss(outputs, batch)
    expect(tuple(loss.shape) == (BATCH,), "loss", f"shape ({BATCH},)", tuple(loss.shape))
    expect(bool(torch.isfinite(loss).all()), "loss", "finite values", loss)
    scores = task.score(outputs, batch)
    expect(set(scores) == set(task.metrics), "score", f"the metrics {task.metrics}", tuple(scores))
    unknown = [name for name in (*task.metrics, task.skill_metric) if name not in METRICS]
    expect(not unknown, "metrics", "names in metrics.py", unknown)


def check_weight_decides_what_counts(task: Task) -> None:
    """An answer of weight 0 changes neither the loss nor the scores."""
    batch = task.batch("train", 0, BATCH, 0, "cpu")
    if batch.weight.shape[1] < 2:
        return
    weight = batch.weight.clone()
    weight[:, 0], weight[:, 1:] = 0.0, 1.0
    outputs = torch.randn(*batch.positions.shape, task.output.size, generator=torch.Generator().manual_seed(0))
    changed = outputs.clone()
    changed[:, 0] += 10.0
    batch = batch._replace(weight=weight)
    expect(torch.equal(task.loss(outputs, batch), task.loss(changed, batch)), "weight", "loss blind to weight 0", "not")


def check_baselines(task: Task) -> None:
    """At least one baseline, finite, exactly one of them the reference of skill."""
    baselines = task.baselines()
    skill = [b for b in baselines if b.skill]
    expect(len(skill) == 1, "baselines", "exactly one with skill=True", len(skill))
    expect(task.skill_metric in skill[0].values, "baselines", f"a value for {task.skill_metric}", skill[0].values)
    finite = all(np.isfinite(value) for b in baselines for value in b.values.values())
    expect(finite, "baselines", "finite values", [dict(b.values) for b in baselines])


TASK_CHECKS = (
    check_batch_shapes,
    check_batch_is_a_pure_function,
    check_examples_are_fixed,
    check_loss_and_score,
    check_weight_decides_what_counts,
    check_baselines,
)


# --- architectures -------------------------------------------------------------------------------------------------


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


def check_causality(network: Network, task: Task, batch: Batch) -> None:
    """What declares ``causal`` gives bitwise equal past outputs when future inputs change; a task may require it."""
    causal = getattr(network.body, "causal", None)
    expect(bool(causal) or not task.requires_causal, "causal", "causal=True, which this task requires", causal)
    if not causal or batch.inputs.shape[1] < 2:
        return
    network.eval()
    x = network.embed(batch.inputs)
    middle = x.shape[1] // 2
    changed = x.clone()
    changed[:, middle:] += 1.0
    with torch.no_grad():
        same = torch.equal(network.body(x)[:, :middle], network.body(changed)[:, :middle])
    expect(same, "causal", "past outputs unchanged when the future changes", "changed ones")


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


def _equal(first: Batch, second: Batch) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None)
