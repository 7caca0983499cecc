"""The contracts: what a task, an architecture and an instrument are. Read this file first.

Axis words, the same in every file: ``batch`` sequences, ``time`` steps, ``features`` of an input, ``answers`` scored
positions of a sequence, ``outputs`` numbers per answer, ``hidden`` units, ``population`` members.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seqbench.schema import Baseline, Solved

Split = Literal["train", "validation", "test"]
Moment = Literal["start", "evaluation", "end"]
NamedArray = tuple[tuple[str, ...], np.ndarray]
"""Axis names and values of what an instrument measured."""


@dataclass(frozen=True)
class Space:
    """What one time step carries: one of ``size`` symbols ("tokens") or ``size`` numbers ("reals")."""

    kind: Literal["tokens", "reals"]
    size: int


def tokens(size: int) -> Space:
    """A symbol 0 .. size-1."""
    return Space("tokens", size)


def reals(size: int) -> Space:
    """A vector of ``size`` real numbers."""
    return Space("reals", size)


class Batch(NamedTuple):
    """Sequences with their answers. A tuple of tensors, so that vmap and CUDA graphs take it as it is.

    Attributes:
        inputs: (batch, time) int64 symbols, or (batch, time, features) float.
        positions: (batch, answers) int64: the time step where each answer is read.
        targets: (batch, answers) int64 symbols, or (batch, answers, outputs) float.
        weight: (batch, answers) float: which answers count, for loss and metrics alike.
        lengths: (batch,) int64, or None where every sequence has the full length.
    """

    inputs: Tensor
    positions: Int[Tensor, "batch answers"]
    targets: Tensor
    weight: Float[Tensor, "batch answers"]
    lengths: Int[Tensor, " batch"] | None = None


class Average(NamedTuple):
    """An exact mean in two parts, so that merging does not depend on how examples were cut into batches.

    >>> a, b = Average(torch.tensor(3.0), torch.tensor(4.0)), Average(torch.tensor(0.0), torch.tensor(2.0))
    >>> a.merge(b).mean()
    0.5
    """

    total: Tensor
    count: Tensor

    def merge(self, other: "Average") -> "Average":
        """The average over both sets of examples."""
        return Average(self.total + other.total, self.count + other.count)

    def mean(self) -> float:
        """The mean in double precision."""
        return float(self.total.double() / self.count.double())


def generator(device: torch.device | str, *path: object) -> torch.Generator:
    """A generator on ``device`` whose stream is a pure function of ``path`` (e.g. "copy_memory", "train", seed, index).

    Nothing is carried from one batch to the next, so resuming needs no generator state.
    """
    digest = hashlib.blake2b(repr(path).encode(), digest_size=8).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest, "little") >> 1)


class Task(ABC):
    """A generator of batches with a loss, scores, baselines and a definition of solved.

    The constructor takes sizes only, as keyword arguments; it raises UsageError naming ``task.<key>`` for a value
    that makes no sense. All methods are pure functions of their arguments and vectorised over the batch.

    Attributes:
        input, output: the spaces of one time step of the input and of one answer.
        length: time steps of the longest sequence.
        metrics: names in ``metrics.py``; the first is the headline score.
        skill_metric: the metric (a loss) that normalised skill is computed on.
        floor: the value of ``skill_metric`` that a perfect model reaches.
        solved: metric and threshold, or None where the task has no such notion.
        requires_causal: whether a model that looks ahead would read the answer.
    """

    input: Space
    output: Space
    length: int
    metrics: tuple[str, ...]
    skill_metric: str
    floor: float = 0.0
    solved: Solved | None = None
    requires_causal: bool = False

    @abstractmethod
    def at(self, length: int) -> "Task":
        """The same task, other things equal, at another length (the unit is the task's own: delay, length, window)."""

    @abstractmethod
    def batch(self, split: Split, index: int, size: int, seed: int, device: torch.device | str) -> Batch:
        """Batch number ``index`` of a split's endless stream: a pure function of its arguments."""

    @abstractmethod
    def examples(self, split: Split, size: int, device: torch.device | str) -> Iterator[Batch]:
        """The fixed set of "validation" or "test": each example once, ``size`` at a time, short last batch included.

        It depends on the task's configuration and version, never on a member's seed.
        """

    @abstractmethod
    def loss(self, outputs: Float[Tensor, "batch answers outputs"], batch: Batch) -> Float[Tensor, " batch"]:
        """Per sequence, the weighted mean of the loss over its answers."""

    @abstractmethod
    def score(self, outputs: Float[Tensor, "batch answers outputs"], batch: Batch) -> dict[str, Average]:
        """Every metric of ``metrics`` over the weighted answers of the batch."""

    @abstractmethod
    def baselines(self) -> tuple[Baseline, ...]:
        """What trivial methods score; derivations stand in the class docstring."""

    def lags(self, batch: Batch) -> Int[Tensor, "batch answers"] | None:
        """How many steps back the evidence of each answer lies; None where the task does not define it."""
        return None


class Architecture(nn.Module):
    """A map (batch, time, input_size) -> (batch, time, width), written for ONE model.

    ``cls(input_size, length, **sizes)``: ``length`` is the longest sequence of the study. No loss, data, device or
    printing inside. Inheriting is optional: any ``nn.Module`` with this ``__init__`` and ``forward`` trains, and what
    it does not declare is recorded as absent.

    Attributes:
        width: features of each output; where absent it is found by running one short sequence.
        causal: whether output t depends on inputs up to t only.
        reads_positions: ``forward`` takes ``positions`` (batch, answers) and returns (batch, answers, width), for
            architectures whose work at unscored steps can be saved.
        kernel: the name of the computation that ran last, for the record.
        first_key: the step whose state is the first key of an attention; -1 for a state before the first step.
    """

    width: int
    causal: bool = True
    reads_positions: bool = False
    kernel: str = "torch"
    first_key: int = 0

    def forward(
        self, x: Float[Tensor, "batch time features"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch time hidden"]:
        """The outputs at every step."""
        raise NotImplementedError

    def flops(self, batch: int, length: int) -> int:
        """Floating-point operations of one forward pass (a multiply-add is two)."""
        raise NotImplementedError

    def state_size(self, length: int) -> int:
        """Numbers carried per sequence to produce output ``length`` + 1 without reading the past again."""
        raise NotImplementedError

    def step(self, x_t: Float[Tensor, "batch features"], state: Any) -> tuple[Float[Tensor, "batch hidden"], Any]:
        """One step of streaming inference, equal to ``forward``; ``state`` is None before the first step."""
        raise NotImplementedError


@runtime_checkable
class Instrument(Protocol):
    """Something that observes training and never changes it.

    It runs its own forward and backward on a fixed probe batch and leaves the random state, parameters, buffers and
    gradients as it found them (``probe.undisturbed``).
    """

    name: str

    def due(self, moment: Moment, step: int, last: int | None) -> bool:
        """Whether to measure now; ``last`` is the step of the last time, None before the first."""
        ...

    def measure(self, network: Any, task: Task) -> Mapping[str, NamedArray]:
        """Array name -> (axis names, values) of one member; ``network`` is a ``layers.Network``.

        Arrays whose first axis is "observation" have length 1 there and grow; others are replaced. None at all where
        there is nothing to see, such as gates in a network that has none.
        """
        ...

    def summary(self, arrays: Mapping[str, np.ndarray], network: Any) -> Mapping[str, Any]:
        """Derived numbers, from the arrays of all that was measured of one member and "step", when it was."""
        ...
