"""The bar that the engine must reach: a hand-tuned PyTorch loop for the adding problem, with nothing around it.

It knows one task and three architectures, measures nothing about training and checks nothing. It computes what the
engine computes: the same sizes, batch, clipping, optimiser and fresh data at every step.

Each choice was measured against its alternative (length 100, width 64, batch 64, one thread, denormal numbers flushed,
an AMD EPYC core; milliseconds per step, medians of 25 interleaved rounds of 3 steps): time-first against batch-first
layout rnn 11.3 to 11.7, gru 28.8 to 29.5, lstm 17.7 to 18.1; fused against foreach Adam 11.3 to 11.2, 28.8 to 29.5,
17.7 to 17.9. One batch of data takes 0.06 ms.

One difference is the library's: its layers carry two bias vectors where the engine's carry their sum.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

LIBRARY = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class BareLoop:
    """One recurrent layer, a linear head on its last output, mean squared error.

    Attributes:
        length: time steps of a sequence. batch_size: sequences per step.
    """

    def __init__(self, architecture: str, length: int, width: int, batch_size: int, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.length, self.batch_size = length, batch_size
        self.recurrence = LIBRARY[architecture](input_size=2, hidden_size=width)
        self.head = nn.Linear(width, 1)
        self.parameters = [*self.recurrence.parameters(), *self.head.parameters()]
        self.optimizer = torch.optim.Adam(self.parameters, lr=1e-3, fused=True)

    def step(self) -> Tensor:
        """One optimiser step on a fresh batch; returns the loss."""
        inputs, targets = adding_batch(self.length, self.batch_size)
        outputs, _ = self.recurrence(inputs)
        loss = nn.functional.mse_loss(self.head(outputs[-1]).squeeze(1), targets)
        self.optimizer.zero_grad()
        loss.backward()
        clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        return loss


def adding_batch(length: int, size: int) -> tuple[Tensor, Tensor]:
    """The adding problem (Hochreiter & Schmidhuber 1997): one marker in each half, the target is the marked sum.

    Returns:
        inputs (time, batch, 2): uniform values and markers. targets (batch,).

    >>> inputs, targets = adding_batch(length=9, size=64)
    >>> values, markers = inputs.unbind(2)
    >>> torch.equal((values * markers).sum(0), targets)
    True
    >>> markers[:4].sum(0).unique().tolist(), markers[4:].sum(0).unique().tolist()
    ([1.0], [1.0])
    """
    half = length // 2
    first = torch.randint(half, (1, size))
    second = torch.randint(half, length, (1, size))
    inputs = torch.zeros(length, size, 2)
    values, markers = inputs.unbind(2)
    values.uniform_()
    markers.scatter_(0, torch.cat((first, second)), 1.0)
    return inputs, values.gather(0, first).add_(values.gather(0, second)).squeeze(0)
