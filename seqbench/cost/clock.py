"""Seconds of a call on a device, warm-up until they are stable, and the samples after it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

WINDOW_S = 0.03
"""Seconds of calls whose median is one window of the warm-up; a longer call is a window by itself."""
WINDOWS = 3
AGREE = 0.02
"""The warm-up ends when the largest of the last ``WINDOWS`` medians exceeds the smallest by no more than this share."""
FEWEST = 5
"""Timed calls at least, however long one takes."""

Call = Callable[[], object]


class Clock:
    """Seconds from the start of a call to the end of all it began: by events of a GPU, by the clock of a CPU."""

    def __init__(self, device: torch.device | str) -> None:
        self.device = torch.device(device)

    def __call__(self, call: Call) -> float:
        """Seconds of one call."""
        if self.device.type != "cuda":
            began = time.perf_counter()
            call()
            return time.perf_counter() - began
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        torch.cuda.synchronize(self.device)
        start.record()
        call()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1e3


@dataclass(frozen=True)
class WarmUp:
    """The samples that are thrown away.

    Attributes:
        seconds: of every call.
        stable: whether the windows agreed before the time was up.
    """

    seconds: np.ndarray
    stable: bool


def warm_up(clock: Clock, call: Call, limit_s: float) -> WarmUp:
    """Call until the medians of three consecutive windows agree within 2 %, at most for about ``limit_s`` seconds."""
    seconds: list[float] = []
    medians: list[float] = []
    began = time.perf_counter()
    while not (stable := _agree(medians)) and (len(medians) < WINDOWS or time.perf_counter() - began < limit_s):
        window = [clock(call)]
        while sum(window) < WINDOW_S:
            window.append(clock(call))
        seconds += window
        medians.append(float(np.median(window)))
    return WarmUp(np.array(seconds), stable)


def _agree(medians: list[float]) -> bool:
    """Whether the last windows do.

    >>> _agree([9.0, 1.0, 1.01, 1.02]), _agree([1.0, 1.0]), _agree([1.0, 1.0, 1.1])
    (True, False, False)
    """
    last = medians[-WINDOWS:]
    return len(last) == WINDOWS and max(last) <= (1 + AGREE) * min(last)


def take_turns(clock: Clock, calls: Mapping[str, Call], seconds: float) -> dict[str, np.ndarray]:
    """Samples of several calls that take turns, for so many seconds together and at least five turns."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    spent, turns = 0.0, 0
    while turns < FEWEST or spent < seconds:
        for name, call in calls.items():
            found[name].append(clock(call))
            spent += found[name][-1]
        turns += 1
    return {name: np.array(samples) for name, samples in found.items()}
