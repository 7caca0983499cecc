"""The adding problem: remember two marked numbers and answer with their sum.

Papers: Hochreiter & Schmidhuber 1997; as in Arjovsky, Shah & Bengio 2016 (arXiv:1511.06464). T = ``length``.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seqbench.schema import Baseline, Solved
from seqbench.scoring import answer_average, pieces, sequence_mean, squared_error
from seqbench.spec import Average, Batch, Split, Task, generator, reals
from seqbench.values import check_choice, check_count

NUM_EXAMPLES = {"validation": 512, "test": 2000}
"""Sequences of the fixed sets. The standard error of the constant baseline over n of them is sqrt(7 / 180 / n)."""


class AddingProblem(Task):
    """Add the two numbers out of T that carry a marker.

    In: T steps of two reals, a number uniform in [0, 1) and a marker, 1 at two steps and 0 elsewhere. Out: the sum of
    the two marked numbers, read at the last step. Nothing follows the last step, so a model cannot look ahead.

    ==========================================================  ============
    published variant                                           positions
    ==========================================================  ============
    Arjovsky et al. 2016; S4, Gu et al. 2022; coRNN 2021        one_per_half
    TCN, Bai et al. 2018; CKConv, Romero et al. 2022            anywhere
    ==========================================================  ============

    ``one_per_half``: the first marker is uniform over steps 0 .. T//2 - 1, the second over T//2 .. T - 1.
    ``anywhere``: two different steps, all pairs equally likely. The distances differ, hence the difficulty.

    >>> task = AddingProblem(length=4)
    >>> example = task.lay_out(torch.tensor([[0.5, 0.25, 0.125, 0.75]]), torch.tensor([[1, 3]]))
    >>> example.inputs.tolist()
    [[[0.5, 0.0], [0.25, 1.0], [0.125, 0.0], [0.75, 1.0]]]
    >>> example.targets.tolist(), example.positions.tolist(), task.lags(example).tolist()
    ([[[1.0]]], [[3]], [[2]])

    Baselines, with u and v uniform in [0, 1), each of mean 1/2 and variance 1/12:

    - constant: the best constant is E[u + v] = 1, its mean squared error Var(u) + Var(v) = 1/6 (the 0.1767 that is
      often quoted is a sample estimate);
    - one marker: knowing u the best answer is u + 1/2, its mean squared error Var(v) = 1/12.

    A mean over n sequences of the constant's error has the standard error sqrt(7 / 180 / n): with s = u + v - 1,
    E[s^4] = 2 E[(u - 1/2)^4] + 6 / 12^2 = 2/80 + 1/24 = 1/15, and 1/15 - 1/36 = 7/180.

    Raises:
        UsageError: ``length`` below 2, an unknown word for ``positions``.
    """

    input = reals(2)
    output = reals(1)
    metrics = ("mse",)
    skill_metric = "mse"
    solved = Solved(metric="mse", threshold=1e-3)

    def __init__(self, length: int, positions: str = "one_per_half") -> None:
        check_count("task.length", length, 2)
        check_choice("task.positions", positions, ("one_per_half", "anywhere"))
        self.length, self.positions = length, positions

    def at(self, length: int) -> "AddingProblem":
        """The same task with sequences of ``length`` steps."""
        return AddingProblem(length, self.positions)

    def batch(self, split: Split, index: int, size: int, seed: int, device: torch.device | str) -> Batch:
        """``size`` sequences; they depend on the arguments, the length and the positions alone."""
        return self._draw(size, device, split, seed, index)

    def examples(self, split: Split, size: int, device: torch.device | str) -> Iterator[Batch]:
        """The 512 ("validation") or 2000 ("test") fixed sequences, drawn on the CPU whatever the ``device``."""
        return pieces(self._draw(NUM_EXAMPLES[split], "cpu", split, "examples"), size, device)

    def _draw(self, size: int, device: torch.device | str, *stream: object) -> Batch:
        draw = generator(device, "adding_problem", 1, self.length, self.positions, *stream)
        numbers = torch.rand(size, self.length, generator=draw, device=device)
        return self.lay_out(numbers, self._draw_marked(size, draw, device))

    def _draw_marked(self, size: int, draw: torch.Generator, device: torch.device | str) -> Int[Tensor, "batch 2"]:
        def uniform(n: int) -> Tensor:
            return torch.randint(n, (size,), generator=draw, device=device)

        T, half = self.length, self.length // 2
        if self.positions == "one_per_half":
            return torch.stack([uniform(half), half + uniform(T - half)], dim=1)
        first = uniform(T)
        # A distance from 1 to T - 1 around the circle: every other step is equally likely.
        return torch.stack([first, (first + 1 + uniform(T - 1)) % T], dim=1)

    def lay_out(self, numbers: Float[Tensor, "batch time"], marked: Int[Tensor, "batch 2"]) -> Batch:
        """The batch that asks for the sum of the ``marked`` steps of ``numbers``."""
        B, T = numbers.shape
        markers = torch.zeros_like(numbers).scatter_(1, marked, 1.0)
        return Batch(
            inputs=torch.stack([numbers, markers], dim=-1),  # (batch, time, 2)
            positions=torch.full((B, 1), T - 1, device=numbers.device),
            targets=numbers.gather(1, marked).sum(1).reshape(B, 1, 1),
            weight=torch.ones(B, 1, device=numbers.device),
        )

    def loss(self, outputs: Float[Tensor, "batch answers outputs"], batch: Batch) -> Float[Tensor, " batch"]:
        """Per sequence, the squared error."""
        return sequence_mean(squared_error(outputs, batch.targets), batch.weight)

    def score(self, outputs: Float[Tensor, "batch answers outputs"], batch: Batch) -> dict[str, Average]:
        """The mean squared error."""
        return {"mse": answer_average(squared_error(outputs, batch.targets), batch.weight)}

    def baselines(self) -> tuple[Baseline, ...]:
        """The best constant and the best answer from one marker, see the class."""
        return (
            Baseline(name="constant", values={"mse": 1 / 6}, kind="derived", skill=True),
            Baseline(name="one marker", values={"mse": 1 / 12}, kind="derived"),
        )

    def lags(self, batch: Batch) -> Int[Tensor, "batch answers"]:
        """Steps from the answer back to the earlier marker."""
        return batch.positions - batch.inputs[:, :, 1].argmax(dim=1, keepdim=True)
