"""Where a trained model's answers attend: the weights of every head at the scored answers, against lag.

Only attention that runs through ``seqbench.ops`` is seen. Averages are over the probe. Attention is not explanation
(Jain & Wallace 2019), so saliency stands beside it; but where the task says at which lag the evidence lies, a head that
fetches it can be told: ``share_at_lag`` says how often its largest weight is at that lag within a step.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from seqbench.layers import Network
from seqbench.ops import observing
from seqbench.probe import Probe, at_lags, bins, share_at_lag, take, undisturbed
from seqbench.schema import require
from seqbench.spec import Moment, NamedArray, Task


class AttentionMaps:
    """Attention weights against lag of at most 8 scored answers, of every head of every layer, at the end."""

    name = "attention_maps"

    def __init__(self, probe_batch: int) -> None:
        require(probe_batch >= 1, "instruments.probe_batch", "at least 1", probe_batch)
        self.probe_batch = probe_batch

    def due(self, moment: Moment, step: int, last: int | None) -> bool:
        """At the end."""
        return moment == "end"

    def measure(self, network: Network, task: Task) -> Mapping[str, NamedArray]:
        """``by_lag`` ("head", "answer", "lag"): mean weight, summed in at most 256 bins that begin at ``lag``.

        ``layer`` ("head",) numbers the layer of each head from 1; ``share_at_lag`` ("head",) is NaN where the task
        gives no lags. Nothing where there is no attention.
        """
        probe = take(task, self.probe_batch, next(network.parameters()).device)
        with undisturbed(network):
            layers = attention_by_lag(network, probe)
        if not layers:
            return {}
        every = torch.cat(layers, 1)  # (batch, heads, answers, lags)
        wanted = task.lags(probe.batch)
        lags = None if wanted is None else wanted[:, probe.answers]
        shares = [share_at_lag(found, lags, probe.counted) for found in every.argmax(-1).unbind(1)]
        starts = bins(every.shape[-1])
        return {
            "by_lag": (("head", "answer", "lag"), np.add.reduceat(every.mean(0).cpu().numpy(), starts, axis=-1)),
            "lag": (("lag",), starts),
            "layer": (("head",), np.repeat(np.arange(len(layers)) + 1, [layer.shape[1] for layer in layers])),
            "share_at_lag": (("head",), np.array([np.nan if share is None else share for share in shares])),
        }

    def summary(self, arrays: Mapping[str, np.ndarray], network: Network) -> dict[str, Any]:
        """The ``share_at_lag`` of the head that has the largest, and which one it is, counted from 1 in its layer."""
        shares, layers = arrays["share_at_lag"], arrays["layer"]
        if np.isnan(shares).all():
            return {"share_at_lag": None, "layer": None, "head": None, "heads": len(shares)}
        best = int(np.nanargmax(shares))
        head = best - int(np.argmax(layers == layers[best])) + 1
        return {
            "share_at_lag": float(shares[best]),
            "layer": int(layers[best]),
            "head": head,
            "heads": len(shares),
            "sequences": self.probe_batch,
        }


@torch.no_grad()
def attention_by_lag(network: Network, probe: Probe) -> list[Float[Tensor, "batch heads answers lags"]]:
    """Of each layer, the weight that each answer gives to 0, 1, 2, ... steps before it."""
    with observing(attention=True) as seen:
        network(probe.batch)
    first = int(getattr(network.body, "first_key", 0))
    layers = [_at_answers(weights, network, probe).float() for weights in seen.attention]
    return [at_lags(layer, probe.positions.unsqueeze(1).expand(layer.shape[:3]), first) for layer in layers]


def _at_answers(weights: Float[Tensor, "batch heads queries keys"], network: Network, probe: Probe) -> Tensor:
    """The rows of the answers that are looked at; an architecture that reads positions has no others than answers."""
    if getattr(network.body, "reads_positions", False):
        return weights[:, :, probe.answers]
    rows = probe.positions[:, None, :, None].expand(-1, weights.shape[1], -1, weights.shape[-1])
    return weights.gather(2, rows)
