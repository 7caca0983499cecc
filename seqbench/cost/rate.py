"""What the processor could do, and what a model asks of it: the rate of a plain matrix product, FLOPs, energy."""

import time
from typing import Any

import numpy as np
import torch

from seqbench.cost.clock import Call, Clock
from seqbench.layers import Network
from seqbench.ops import library_kernels
from seqbench.spec import Batch

GEMM_SIZE = {"cpu": 1024, "cuda": 8192}
"""Rows of the square float32 matrices: three of them do not fit the cache of one core, their blocks do."""
GEMM_CALLS = 7
ENERGY_S = 1.0
"""Seconds of training steps whose energy is read: the counter of a GPU moves some ten times a second."""


def gemm_rate(clock: Clock) -> tuple[float, np.ndarray]:
    """Median FLOP/s of the product of two square float32 matrices, and its samples in seconds."""
    size = GEMM_SIZE.get(clock.device.type, GEMM_SIZE["cpu"])
    a, b = torch.randn(2, size, size, device=clock.device)  # random: a product of zeros takes less power and time
    out = torch.empty_like(a)
    clock(lambda: torch.mm(a, b, out=out))
    seconds = np.array([clock(lambda: torch.mm(a, b, out=out)) for _ in range(GEMM_CALLS)])
    return 2 * size**3 / float(np.median(seconds)), seconds


def declared_flops(body: Any, batch: int, length: int) -> int | None:
    """``flops`` of the architecture; None where it does not declare any."""
    try:
        return int(body.flops(batch, length))
    except (AttributeError, NotImplementedError, TypeError):
        return None


def counted_flops(network: Network, batch: Batch) -> int | None:
    """FLOPs of the matrix products of one forward pass as torch counts them; None where it counts nothing.

    torch's counter sees neither a fused LSTM nor fused attention, for which it finds 0: the pass that is counted runs
    on our loops and on unfused attention. The counter takes two seconds to load.
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    one = Batch._make(field if field is None else field[:1] for field in batch)
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), library_kernels(False), sdpa_kernel(SDPBackend.MATH), counter:
        network(one)
    return counter.get_total_flops() * batch.inputs.shape[0] or None


def energy_of(call: Call, device: torch.device) -> float | None:
    """Joules of one call on a GPU by its own counter (NVML); None on the CPU, and without pynvml or the counter."""
    if device.type != "cuda":
        return None
    try:
        import pynvml as nvml  # pyright: ignore[reportMissingImports] - an extra

        nvml.nvmlInit()
        # CUDA numbers the visible devices, NVML all: their UUID is the same.
        handle = nvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
        before = nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except Exception:  # NVML's own exception class exists only where pynvml does
        return None
    calls, began = 0, time.perf_counter()
    while time.perf_counter() - began < ENERGY_S:
        call()
        torch.cuda.synchronize(device)
        calls += 1
    return (nvml.nvmlDeviceGetTotalEnergyConsumption(handle) - before) / 1e3 / calls
