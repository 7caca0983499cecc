"""What every task's ``loss`` and ``score`` are made of: weighted means without a shape that depends on data.

Nothing here indexes with ``weight`` or branches on a value, so ``torch.vmap`` and CUDA graphs take it as it is.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seqbench.spec import Average, Batch


def sequence_mean(
    values: Float[Tensor, "batch answers"], weight: Float[Tensor, "batch answers"]
) -> Float[Tensor, " batch"]:
    """Per sequence, the weighted mean of ``values`` over its answers; 0 where no answer counts.

    >>> sequence_mean(torch.tensor([[1.0, 3.0, 9.0]]), torch.tensor([[1.0, 1.0, 0.0]]))
    tensor([2.])
    """
    return (values * weight).sum(-1) / weight.sum(-1).clamp(min=torch.finfo(weight.dtype).tiny)


def answer_average(values: Tensor, weight: Tensor) -> Average:
    """The weighted average of ``values`` over all answers of the batch, summed in double precision."""
    return Average((values * weight).sum(dtype=torch.float64), weight.sum(dtype=torch.float64))


def cross_entropy(
    outputs: Float[Tensor, "batch answers outputs"], targets: Int[Tensor, "batch answers"]
) -> Float[Tensor, "batch answers"]:
    """Cross-entropy of every answer, in nats.

    >>> cross_entropy(torch.zeros(1, 1, 8), torch.tensor([[5]])).exp()
    tensor([[8.]])
    """
    return -outputs.log_softmax(-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)


def squared_error(
    outputs: Float[Tensor, "batch answers outputs"], targets: Float[Tensor, "batch answers outputs"]
) -> Float[Tensor, "batch answers"]:
    """Squared error of every answer, mean over its components."""
    return (outputs - targets).square().mean(-1)


def pieces(whole: Batch, size: int, device: torch.device | str) -> Iterator[Batch]:
    """``whole`` in order, ``size`` sequences at a time on ``device``, the short last piece included."""
    for start in range(0, len(whole.inputs), size):
        yield Batch._make(None if t is None else t[start : start + size].to(device) for t in whole)
