"""What a trained model's answers depend on: |d score / d e_t|, where e_t is the embedded input (Simonyan et al. 2014).

The score of an answer is the logit of the right symbol above the mean logit, or the sum of the components of a real
answer: not the loss, whose gradient vanishes where an answer is right. Root-mean-square over the probe.

Where the task says at which lag the evidence of an answer lies (``Task.lags``), the lag of the largest saliency can be
right or wrong; ``share_at_lag`` says how often it is right within a step. The adding problem's is the earlier of two.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from seqbench.layers import Network
from seqbench.probe import MAX_COPIES, Probe, at_lags, bins, repeated, share_at_lag, take, undisturbed
from seqbench.schema import require
from seqbench.spec import Moment, NamedArray, Task


class Saliency:
    """Saliency against lag of at most 4 scored answers, at the end of training."""

    name = "saliency"

    def __init__(self, probe_batch: int) -> None:
        require(probe_batch >= 1, "instruments.probe_batch", "at least 1", probe_batch)
        self.probe_batch = probe_batch

    def due(self, moment: Moment, step: int, last: int | None) -> bool:
        """At the end."""
        return moment == "end"

    def measure(self, network: Network, task: Task) -> Mapping[str, NamedArray]:
        """``by_lag`` ("answer", "lag"), the largest in each of at most 256 bins; ``lag``: where each begins.

        ``wanted_lag`` ("sequence", "answer") is the task's, -1 where it has none; ``largest_lag`` is where saliency is
        largest; ``counted`` says which sequences score the answer.
        """
        probe = take(task, self.probe_batch, next(network.parameters()).device, MAX_COPIES)
        with undisturbed(network):
            by_lag = saliency(network, task, probe)
        wanted = task.lags(probe.batch)
        lags = torch.full_like(probe.positions, -1) if wanted is None else wanted[:, probe.answers]
        starts = bins(by_lag.shape[-1])
        mean = by_lag.double().square().mean(0).sqrt().float().cpu().numpy()
        return {
            "by_lag": (("answer", "lag"), np.maximum.reduceat(mean, starts, axis=-1)),
            "lag": (("lag",), starts),
            "wanted_lag": (("sequence", "answer"), lags.cpu().numpy()),
            "largest_lag": (("sequence", "answer"), by_lag.argmax(-1).cpu().numpy()),
            "counted": (("sequence", "answer"), probe.counted.cpu().numpy()),
        }

    def summary(self, arrays: Mapping[str, np.ndarray], network: Network) -> dict[str, Any]:
        """``share_at_lag`` of the answers that the task gives a lag, None where it gives none."""
        found, wanted, counted = (torch.from_numpy(arrays[name]) for name in ("largest_lag", "wanted_lag", "counted"))
        return {"share_at_lag": share_at_lag(found, wanted, counted), "sequences": self.probe_batch}


def saliency(network: Network, task: Task, probe: Probe) -> Float[Tensor, "batch answers lags"]:
    """The gradient norm of each answer's score by the embedded input 0, 1, 2, ... steps before it."""
    A, B = len(probe.answers), probe.size
    given = repeated(probe.batch, A)
    e = network.embed(probe.batch.inputs).detach().repeat(A, 1, 1).requires_grad_()
    outputs = network.from_embedded(e, given.positions, given.lengths).unflatten(0, (A, B))
    total = outputs.new_zeros(())
    for copy, answer in enumerate(probe.answers):
        total = total + _scores(outputs[copy, :, answer], probe.batch.targets[:, answer], task).sum()
    (gradient,) = torch.autograd.grad(total, e, materialize_grads=True)
    norms = gradient.double().norm(dim=-1).unflatten(0, (A, B)).transpose(0, 1)  # (batch, answers, time)
    return at_lags(norms, probe.positions)


def _scores(outputs: Float[Tensor, "batch outputs"], targets: Tensor, task: Task) -> Float[Tensor, " batch"]:
    if task.output.kind == "reals":
        return outputs.sum(-1)
    right = outputs.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return right - outputs.mean(-1)
