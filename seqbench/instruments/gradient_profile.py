"""The temporal gradient profile: how strongly an answer's loss depends on the embedded input k steps before it.

For a scored position s and a lag k it is the norm of d loss_s / d e_(s-k), where e is the embedded input, the tensor
that enters the architecture: defined for recurrence, attention and convolution alike, so that all can be drawn in one
figure. Per sample, then root-mean-square over the probe batch. Hochreiter 1991, Bengio et al. 1994 and Pascanu et al.
2013 study the same quantity with respect to hidden states.
"""

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from seqbench.layers import Network
from seqbench.schema import require
from seqbench.spec import Batch, Moment, NamedArray, Task

MAX_POSITIONS = 8
MAX_LAGS = 64


class GradientProfile:
    """The profile of at most 8 scored positions at at most 64 log-spaced lags, at initialisation and at the end."""

    name = "gradient_profile"

    def __init__(self, probe_batch: int) -> None:
        require(probe_batch >= 1, "instruments.probe_batch", "at least 1", probe_batch)
        self.probe_batch = probe_batch

    def due(self, moment: Moment, step: int) -> bool:
        """At the start and at the end."""
        return moment != "evaluation"

    def measure(self, network: Network, task: Task, moment: Moment) -> Mapping[str, NamedArray]:
        """``profile_<moment>`` ("answer", "lag"), ``profile_lag`` and ``profile_position``; NaN where no step is."""
        device = next(network.parameters()).device
        batch = next(iter(task.examples("validation", self.probe_batch, device)))
        answers = spread(torch.nonzero(batch.weight.sum(0) > 0).flatten().tolist(), MAX_POSITIONS)
        lags = log_spaced_lags(task.length, MAX_LAGS)
        was_training = network.training
        network.eval()
        profile = gradient_profile(network, task, batch, answers, lags)
        network.train(was_training)
        return {
            f"profile_{moment}": (("answer", "lag"), profile),
            "profile_lag": (("lag",), np.array(lags)),
            "profile_position": (("answer",), batch.positions[0, answers].cpu().numpy()),
        }


def gradient_profile(
    network: Network, task: Task, batch: Batch, answers: list[int], lags: list[int]
) -> Float[np.ndarray, "answers lags"]:
    """Exact profile by one backward pass for each answer; parameters' gradients are not touched."""
    with torch.random.fork_rng(devices=[]):
        embedded = network.embed(batch.inputs).detach().requires_grad_()
        outputs = network.from_embedded(embedded, batch.positions, batch.lengths)
        rows = []
        for answer in answers:
            weight = torch.zeros_like(batch.weight)
            weight[:, answer] = 1.0
            loss = task.loss(outputs, batch._replace(weight=weight)).sum()
            (gradient,) = torch.autograd.grad(loss, embedded, retain_graph=True)
            rows.append(_at_lags(gradient.norm(dim=-1), batch.positions[:, answer], lags))
    return torch.stack(rows).cpu().numpy()


def _at_lags(norms: Float[Tensor, "batch time"], positions: Tensor, lags: list[int]) -> Float[Tensor, " lags"]:
    """Root-mean-square over the samples at ``lags`` steps before each sample's position; NaN where there is none."""
    index = positions.unsqueeze(1) - torch.tensor(lags, device=norms.device)  # (batch, lags)
    squares = norms.double().square().gather(1, index.clamp(min=0))
    return torch.where(index >= 0, squares, torch.nan).nanmean(dim=0).sqrt()


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
