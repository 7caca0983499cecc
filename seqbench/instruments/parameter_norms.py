"""Where in the network the gradient is, and the weights: L2 norms of each group of parameters through training.

A group is a layer's tensor, with its bias where it has one of its own: "body.layers.0.weight_hidden", "head". The
gradient is that of the probe's mean loss: the same sequences at every record, before any training too, and no clipping.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from seqbench.layers import Network
from seqbench.probe import take, undisturbed
from seqbench.schedule import observation_due
from seqbench.schema import finite, require
from seqbench.spec import Moment, NamedArray, Task


class ParameterNorms:
    """Gradient and weight norms of every group, log-spaced through training."""

    name = "parameter_norms"

    def __init__(self, probe_batch: int) -> None:
        require(probe_batch >= 1, "instruments.probe_batch", "at least 1", probe_batch)
        self.probe_batch = probe_batch

    def due(self, moment: Moment, step: int, last: int | None) -> bool:
        """At the start, at evaluations whose step has at least doubled since the last record, and at the end."""
        return observation_due(step, last, ends=moment == "end")

    def measure(self, network: Network, task: Task) -> Mapping[str, NamedArray]:
        """``gradient`` and ``weight`` ("observation", "group"); the groups are those of ``groups``."""
        batch = take(task, self.probe_batch, next(network.parameters()).device).batch
        parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        with undisturbed(network):
            loss = task.loss(network(batch), batch).mean()
            found = torch.autograd.grad(loss, parameters, materialize_grads=True)
        axes = ("observation", "group")
        return {
            "gradient": (axes, _norms(network, found)),
            "weight": (axes, _norms(network, [parameter.detach() for parameter in parameters])),
        }

    def summary(self, arrays: Mapping[str, np.ndarray], network: Network) -> dict[str, Any]:
        """Group -> gradient norm at the first and the last record, and weight norm at the last."""
        return {
            group: {
                "gradient_start": finite(float(arrays["gradient"][0, number])),
                "gradient_end": finite(float(arrays["gradient"][-1, number])),
                "weight_end": finite(float(arrays["weight"][-1, number])),
            }
            for number, group in enumerate(dict.fromkeys(groups(network)))
        }


def groups(network: Network) -> list[str]:
    """The group of every trainable parameter, in the network's order."""
    names = [name for name, parameter in network.named_parameters() if parameter.requires_grad]
    own = {name.removesuffix(".weight") for name in names if name.endswith(".weight")}
    return [owner if (owner := name.removesuffix(".weight").removesuffix(".bias")) in own else name for name in names]


def _norms(network: Network, tensors: Any) -> np.ndarray:
    squares: dict[str, torch.Tensor] = {}
    for group, tensor in zip(groups(network), tensors, strict=True):
        squares[group] = squares.get(group, torch.zeros((), device=tensor.device)) + tensor.double().square().sum()
    return torch.stack(list(squares.values())).sqrt().float().cpu().numpy()[None]
