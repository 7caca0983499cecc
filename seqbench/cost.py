"""What a model costs: optimiser steps per second and peak memory, in a process that does nothing else."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import binom

from seqbench.evaluate import evaluate
from seqbench.train import Trainer

WARM_UP_STEPS = 5
WARM_UP_S = 0.3
MEASURE_STEPS = 20
MEASURE_S = 1.2
LEVEL = 0.99
CALIBRATION_STEPS = 5


def measure(trainer: Trainer, idle_bytes: int | None) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Time the training step of one cell.

    A timed sample is one optimiser step (forward, backward, clipping, update) on a batch that was generated before
    the clock started; generation is timed apart. Warm-up samples are kept apart.

    Args:
        trainer: a fresh trainer.
        idle_bytes: peak memory of this process before the task and the model were built; None where unknown.

    Returns:
        summary (rates with the interval of their median at level 0.99) and raw samples in seconds.
    """
    step = _Step(trainer)
    warm_up = _sample(step, WARM_UP_STEPS, WARM_UP_S)
    step.data_s.clear()
    timed = _sample(step, MEASURE_STEPS, MEASURE_S)
    peak = peak_memory(trainer.population.device)
    task, size = trainer.task, trainer.train.batch_size
    low, high = median_interval(timed, LEVEL)
    seconds = {"median": float(np.median(timed)), "low": low, "high": high}
    rate = {"median": 1 / seconds["median"], "low": 1 / high, "high": 1 / low}
    summary = {
        "step_s": seconds,
        "steps_per_s": rate,
        "sequences_per_s": {key: value * size for key, value in rate.items()},
        "tokens_per_s": {key: value * size * task.length for key, value in rate.items()},
        "data_s": float(np.median(step.data_s)),
        "peak_bytes": peak - idle_bytes if peak is not None and idle_bytes is not None else None,
        "parameters": trainer.population.num_parameters,
        "batch_size": size,
        "length": task.length,
        "kernel": trainer.population.kernel,
        "level": LEVEL,
    }
    return summary, {"step_s": timed, "warmup_s": warm_up, "data_s": np.array(step.data_s)}


def calibrate(trainer: Trainer) -> dict[str, float]:
    """Rough seconds of one training step (data included) and of one validation evaluation, for the estimate of time."""
    step = _Step(trainer)
    step()
    step.data_s.clear()
    seconds = [step() for _ in range(CALIBRATION_STEPS)]
    step_s = float(np.median(np.add(seconds, step.data_s)))
    device, size = trainer.population.device, trainer.train.evaluate_batch
    batches = list(trainer.task.examples("validation", size, device))
    began = time.perf_counter()
    evaluate(trainer.population, batches[:1])
    trainer.population.synchronise()
    return {"step_s": step_s, "evaluate_s": (time.perf_counter() - began) * len(batches)}


def median_interval(samples: np.ndarray, level: float) -> tuple[float, float]:
    """Distribution-free interval of the median from order statistics (binomial; e.g. Conover 1999, section 3.2).

    >>> median_interval(np.arange(1.0, 21.0), 0.99)
    (4.0, 17.0)
    """
    ordered = np.sort(samples)
    k = int(binom.ppf((1 - level) / 2, len(ordered), 0.5))
    return float(ordered[max(k - 1, 0)]), float(ordered[min(len(ordered) - k, len(ordered) - 1)])


def peak_memory(device: torch.device) -> int | None:
    """Peak bytes: of the caching allocator on a GPU, of this process's resident memory on the CPU; None if untold.

    VmHWM and not ``ru_maxrss``, which a child inherits from the process that started it.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), None)


class _Step:
    """One training step whose batch is made before the clock starts."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.data_s: list[float] = []
        self.index = 0

    def __call__(self) -> float:
        index = self.index % self.trainer.budget
        began = time.perf_counter()
        batches = self.trainer.batches(index)
        self.trainer.population.synchronise()
        ready = time.perf_counter()
        self.trainer.update(index, batches)
        self.trainer.population.synchronise()
        self.index += 1
        self.data_s.append(ready - began)
        return time.perf_counter() - ready


def _sample(step: _Step, least_steps: int, least_s: float) -> np.ndarray:
    samples: list[float] = []
    while len(samples) < least_steps or sum(samples) < least_s:
        samples.append(step())
    return np.array(samples)
