"""What vanishing gradients cost on a CPU: the training step with and without flushing denormal numbers to zero."""

from collections.abc import Callable

import numpy as np
import torch

from seqbench.cost.clock import Clock
from seqbench.train import Trainer

SCALE = 1e-36
"""Of the head's weights: gradients that enter the architecture are then some 1e-39, below float32's normal 1.2e-38."""
CALLS = 2
"""Training steps in a row before the mode changes."""


def flushed_and_unflushed(
    trainer: Trainer, step: Callable[[], object], clock: Clock, seconds: float
) -> dict[str, np.ndarray] | None:
    """Seconds of the training step where every gradient in the architecture is a denormal number.

    A head whose weights are scaled to 1e-36 stands for gradients that have vanished: all architectures then meet the
    same, however fast their own gradients decay. The learning rate is 0, so that it stays so. Both modes take turns.

    Returns:
        "flushed_s" and "unflushed_s"; None where this processor cannot flush.
    """
    trainer.optimizer.learning_rates.zero_()
    with torch.no_grad():
        for network in trainer.population.networks:
            network.head.weight.mul_(SCALE)
    found: dict[str, list[float]] = {"flushed_s": [], "unflushed_s": []}
    try:
        while len(found["unflushed_s"]) < CALLS or sum(map(sum, found.values())) < seconds:
            for name, flush in (("flushed_s", True), ("unflushed_s", False)):
                if not torch.set_flush_denormal(flush):
                    return None
                step()  # what the other mode left in caches and buffers
                found[name] += [clock(step) for _ in range(CALLS)]
    finally:
        torch.set_flush_denormal(True)
    return {name: np.array(samples) for name, samples in found.items()}
