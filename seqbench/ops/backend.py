"""Which computation a recurrence runs on: the library's fused kernel, or ours, which ``torch.vmap`` can batch."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

_library: ContextVar[bool] = ContextVar("seqbench.ops.library", default=True)


@contextmanager
def library_kernels(enabled: bool) -> Iterator[None]:
    """Inside, recurrences run on torch's fused kernels (True, the default outside) or on ours (False).

    The fused kernels are the fastest for one model, and ``torch.vmap`` refuses them; ours are for populations.
    The choice is made when an op runs forward; its backward follows.
    """
    token = _library.set(enabled)
    try:
        yield
    finally:
        _library.reset(token)


def uses_library() -> bool:
    """Whether ops run on the library's kernels now."""
    return _library.get()


def kernel_name(library: str, ours: str, x: Tensor) -> str:
    """The computation that ops run on now for input ``x``, e.g. "torch.lstm (oneDNN)" or "seqbench.ops.lstm".

    Args:
        library: name of torch's function ("rnn_tanh", "rnn_relu", "lstm", "gru").
        ours: name of our module in ``seqbench.ops``.
        x: the input of the op; its device and dtype decide what torch runs.
    """
    if not uses_library():
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
