"""Simulated records of a cost study: known laws of growth, known noise; nothing here was measured."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from seqbench.record.record import cell_id, run_id
from seqbench.schema import Measurement, Record
from tests import simulated
from tests.simulated import Arrays

LENGTHS = (32, 64, 128, 256, 512)
# Seconds of a training step: start + linear * length + quadratic * length^2.
LAWS = {
    "rnn": (0.4e-3, 0.05e-3, 0.0),
    "lstm": (0.6e-3, 0.2e-3, 0.0),
    "gru": (0.6e-3, 0.3e-3, 0.0),
    "attention": (0.9e-3, 0.31e-3, 0.5e-7),
    "transformer": (1.5e-3, 0.05e-3, 1.2e-6),
}
GEMM = 9e10


def seconds(model: str, length: int) -> float:
    """The true time of a training step."""
    start, linear, quadratic = LAWS[model]
    return start + linear * length + quadratic * length**2


def sample(model: str, noise: float = 0.02, **asked: Any) -> tuple[Record, Arrays]:
    """One measurement of one round; noise that a round has in common is four times that of a sample."""
    made = Measurement(**{"length": 64, **asked})
    length = made.length or 64
    common = simulated.rng("round", made.round).normal(0, 4 * noise)
    random = simulated.rng(model, *map(str, asdict(made).values()))
    step = seconds(model, length) * float(np.exp(common + random.normal(0, noise)))
    arrays = {"step_s": np.full(5, step), "warmup_s": np.full(3, step)}
    summary = _summary(model, made, length, step)
    axes: dict[str, tuple[str, ...]] = dict.fromkeys(arrays, ("sample",))
    if made.streaming:
        found = _streamed(model, length)
        arrays, axes = arrays | found, axes | {"stream_position": ("position",), "stream_s": ("position", "sample")}
        axes["stream_state_bytes"] = ("position",)
        summary |= {"state_bytes": int(found["stream_state_bytes"][-1])}
        summary |= {"stream_s": {"median": float(found["stream_s"][-1, 0])}}
    base = simulated.base("adding_50", model, None, "cost")
    began = datetime.fromisoformat(base.started_at) + timedelta(minutes=made.round)
    config = {**base.config, "cost": asdict(made)}
    record = replace(
        base,
        config=config,
        run_id=run_id(config, None, "cost"),
        cell_id=cell_id({**base.config, "cost": made.setting()}),
        summary=summary,
        arrays=axes,
        started_at=began.isoformat(),
        duration_s=0.5,
    )
    return record, arrays


def _summary(model: str, made: Measurement, length: int, step: float) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "protocol": 2,
        "length": length,
        "batch_size": 64,
        "parameters": simulated.MODELS[model],
        "kernel": f"torch.{model}",
        "flops": 1_000_000 * length * (1 + length // 64 if model == "transformer" else 1),
        "flops_are_bound": model == "attention",
        "data_s": 1e-4,
        "stable": True,
        "beside_cores": 0.01,
        "step_s": {"median": step},
        "peak_bytes": (3 + length // 20 * (1 + length // 128 if model == "transformer" else 1)) * 2**20,
    }
    if made.what == "denormals":
        return summary | {"unflushed_s": {"median": step * (3.0 if model == "gru" else 1.0)}}
    rates = {"steps_per_s": 1 / step, "sequences_per_s": 64 / step, "tokens_per_s": 64 * length / step}
    summary |= {name: {"median": value} for name, value in rates.items()}
    summary |= {"forward_s": {"median": step / 3}, "backward_s": {"median": 0.9 * step}, "gemm_flops_per_s": GEMM}
    return summary | {"peak_forward_bytes": 2**20, "energy_j": None, "reserved_bytes": None}


def _streamed(model: str, length: int) -> Arrays:
    position = np.array([2**k for k in range(12) if 2**k < length - 1] + [length - 1])
    grows = model in ("attention", "transformer")
    time = 1e-4 * (1 + (position / 300 if grows else 0 * position))
    return {
        "stream_position": position,
        "stream_s": np.repeat(time[:, None], 3, axis=1),
        "stream_state_bytes": 256 * position if grows else np.full(position.shape, 256),
    }


def study(rounds: int = 8, lengths: tuple[int, ...] = LENGTHS, models: tuple[str, ...] = tuple(LAWS),
          backends: tuple[Any, ...] = ("auto",)) -> Iterator[tuple[Record, Arrays]]:  # fmt: skip
    """Every measurement of a full study."""
    middle = lengths[(len(lengths) - 1) // 2]
    for number in range(rounds):
        for model in models:
            for backend in backends:
                for length in lengths:
                    streaming = length == lengths[-1] and backend == "auto"
                    yield sample(model, length=length, backend=backend, streaming=streaming, round=number)
                yield sample(model, what="denormals", length=middle, backend=backend, round=number)
        yield sample(models[0], length=middle, twin=True, round=number)
