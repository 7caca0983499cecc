"""The training step, written once: everything that trains calls it. It knows no concrete task or architecture."""

from collections.abc import Sequence

import torch
from torch import Tensor

from seqbench.population import Adam, Population
from seqbench.schema import Train
from seqbench.spec import Batch

SERIES = ("loss", "gradient_norm", "update_norm", "clipped")
"""What is kept of every step: training loss, L2 gradient norm before clipping, L2 norm of the update, clipped (0/1)."""


class Trainer:
    """The training step of a population, with everything it measures.

    Attributes:
        history: (steps, 4, population) on the device: loss, gradient norm before clipping, update norm, clipped (0/1).
    """

    def __init__(
        self, population: Population, train: Train, seeds: Sequence[int], learning_rates: Sequence[float], budget: int
    ) -> None:
        self.population, self.task, self.train = population, population.task, train
        self.seeds, self.learning_rates, self.budget = tuple(seeds), tuple(learning_rates), budget
        self.optimizer = Adam(population.parameters, learning_rates, train.beta1, train.beta2, train.eps)
        device = population.device
        self.history = torch.zeros(budget, len(SERIES), population.size, device=device)
        self.active = torch.ones(population.size, dtype=torch.bool, device=device)

    def batches(self, index: int) -> list[Batch]:
        """Batch number ``index`` of every member."""
        size, device = self.train.batch_size, self.population.device
        return [self.task.batch("train", index, size, seed, device) for seed in self.seeds]

    def step(self, index: int) -> None:
        """Optimiser step number ``index``, counted from 0, on its own batches."""
        self.update(index, self.batches(index))

    def update(self, index: int, batches: Sequence[Batch]) -> None:
        """Forward, backward, clipping and update: the only place where parameters change."""
        population = self.population
        losses = population.losses(batches)
        population.backward(losses)
        norms = torch.linalg.vector_norm(population.gradients, dim=1)
        clipped = clip_(population.gradients, norms, self.train.clip)
        updates = self.optimizer.step(population.gradients, None if population.size == 1 else self.active)
        torch.stack((losses.detach(), norms, updates, clipped), out=self.history[index])


def clip_(gradients: Tensor, norms: Tensor, bound: float | None) -> Tensor:
    """Scale each row of ``gradients`` to an L2 norm of at most ``bound``, in place; returns 1.0 where it did.

    Args:
        gradients: (population, numbers).
        norms: (population,), their norms.
        bound: the largest norm; None leaves all as it is.
    """
    if bound is None:
        return torch.zeros_like(norms)
    gradients.mul_((bound / norms).clamp_(max=1.0).unsqueeze(1))
    return (norms > bound).to(norms.dtype)
