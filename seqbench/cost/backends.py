"""Which computation a measurement runs on: the kernels of training, our loops, or what torch.compile makes."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from seqbench.ops import library_kernels
from seqbench.schema import Backend
from seqbench.spec import Architecture


@contextmanager
def running_on(backend: Backend, body: nn.Module) -> Iterator[str | None]:
    """Inside, ``body`` computes on that backend; the name of the kernel, None where the body itself tells it."""
    with nullcontext() if backend == "auto" else library_kernels(backend != "plain"):
        if backend != "compile":
            yield None
            return
        plain = body.forward
        # oneDNN's LSTM is one op that the compiler cannot take apart.
        without = torch.backends.mkldnn.flags(enabled=False) if streams_at_constant_size(body) else nullcontext()
        with without:
            try:
                yield _compile(body)
            finally:
                body.forward = plain


def streams_at_constant_size(body: Any) -> bool:
    """Whether the body can go step by step with a state that does not grow: whether it is a recurrence."""
    if not can_stream(body):
        return False
    try:
        return body.state_size(8) == body.state_size(16)
    except (AttributeError, NotImplementedError, TypeError):
        return False


def can_stream(body: Any) -> bool:
    """Whether the body has a ``step`` of its own."""
    step = getattr(type(body), "step", None)
    return step is not None and step is not Architecture.step


def _compile(body: Any) -> str:
    torch.compiler.reset()
    if not streams_at_constant_size(body):
        body.forward = torch.compile(body.forward, dynamic=False)
        return "torch.compile (forward)"
    step = torch.compile(body.step, dynamic=False)

    def forward(x: Tensor, lengths: Tensor | None = None) -> Tensor:
        outputs, state = [], None
        for x_t in x.unbind(1):
            output, state = step(x_t, state)
            outputs.append(output)
        return torch.stack(outputs, 1)

    body.forward = forward
    return "torch.compile (step), a loop in Python"
