"""Streaming inference: the time of one step and the size of what is carried, against the position in the sequence."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqbench.cost.backends import can_stream
from seqbench.cost.clock import Clock
from seqbench.layers import Network
from seqbench.spec import Batch

REPEATS = 15


def positions(length: int) -> list[int]:
    """Steps already taken when one is timed: powers of two, and all but the last.

    >>> positions(20)
    [1, 2, 4, 8, 16, 19]
    """
    return sorted({2**k for k in range(length.bit_length()) if 2**k < length} | ({length - 1} if length > 1 else set()))


@torch.no_grad()
def stream(network: Network, batch: Batch, clock: Clock) -> dict[str, np.ndarray] | None:
    """Steps of one sequence after so many others; None where the architecture cannot go step by step.

    Returns:
        "stream_position" (position,); "stream_s" (position, sample), seconds of one step of the architecture from the
        same state; "stream_state_bytes" (position,), of the tensors that are carried.
    """
    body: Any = network.body
    embedded = network.embed(batch.inputs[:1])  # (1, time, features)
    at = positions(embedded.shape[1])
    if not can_stream(body) or not at:
        return None
    seconds, sizes, state = [], [], None
    for index, x_t in enumerate(embedded.unbind(1)):
        if index in at:
            seconds.append(_timed(clock, body, x_t, state))
            sizes.append(sum(tensor.numel() * tensor.element_size() for tensor in _tensors(state)))
        _, state = body.step(x_t, state)
    return {
        "stream_position": np.array(at),
        "stream_s": np.array(seconds),
        "stream_state_bytes": np.array(sizes),
    }


def _timed(clock: Clock, body: Any, x_t: Tensor, state: Any) -> list[float]:
    clock(lambda: body.step(x_t, state))
    return [clock(lambda: body.step(x_t, state)) for _ in range(REPEATS)]


def _tensors(state: Any) -> Iterator[Tensor]:
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, dict):
        yield from _tensors(list(state.values()))
    elif isinstance(state, list | tuple):
        for item in state:
            yield from _tensors(item)
