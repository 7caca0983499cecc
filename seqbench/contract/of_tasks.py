"""The checks that any task must pass."""

import numpy as np
import torch

from seqbench.contract.rule import BATCH, expect
from seqbench.metrics import METRICS
from seqbench.spec import Batch, Task


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
    changed[:, 0] *= -10.0  # not a constant added: that would change no softmax
    batch = batch._replace(weight=weight)
    expect(torch.equal(task.loss(outputs, batch), task.loss(changed, batch)), "weight", "loss blind to weight 0", "not")
    before, after = task.score(outputs, batch), task.score(changed, batch)
    seeing = [name for name in before if not torch.equal(before[name].total, after[name].total)]
    expect(not seeing, "weight", "scores blind to weight 0", f"a change in {', '.join(seeing)}")


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


def _equal(first: Batch, second: Batch) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None)
