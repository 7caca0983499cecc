"""Architectures that train a few steps and then meet a fault of the machine; workers import them from here."""

import os
import resource
import time
from pathlib import Path

import torch
from torch import Tensor

from tests.toys import Mean, Raising


class Breaking(Raising):
    """Trains a few steps; then ``fault`` happens."""

    def forward(self, x: Tensor) -> Tensor:
        try:
            return super().forward(x)
        except RuntimeError:
            self.fault()
            return Mean.forward(self, x)

    def fault(self) -> None:
        raise NotImplementedError


class OutOfMemory(Breaking):
    """Its process may take no more than 64 MiB beyond what it has."""

    def fault(self) -> None:
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + (64 << 20), resource.RLIM_INFINITY))
        self.take()

    def take(self) -> None:
        bytearray(256 << 20)


class OutOfTensorMemory(OutOfMemory):
    def take(self) -> None:
        torch.empty(256 << 20, dtype=torch.uint8)


class OutOfDeviceMemory(Breaking):
    def fault(self) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 1.00 GiB free.")


class DeviceGone(Breaking):
    def fault(self) -> None:
        raise RuntimeError("CUDA error: unspecified launch failure")


class Leaving(Breaking):
    def fault(self) -> None:
        os._exit(0)


class Hanging(Breaking):
    def fault(self) -> None:
        time.sleep(600)


class HangingAtOnce(Mean):
    def forward(self, x: Tensor) -> Tensor:
        time.sleep(600)
        return super().forward(x)


class Jumping(Breaking):
    """The wall clock is set a day ahead, then two days back, while it trains."""

    jumps = 0

    def fault(self) -> None:
        self.jumps += 1
        days = 1 if self.jumps < 3 else -1
        real = time.clock_gettime
        time.time = lambda: real(time.CLOCK_REALTIME) + days * 86400.0
