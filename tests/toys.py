"""Small tasks, architectures and cells that tests share; each does one thing wrong or right."""

import torch
from torch import Tensor, nn

from seqbench.schema import Cell, Solved, Train
from seqbench.spec import Task
from seqbench.tasks.adding_problem import AddingProblem

TRAIN = {
    "batch_size": 4, "steps": None, "clip": 1.0, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8,
    "evaluate_every": 5, "evaluate_growth": 1.05, "evaluate_batch": 64, "timeout_s": None,
}  # fmt: skip
ADDING = {"target": "seqbench.tasks.adding_problem:AddingProblem", "version": 1, "budget": 10, "length": 6,
          "positions": "one_per_half"}  # fmt: skip

COPY = {"target": "seqbench.tasks.copy_memory:CopyMemory", "version": 1, "budget": 10, "delay": 4, "num_symbols": 2}
INSTRUMENTS = ("gradient_profile", "parameter_norms", "saliency", "attention_maps", "gates")


def train(**changes: object) -> Train:
    """Training settings small enough for a test."""
    return Train(**{**TRAIN, **changes})  # type: ignore[arg-type]


def cell(model: str = "Mean", seeds: tuple[int, ...] = (0,), budget: int = 10, **changes: object) -> Cell:
    """A cell of the adding problem with one of the architectures of this file."""
    settings = {
        "task": ADDING | {"budget": budget},
        "model": {"target": f"tests.toys:{model}", "version": 1, "learning_rate": 0.01, "embed": "direct",
                  "embed_size": None},
        "train": train(),
        "instruments": {name: True for name in INSTRUMENTS} | {"probe_batch": 4},
        "seeds": seeds,
        "device": "cpu",
        "labels": {"task": "adding_problem", "model": model.lower(), "variant": ""},
        "command": "python -m seqbench task=adding_problem model=toy",
        "sources": {"task": "0" * 64, "model": "0" * 64},
        "plugins": ("tests",),
    }  # fmt: skip
    return Cell(**(settings | changes))  # type: ignore[arg-type]


class Mean(nn.Module):
    """The running mean of a linear map: causal, trains, declares nothing."""

    def __init__(self, input_size: int, length: int, width: int = 4) -> None:
        super().__init__()
        self.map = nn.Linear(input_size, width)

    def forward(self, x: Tensor) -> Tensor:
        steps = torch.arange(1, x.shape[1] + 1, device=x.device).view(1, -1, 1)
        return torch.tanh(self.map(x)).cumsum(1) / steps


class Branching(Mean):
    """Branches on its data, which vmap cannot batch."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if bool(x.sum() > -1e9) else -x)


class Exploding(Mean):
    """Its loss is not finite from the fourth training step on (the first call finds the width)."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.calls += 1
        return super().forward(x) * (float("inf") if self.calls > 4 and self.training else 1.0)


class Raising(Mean):
    """Raises after a few training steps."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += self.training
        if self.calls > 8:
            raise RuntimeError("the layer <b>broke</b>")
        return super().forward(x)


class Exiting(Raising):
    """Calls exit while training."""

    def forward(self, x: Tensor) -> Tensor:
        try:
            return super().forward(x)
        except RuntimeError:
            raise SystemExit(3) from None


class Killing(Raising):
    """Its process is killed while it trains, as the kernel does when memory runs out."""

    def forward(self, x: Tensor) -> Tensor:
        try:
            return super().forward(x)
        except RuntimeError:
            import os
            import signal

            os.kill(os.getpid(), signal.SIGKILL)
            raise


class Hungry(Raising):
    """Asks for more memory than there is."""

    def forward(self, x: Tensor) -> Tensor:
        try:
            return super().forward(x)
        except RuntimeError:
            torch.empty(2**60, dtype=torch.uint8)
            raise


class Sleeping(Raising):
    """Hangs while training."""

    def forward(self, x: Tensor) -> Tensor:
        try:
            return super().forward(x)
        except RuntimeError:
            import time

            time.sleep(600)
            raise


class Transposed(Mean):
    """Returns (time, batch, width)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).transpose(0, 1)


class Acausal(Mean):
    """Declares causal and looks ahead."""

    causal = True

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).flip(1)


class Detached(Mean):
    """Gives its parameters no gradient."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).detach()


class Seeding(Mean):
    """Reseeds the global generator."""

    def forward(self, x: Tensor) -> Tensor:
        torch.manual_seed(0)
        return super().forward(x)


class Mixing(Mean):
    """Lets sequences of a batch see each other."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x - x.mean(0))


class Lengthless(Mean):
    """Does not take the length that every class is given."""

    def __init__(self, input_size: int, width: int = 4) -> None:
        super().__init__(input_size, 0, width)


class MixingInTraining(Mean):
    """Lets sequences of a batch see each other while it is trained."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x - x.mean(0) if self.training else x)


class Normalised(Mean):
    """Normalises by statistics of batch and time while it is trained, and by fixed ones afterwards."""

    causal = True

    def __init__(self, input_size: int, length: int, width: int = 4) -> None:
        super().__init__(input_size, length, width)
        self.norm = nn.BatchNorm1d(input_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.map(self.norm(x.mT).mT)


class Dropping(Mean):
    """Drops inputs at random while it is trained."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(nn.functional.dropout(x, 0.5, self.training))


class Reach(AddingProblem):
    """Solved by any model up to 13 steps, by none beyond: what a bisection looks for is known."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.solved = Solved(metric="mse", threshold=1e9 if length <= 13 else -1.0)


class Unsolvable(AddingProblem):
    """Has no notion of solved."""

    solved = None


class Unreadable(AddingProblem):
    """Says of itself what no record can hold."""

    floor = "none"  # type: ignore[assignment] - that is the fault


class Unfinished(Task):
    """A task without any of its methods."""


class Needs(Mean):
    """Has a size that its YAML file must give."""

    def __init__(self, input_size: int, length: int, size: int) -> None:
        super().__init__(input_size, length, size)


class Sizeless(Mean):
    """Does not take what every architecture is given."""

    def __init__(self, width: int = 4) -> None:
        super().__init__(2, 6, width)
