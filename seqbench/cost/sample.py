"""All that one fresh process measures of a cell: the summary and the raw samples of a cost record.

Keys of the summary, beside those that every cost record had:

    forward_s, backward_s, step_s   median seconds of the forward pass without gradients, of forward and backward, and
                                    of the whole training step (backward, clipping, update), on batches made before
    flops, flops_are_bound          of the architecture's forward pass as it declares them; whether it does less, since
                                    it works at the answers only
    flops_counted                   as torch counts them, once a study, where they are a bound or not declared
    gemm_flops_per_s                float32 matrix product, in this process
    peak_forward_bytes, peak_bytes  of the forward pass alone, and of all; beside what torch itself needs
    stream_s, state_bytes           where streaming inference was measured: one step after all others but itself, and
                                    what it carries, for one sequence
    unflushed_s                     where denormal numbers were measured: the training step that does not flush them
    beside_cores                    processors that other processes used meanwhile
    stable                          whether warm-up ended because the times were stable
"""

from itertools import cycle
from typing import Any

import numpy as np
import torch

from seqbench.cost.backends import running_on
from seqbench.cost.clock import Clock, take_turns, warm_up
from seqbench.cost.denormals import flushed_and_unflushed
from seqbench.cost.memory import Beside, peak_memory, reserved_memory
from seqbench.cost.rate import counted_flops, declared_flops, energy_of, gemm_rate
from seqbench.cost.stream import stream
from seqbench.schema import Measurement
from seqbench.spec import Batch
from seqbench.train import Trainer

BATCHES = 8
"""Batches that are made before the clock starts and used in turn."""
PROTOCOL = 2
"""1 timed the training step only, once, with an interval over the steps of one process."""

Arrays = dict[str, np.ndarray]


def measure(trainer: Trainer, idle_bytes: int | None, measurement: Measurement) -> tuple[dict[str, Any], Arrays]:
    """Summary and raw samples (in seconds, warm-up apart) of one measurement.

    Args:
        trainer: a fresh trainer of one member.
        idle_bytes: peak memory of this process before the task and the model were built; None where unknown.
        measurement: what to measure.
    """
    with running_on(measurement.backend, trainer.population.member(0).body) as kernel:
        summary, arrays = _Sample(trainer, measurement).take(idle_bytes)
    summary["kernel"] = kernel or summary["kernel"]
    if measurement.backend == "compile":  # the compiler works in this process too
        summary |= {"peak_bytes": None, "peak_forward_bytes": None}
    return summary, arrays


class _Sample:
    def __init__(self, trainer: Trainer, measurement: Measurement) -> None:
        self.trainer, self.measurement = trainer, measurement
        self.population, self.network = trainer.population, trainer.population.member(0)
        self.clock, self.beside = Clock(self.population.device), Beside()
        self.batches: list[list[Batch]] = []
        self.data_s = np.array([self.clock(self._make_batch) for _ in range(BATCHES)])
        self.taken = cycle(self.batches)
        self.index = 0

    def _make_batch(self) -> None:
        self.batches.append(self.trainer.batches(len(self.batches) % self.trainer.budget))

    def forward(self) -> None:
        with torch.no_grad():
            self.network(next(self.taken)[0])

    def forward_backward(self) -> None:
        self.population.backward(self.population.losses(next(self.taken)))

    def step(self) -> None:
        self.trainer.update(self.index % self.trainer.budget, next(self.taken))
        self.index += 1

    def take(self, idle_bytes: int | None) -> tuple[dict[str, Any], Arrays]:
        self.forward()
        self.population.synchronise()
        summary: dict[str, Any] = {"peak_forward_bytes": self._above(idle_bytes)}
        warm = warm_up(self.clock, self.step, 1.5 * self.measurement.seconds)
        arrays = {"warmup_s": warm.seconds, "data_s": self.data_s}
        summary |= self._about() | {"stable": warm.stable}
        summary |= self._denormals(arrays) if self.measurement.what == "denormals" else self._steps(arrays)
        summary["kernel"] = self.population.kernel  # of the samples; what comes below may run on others
        summary |= {"peak_bytes": self._above(idle_bytes), "reserved_bytes": reserved_memory(self.clock.device)}
        if self.measurement.what == "step":
            summary |= self._yardsticks(arrays)
        return summary | {"beside_cores": self.beside.cores()}, arrays

    def _about(self) -> dict[str, Any]:
        size, length = self.trainer.train.batch_size, self.trainer.task.length
        return {
            "protocol": PROTOCOL,
            "batch_size": size,
            "length": length,
            "parameters": self.population.num_parameters,
            "flops": declared_flops(self.network.body, size, length),
            "flops_are_bound": bool(getattr(self.network.body, "reads_positions", False)),
            "data_s": float(np.median(self.data_s)),
        }

    def _steps(self, arrays: Arrays) -> dict[str, Any]:
        calls = {"forward_s": self.forward, "backward_s": self.forward_backward, "step_s": self.step}
        arrays |= take_turns(self.clock, calls, self.measurement.seconds)
        summary: dict[str, Any] = {name: _median(arrays[name]) for name in calls}
        rate, size = 1 / summary["step_s"]["median"], self.trainer.train.batch_size
        tokens = size * self.trainer.task.length
        rates = {"steps_per_s": rate, "sequences_per_s": rate * size, "tokens_per_s": rate * tokens}
        return summary | {name: {"median": value} for name, value in rates.items()}

    def _denormals(self, arrays: Arrays) -> dict[str, Any]:
        found = flushed_and_unflushed(self.trainer, self.step, self.clock, self.measurement.seconds)
        if found is None:
            return {"step_s": None, "unflushed_s": None}
        arrays |= found
        return {"step_s": _median(found["flushed_s"]), "unflushed_s": _median(found["unflushed_s"])}

    def _yardsticks(self, arrays: Arrays) -> dict[str, Any]:
        """What the samples are compared with; measured last, so that it is no part of the peak memory."""
        summary: dict[str, Any] = {"energy_j": energy_of(self.step, self.clock.device)}
        summary["gemm_flops_per_s"], arrays["gemm_s"] = gemm_rate(self.clock)
        if self.measurement.streaming:
            found = stream(self.network, self.batches[0][0], self.clock)
            arrays |= found or {}
            if found is not None:
                summary["stream_s"] = _median(found["stream_s"][-1])
                summary["state_bytes"] = int(found["stream_state_bytes"][-1])
        if self._counts():
            summary["flops_counted"] = counted_flops(self.network, self.batches[0][0])
        return summary

    def _counts(self) -> bool:
        """Whether FLOPs are counted: what is declared is no measure, and no other round does it."""
        asked, body = self.measurement, self.network.body
        unknown = getattr(body, "reads_positions", False) or declared_flops(body, 1, 1) is None
        return unknown and asked.round == 0 and not asked.twin and asked.backend != "compile"

    def _above(self, idle_bytes: int | None) -> int | None:
        peak = peak_memory(self.clock.device)
        return None if peak is None or idle_bytes is None else peak - idle_bytes


def _median(samples: np.ndarray) -> dict[str, float]:
    return {"median": float(np.median(samples))}
