"""The probe that instruments look through: a few fixed sequences, and rules that leave the network as it was.

The sequences are the first ones of the validation set, the same at every step and for every architecture.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from seqbench.spec import Batch, Task

MAX_ANSWERS = 8
MAX_COPIES = 4
"""Answers, where each enters a forward and a backward pass with all sequences of the probe."""
MAX_LAGS = 64
MAX_STATE_LAGS = 8
"""Each costs a call of the recurrence's kernel, forward and backward."""
MAX_BINS = 256
TOLERANCE = 1
"""Steps by which a lag may miss the one that matters."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Some sequences of a task, and which of their answers are looked at.

    Attributes:
        answers: numbers of some scored answers: the first, the last, and evenly between.
        lags: at most ``MAX_LAGS`` log-spaced lags.
    """

    batch: Batch
    answers: list[int]
    lags: list[int]

    @property
    def size(self) -> int:
        """Sequences."""
        return len(self.batch.inputs)

    @property
    def positions(self) -> Int[Tensor, "batch answers"]:
        """Where the answers that are looked at are read."""
        return self.batch.positions[:, self.answers]

    @property
    def counted(self) -> Bool[Tensor, "batch answers"]:
        """Which sequences score the answers that are looked at."""
        return self.batch.weight[:, self.answers] > 0

    def one_answer_each(self) -> Batch:
        """The sequences once for each answer, one after the other, each copy scored on its answer alone."""
        copies = repeated(self.batch, len(self.answers))
        alone = torch.zeros_like(copies.weight).unflatten(0, (len(self.answers), -1))
        for copy, answer in enumerate(self.answers):
            alone[copy, :, answer] = self.counted[:, copy].to(alone.dtype)
        return copies._replace(weight=alone.flatten(0, 1))

    @property
    def state_lags(self) -> list[int]:
        """Those of ``lags`` at which states are looked at."""
        return spread(self.lags, MAX_STATE_LAGS)

    def steps_before(self, lags: list[int]) -> Int[Tensor, "batch answers lags"]:
        """The step that lies each of ``lags`` before each answer; below 0 where there is none."""
        return self.positions.unsqueeze(-1) - torch.tensor(lags, device=self.batch.positions.device)


def take(task: Task, size: int, device: torch.device, answers: int = MAX_ANSWERS) -> Probe:
    """The probe of a task: the first ``size`` sequences of its validation set, and at most so many ``answers``."""
    batch = next(iter(task.examples("validation", size, device)))
    scored = torch.nonzero(batch.weight.sum(0) > 0).flatten().tolist()
    return Probe(batch=batch, answers=spread(scored, answers), lags=log_spaced_lags(task.length, MAX_LAGS))


def repeated(batch: Batch, times: int) -> Batch:
    """``batch`` so many times, one after the other."""
    return Batch._make(None if field is None else field.repeat(times, *[1] * (field.ndim - 1)) for field in batch)


@contextmanager
def undisturbed(network: nn.Module) -> Iterator[None]:
    """Evaluation mode inside; afterwards modes, buffers and random state are what they were before.

    What is differentiated inside must go through ``torch.autograd.grad``, which leaves the parameters' gradients alone.
    """
    modes = [(module, module.training) for module in network.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    device = next(network.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        network.eval()
        try:
            yield
        finally:
            for module, mode in modes:
                module.training = mode
            with torch.no_grad():
                for buffer, value in buffers:
                    buffer.copy_(value)


def at_lags(
    values: Float[Tensor, "*any answers times"], positions: Int[Tensor, "*any answers"], first: int = 0
) -> Float[Tensor, "*any answers lags"]:
    """From time to lag before each answer, 0, 1, 2, ...; 0 where a lag reaches before the first time.

    ``first`` is the step that the first of the times is; -1 for a state before the first step.
    """
    lags = torch.arange(values.shape[-1] - first, device=values.device)
    index = positions.unsqueeze(-1) - lags - first
    there = (index >= 0) & (index < values.shape[-1])
    return torch.where(there, values.gather(-1, index.clamp(0, values.shape[-1] - 1)), 0.0)


def share_at_lag(found: Int[Tensor, "batch answers"], wanted: Tensor | None, counted: Tensor) -> float | None:
    """Share of the answers whose ``found`` lag is within ``TOLERANCE`` of the one that the task says matters.

    Answers that need no memory (lag 0) or do not count are left out; None where none is left.
    """
    if wanted is None:
        return None
    asked = counted & (wanted > 0)
    right = ((found - wanted).abs() <= TOLERANCE) & asked
    return float(right.sum() / asked.sum()) if bool(asked.any()) else None


def bins(length: int) -> np.ndarray:
    """Where each of at most ``MAX_BINS`` equal parts of 0 .. ``length`` - 1 begins: pictures need no more.

    >>> bins(3).tolist(), len(bins(10_000))
    ([0, 1, 2], 256)
    """
    return np.unique(np.floor(np.linspace(0, length, min(length, MAX_BINS) + 1)[:-1])).astype(int)


def log_spaced_lags(length: int, limit: int) -> list[int]:
    """Lag 0 and log-spaced lags up to ``length`` - 1, at most ``limit``.

    >>> log_spaced_lags(6, 64)
    [0, 1, 2, 3, 4, 5]
    >>> len(log_spaced_lags(1000, 64)) <= 64
    True
    """
    if length <= 1:
        return [0]
    return [0, *np.unique(np.round(np.geomspace(1, length - 1, limit - 1)).astype(int)).tolist()]


def spread(items: list[int], limit: int) -> list[int]:
    """At most ``limit`` of ``items``: the first, the last, and evenly between.

    >>> spread(list(range(10)), 4)
    [0, 3, 6, 9]
    """
    if len(items) <= limit:
        return items
    return [items[i] for i in np.unique(np.round(np.linspace(0, len(items) - 1, limit)).astype(int))]
