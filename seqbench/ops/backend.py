"""Which computation a recurrence runs on: the library's fused kernel, or ours, which ``torch.vmap`` can batch."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

_library: ContextVar[bool | None] = ContextVar("seqbench.ops.library", default=None)

_OURS_FASTER_ON_CPU = ("gru",)
"""What torch trains with many small ops a step, so that our loops are well ahead at any width; by
bench/paired_kernels.py. For the RNN they are ahead by less, for the LSTM torch has oneDNN's kernel."""


@contextmanager
def library_kernels(enabled: bool) -> Iterator[None]:
    """Inside, recurrences run on torch's kernels (True) or on ours (False); outside, on what is faster for one model.

    ``torch.vmap`` refuses torch's kernels; ours are for populations too. Ours can be differentiated once.
    The choice is made when an op runs forward; its backward follows.
    """
    token = _library.set(enabled)
    try:
        yield
    finally:
        _library.reset(token)


def uses_library(library: str, x: Tensor) -> bool:
    """Whether the op that is torch's function ``library`` runs on the library's kernel now, for input ``x``."""
    enabled = _library.get()
    if enabled is not None:
        return enabled
    # A single step, as in streaming inference, has nothing that our loops could spare it, and they cost their start.
    streams = x.shape[1] == 1 and not torch.is_grad_enabled()
    return x.is_cuda or streams or library not in _OURS_FASTER_ON_CPU


def kernel_name(library: str, ours: str, x: Tensor) -> str:
    """The computation that ops run on now for input ``x``, e.g. "torch.lstm (oneDNN)" or "seqbench.ops.lstm".

    Args:
        library: name of torch's function ("rnn_tanh", "rnn_relu", "lstm", "gru").
        ours: name of our module in ``seqbench.ops``.
        x: the input of the op; its device and dtype decide what torch runs.
    """
    if not uses_library(library, x):
        return f"seqbench.ops.{ours}"
    if x.is_cuda and torch.backends.cudnn.is_acceptable(x):
        return f"torch.{library} (cuDNN)"
    # Of the recurrences only the LSTM has a oneDNN kernel, and none in double precision.
    if library == "lstm" and x.device.type == "cpu" and x.dtype is not torch.float64 and _onednn():
        return "torch.lstm (oneDNN)"
    return f"torch.{library}"


def _onednn() -> bool:
    # A bool until torch 2.12; a property-like object with its own truth later.
    return bool(torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled)
