"""How much memory a process has needed, and how much of the processors others used beside it."""

import os
import time
from pathlib import Path

import torch


def peak_memory(device: torch.device | str) -> int | None:
    """Peak bytes: of the caching allocator on a GPU, of this process's resident memory on the CPU; None if untold.

    VmHWM and not ``ru_maxrss``, which a child inherits from the process that started it.
    """
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), None)


def reserved_memory(device: torch.device | str) -> int | None:
    """Peak bytes that the caching allocator of a GPU took from it; None on the CPU."""
    return torch.cuda.max_memory_reserved(device) if torch.device(device).type == "cuda" else None


def settle(device: torch.device | str) -> int | None:
    """Load what torch loads at its first product and gradient; returns the peak memory after it.

    What a model needs is counted from there, so that no model is charged for libraries.
    """
    a = torch.ones(8, 8, device=device, requires_grad=True)
    (a @ a).sum().backward()
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
    return peak_memory(device)


class Beside:
    """Processors that other processes kept busy since this object was made; None where the system does not tell."""

    def __init__(self) -> None:
        self._busy, self._own, self._began = _busy_s(), time.process_time(), time.monotonic()

    def cores(self) -> float | None:
        """Their mean number. The kernel counts in hundredths of a second, and what it does for us counts as others'."""
        busy, elapsed = _busy_s(), time.monotonic() - self._began
        if busy is None or self._busy is None or elapsed <= 0:
            return None
        return max(0.0, busy - self._busy - (time.process_time() - self._own)) / elapsed


def _busy_s() -> float | None:
    """Seconds that all processors together were not idle since the machine started (the first line of /proc/stat)."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
        user, nice, system, _idle, _wait, irq, softirq = map(int, fields[1:8])
    except (OSError, ValueError):
        return None
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")
