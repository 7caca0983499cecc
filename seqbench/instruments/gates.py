"""How open a trained model's gates are, and how long its units remember by them.

A unit of an LSTM or GRU keeps a share f_t of its state at step t: the forget gate of an LSTM, 1 - z of a GRU. Over n
steps it keeps the product, exp(n * mean of log f), so its time constant is -1 / mean of log f steps (with f constant
that is -1 / log f, about 1 / (1 - f): Tallec & Ollivier 2018, arXiv:1804.11188). Means are over the probe and its
steps. What a unit remembers through the recurrent weights is not in it: it is the part that the gates hold by
themselves.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from seqbench.layers import Network
from seqbench.ops import observing
from seqbench.probe import bins, take, undisturbed
from seqbench.schema import finite, require
from seqbench.spec import Moment, NamedArray, Task

REMEMBERS = ("forget", "keep")
"""Names of the gates that say what share of the state is kept."""


class Gates:
    """Openness of every gate and the time constants, at the end of training."""

    name = "gates"

    def __init__(self, probe_batch: int) -> None:
        require(probe_batch >= 1, "instruments.probe_batch", "at least 1", probe_batch)
        self.probe_batch = probe_batch

    def due(self, moment: Moment, step: int, last: int | None) -> bool:
        """At the end."""
        return moment == "end"

    def measure(self, network: Network, task: Task) -> Mapping[str, NamedArray]:
        """Mean openness by unit and by step of every gate and layer, e.g. ``forget1_by_unit``, ``forget1_by_step``.

        Steps are averaged in at most 256 bins that begin at ``bin``. ``time_constant1`` ("unit",) in steps, infinite
        where a gate never closes. Nothing where there are no gates.
        """
        batch = take(task, self.probe_batch, next(network.parameters()).device).batch
        with undisturbed(network), torch.no_grad(), observing(gates=True) as seen:
            network(batch)
        arrays: dict[str, NamedArray] = {}
        for layer, gates in enumerate(seen.gates, start=1):
            for gate, openness in gates.items():
                values = openness.double()  # (batch, time, hidden)
                starts = bins(values.shape[1])
                steps = np.add.reduceat(values.mean((0, 2)).cpu().numpy(), starts)
                arrays["bin"] = (("step",), starts)
                arrays[f"{gate}{layer}_by_step"] = (("step",), steps / np.diff([*starts, values.shape[1]]))
                arrays[f"{gate}{layer}_by_unit"] = (("unit",), values.mean((0, 1)).cpu().numpy())
                if gate in REMEMBERS:
                    arrays[f"time_constant{layer}"] = (("unit",), (1 / values.log().mean((0, 1)).abs()).cpu().numpy())
        return arrays

    def summary(self, arrays: Mapping[str, np.ndarray], network: Network) -> dict[str, Any]:
        """Mean openness of every gate; of every layer the median and the longest time constant in steps."""
        openness = {
            name.removesuffix("_by_unit"): finite(float(values.mean()))
            for name, values in arrays.items()
            if name.endswith("_by_unit")
        }
        constants = {
            name: {"median": finite(float(np.median(values))), "longest": finite(float(values.max()))}
            for name, values in arrays.items()
            if name.startswith("time_constant")
        }
        return {"openness": openness, **constants, "sequences": self.probe_batch}
