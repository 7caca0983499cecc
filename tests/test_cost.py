import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from seqbench.config import compose
from seqbench.cost import denormals, rate, sample
from seqbench.cost.backends import can_stream, running_on, streams_at_constant_size
from seqbench.cost.calibrate import calibrate
from seqbench.cost.clock import AGREE, Clock, take_turns, warm_up
from seqbench.cost.memory import Beside, peak_memory, settle
from seqbench.cost.rate import counted_flops, energy_of, gemm_rate
from seqbench.cost.sample import measure
from seqbench.cost.stream import positions, stream
from seqbench.report.costs import TRAINING
from seqbench.schema import Backend, Measurement
from seqbench.sweep.cell import build_task, build_trainer
from seqbench.train import Trainer
from tests.toys import cell

ROOT = Path(__file__).parents[1]
CPU = Clock("cpu")
MODELS = ("rnn", "lstm", "gru", "attention", "transformer")
QUICK = Measurement(seconds=0.01)


def trainer(name: str = "Mean") -> Trainer:
    made = cell(name)
    return build_trainer(made, build_task(made), (0,))


def real(model: str, *words: str, length: int = 24) -> Trainer:
    study = compose(["task=adding_problem", f"task.length={length}", f"model={model}", "device=cpu", *words])
    (made,) = study.cells
    return build_trainer(made, build_task(made), (0,))


# ------------------------------------------------------------------ time


class Waits:
    """Calls that take the times given, by a clock that they move."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *seconds: float) -> None:
        self.now, self.seconds, self.calls = 0.0, list(seconds), 0
        monkeypatch.setattr("seqbench.cost.clock.time.perf_counter", lambda: self.now)

    def __call__(self) -> None:
        self.now += self.seconds[min(self.calls, len(self.seconds) - 1)]
        self.calls += 1


def test_the_warm_up_ends_when_three_windows_agree(monkeypatch: pytest.MonkeyPatch):
    call = Waits(monkeypatch, 3.0, 2.0, 1.0, 1.0 + AGREE / 2, 1.0, 9.0)
    found = warm_up(CPU, call, limit_s=60.0)
    assert found.stable
    assert list(found.seconds) == pytest.approx([3.0, 2.0, 1.0, 1.0 + AGREE / 2, 1.0])


def test_a_warm_up_that_never_agrees_ends_at_its_limit_and_says_so(monkeypatch: pytest.MonkeyPatch):
    call = Waits(monkeypatch, *(1.0 + index % 2 for index in range(100)))
    found = warm_up(CPU, call, limit_s=10.0)
    assert not found.stable
    assert 10.0 <= found.seconds.sum() <= 12.0


def test_short_calls_share_a_window(monkeypatch: pytest.MonkeyPatch):
    call = Waits(monkeypatch, 0.001)
    assert len(warm_up(CPU, call, limit_s=1.0).seconds) >= 3 * 30


def test_calls_that_take_turns_are_called_equally_often_and_five_times_at_least(monkeypatch: pytest.MonkeyPatch):
    call = Waits(monkeypatch, 1.0)
    found = take_turns(CPU, {"a": call, "b": call}, seconds=0.0)
    assert {name: len(samples) for name, samples in found.items()} == {"a": 5, "b": 5}
    assert len(take_turns(CPU, {"a": call}, seconds=7.5)["a"]) == 8


def test_generation_of_batches_is_outside_the_timed_step(monkeypatch: pytest.MonkeyPatch):
    slow = trainer()
    original = slow.batches

    def batches(index: int) -> list:
        time.sleep(0.02)
        return original(index)

    monkeypatch.setattr(slow, "batches", batches)
    summary, arrays = measure(slow, None, QUICK)
    assert summary["data_s"] >= 0.02
    assert arrays["step_s"].min() < 0.02


def test_the_update_is_inside_the_timed_step_and_outside_forward_and_backward(monkeypatch: pytest.MonkeyPatch):
    slow = trainer()
    original = slow.optimizer.step

    def step(*words: Any) -> torch.Tensor:
        time.sleep(0.02)
        return original(*words)

    monkeypatch.setattr(slow.optimizer, "step", step)
    _, arrays = measure(slow, None, QUICK)
    assert arrays["step_s"].min() >= 0.02
    assert arrays["backward_s"].min() < 0.02


# ------------------------------------------------------------------ what a sample holds


def test_rates_follow_from_the_raw_samples():
    summary, arrays = measure(trainer(), settle("cpu"), QUICK)
    for key in ("forward_s", "backward_s", "step_s"):
        assert summary[key]["median"] == np.median(arrays[key])
        assert len(arrays[key]) >= 5
    assert summary["steps_per_s"]["median"] == pytest.approx(1 / np.median(arrays["step_s"]))
    assert summary["tokens_per_s"]["median"] == pytest.approx(4 * 6 * summary["steps_per_s"]["median"])
    assert summary["gemm_flops_per_s"] == pytest.approx(2 * 1024**3 / np.median(arrays["gemm_s"]))
    assert len(arrays["warmup_s"]) >= 3
    assert summary["peak_bytes"] >= summary["peak_forward_bytes"] >= 0


def test_where_memory_before_is_unknown_none_is_told():
    summary, _ = measure(trainer(), None, QUICK)
    assert summary["peak_bytes"] is None
    assert summary["peak_forward_bytes"] is None


def measured_alone() -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    return measure(real("transformer", length=100), settle("cpu"), Measurement(seconds=0.3))


def test_backward_costs_more_than_forward_and_memory_of_training_more_than_of_inference():
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:  # here an earlier test may have peaked higher
        summary, arrays = fresh.submit(measured_alone).result()
    assert arrays["forward_s"].min() < arrays["backward_s"].min()
    assert summary["peak_bytes"] > summary["peak_forward_bytes"] + 2**20


def test_what_others_do_beside_is_told_in_processors(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("seqbench.cost.memory._busy_s", iter([100.0, 103.0]).__next__)
    monkeypatch.setattr("seqbench.cost.memory.time.process_time", iter([1.0, 2.0]).__next__)
    monkeypatch.setattr("seqbench.cost.memory.time.monotonic", iter([50.0, 54.0]).__next__)
    assert Beside().cores() == pytest.approx((3.0 - 1.0) / 4.0)


def test_peak_memory_sees_an_allocation_of_this_process():
    before = peak_memory("cpu")
    assert before is not None
    block = np.ones(200 * 2**20 // 8)
    after = peak_memory("cpu")
    assert after is not None
    assert block.nbytes * 0.5 < after - before or after > 2 * block.nbytes  # an earlier test may have peaked higher


# ------------------------------------------------------------------ FLOPs and energy


@pytest.mark.parametrize("model", MODELS)
def test_declared_flops_are_those_that_torch_counts(model: str):
    made = real(model, *(["model.reset=after"] if model in ("gru", "attention") else []))
    network, batch = made.population.member(0), made.batches(0)[0]
    length, size = batch.inputs.shape[1], batch.inputs.shape[0]
    head = 2 * size * network.head.weight.numel() * batch.positions.shape[1]
    declared = network.body.flops(size, length)  # type: ignore[operator]
    counted = counted_flops(network, batch)
    assert counted is not None
    if model == "attention":
        assert counted < declared
        network._reads_positions = False  # asked for every step, as what it declares is
        counted = counted_flops(network, batch)
    assert counted == declared + head


@pytest.mark.parametrize("model", MODELS)
def test_a_training_step_has_three_times_the_flops_of_a_forward_pass(model: str):
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    made = real(model, "model.width=32")
    batches = made.batches(0)
    counter = FlopCounterMode(display=False)
    # oneDNN's LSTM is not counted, and our attention recomputes its weights: each on what torch can count.
    kernels = running_on("plain" if model == "lstm" else "library", made.population.member(0).body)
    with kernels, sdpa_kernel(SDPBackend.MATH), counter:
        made.population.backward(made.population.losses(batches))
    forward = counted_flops(made.population.member(0), batches[0])
    assert forward is not None
    assert counter.get_total_flops() == pytest.approx(TRAINING * forward, rel=0.05)


def test_flops_are_counted_where_what_is_declared_is_only_a_bound_and_in_the_first_round_alone():
    first, _ = measure(real("attention"), None, QUICK)
    later, _ = measure(real("attention"), None, replace(QUICK, round=1))
    plain, _ = measure(real("gru"), None, QUICK)
    assert first["flops_are_bound"]
    assert 0 < first["flops_counted"] < first["flops"]
    assert "flops_counted" not in later
    assert "flops_counted" not in plain
    assert not plain["flops_are_bound"]


def test_the_rate_of_a_product_is_plausible():
    found, seconds = gemm_rate(CPU)
    assert 1e9 < found < 1e13
    assert len(seconds) == rate.GEMM_CALLS


def test_without_a_gpu_no_energy_is_told():
    assert energy_of(lambda: None, torch.device("cpu")) is None


# ------------------------------------------------------------------ streaming


def test_positions_are_powers_of_two_and_the_last():
    assert positions(1) == []
    assert positions(9) == [1, 2, 4, 8]
    assert positions(100) == [1, 2, 4, 8, 16, 32, 64, 99]


@pytest.mark.parametrize(("model", "grows"), [("rnn", False), ("lstm", False), ("gru", False), ("attention", True),
                                              ("transformer", True)])  # fmt: skip
def test_the_carried_state_has_the_declared_size_at_every_position(model: str, grows: bool):
    made = real(model)
    network, batch = made.population.member(0), made.batches(0)[0]
    found = stream(network, batch, CPU)
    assert found is not None
    assert found["stream_s"].shape == (len(found["stream_position"]), 15)
    sizes = found["stream_state_bytes"] / 4
    assert (np.diff(sizes) > 0).all() == grows
    declared = [network.body.state_size(int(at)) for at in found["stream_position"]]  # type: ignore[operator]
    assert list(sizes) == declared


def test_an_architecture_without_steps_streams_nothing():
    made = trainer()
    assert not can_stream(made.population.member(0).body)
    assert stream(made.population.member(0), made.batches(0)[0], CPU) is None
    summary, arrays = measure(trainer(), None, replace(QUICK, streaming=True))
    assert "state_bytes" not in summary
    assert "stream_s" not in arrays


# ------------------------------------------------------------------ backends


@pytest.mark.parametrize(("backend", "kernel"), [("library", "torch.rnn_tanh"), ("plain", "seqbench.ops.rnn")])
def test_a_backend_runs_and_names_its_kernel(backend: Backend, kernel: str):
    summary, _ = measure(real("rnn"), None, replace(QUICK, backend=backend))
    assert summary["kernel"] == kernel


def test_what_training_uses_is_what_is_measured_unless_another_is_asked_for():
    made = real("gru", "model.reset=after")
    made.step(0)
    trained_on = made.population.kernel
    summary, _ = measure(real("gru", "model.reset=after"), None, QUICK)
    other, _ = measure(real("gru", "model.reset=after"), None, replace(QUICK, backend="library"))
    assert summary["kernel"] == trained_on
    assert other["kernel"] == "torch.gru"


def test_the_kernel_named_is_that_of_the_samples_and_not_of_what_counts_flops():
    summary, _ = measure(real("attention", "model.reset=after"), None, replace(QUICK, backend="library"))
    assert summary["kernel"].startswith("torch.gru")


def test_only_recurrences_have_a_state_of_constant_size():
    constant = {model for model in MODELS if streams_at_constant_size(real(model).population.member(0).body)}
    assert constant == {"rnn", "lstm", "gru"}


COMPILED = """
import torch
from seqbench.cost.backends import running_on
from tests.test_cost import real
made = real("lstm", "model.width=8", length=6)
network, batch = made.population.member(0), made.batches(0)[0]
expected, forward = network(batch), network.body.forward
with running_on("compile", network.body) as kernel:
    found = network(batch)
    found.sum().backward()
assert kernel == "torch.compile (step), a loop in Python", kernel
assert network.body.forward == forward
assert network.body.layers[0].weight_hidden.grad.abs().sum() > 0
print(float((found - expected).abs().max()) < 1e-5)
"""


@pytest.mark.slow
def test_what_the_compiler_makes_computes_the_same():
    # In a process of its own: here every annotated call is checked, and the compiler cannot follow the checks.
    words = [sys.executable, "-c", COMPILED]
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=200, cwd=ROOT, env=os.environ | {"PYTHONPATH": "."}
    )
    assert done.stdout.strip() == "True", done.stderr


# ------------------------------------------------------------------ denormal numbers


def test_gradients_are_denormal_where_they_are_not_flushed_and_zero_where_they_are():
    made, modes = real("gru"), []
    arriving: dict[bool, torch.Tensor] = {}

    def keep(module: nn.Module, given: tuple[torch.Tensor]) -> None:
        given[0].register_hook(lambda grad: arriving.__setitem__(modes[-1], grad.clone()))

    def step() -> None:
        modes.append(bool(torch.tensor(1e-39) * 1 == 0))
        made.update(0, made.batches(0))

    made.population.member(0).head.register_forward_pre_hook(keep)  # type: ignore[arg-type]
    arrays = denormals.flushed_and_unflushed(made, step, CPU, 0.0)
    assert arrays is not None
    assert len(arrays["flushed_s"]) == len(arrays["unflushed_s"]) == modes.count(True) - 1 == modes.count(False) - 1
    assert (arriving[True] == 0).all()
    torch.set_flush_denormal(False)
    try:
        sizes = arriving[False].abs()
        assert 0 < float(sizes.max()) < torch.finfo(torch.float32).tiny
    finally:
        torch.set_flush_denormal(True)


def test_after_denormals_were_measured_they_are_flushed_again():
    summary, arrays = measure(real("rnn"), None, replace(QUICK, what="denormals"))
    assert float(torch.tensor(1e-39) * 1) == 0.0
    assert {"step_s", "unflushed_s"} <= summary.keys()
    assert {"flushed_s", "unflushed_s"} <= arrays.keys()


def test_steps_with_denormals_change_no_weight_so_that_all_are_alike():
    made = real("rnn")
    body, batches = made.population.member(0).body, made.batches(0)
    before = [parameter.clone() for parameter in body.parameters()]
    denormals.flushed_and_unflushed(made, lambda: made.update(0, batches), CPU, 0.0)
    assert all(torch.equal(now, old) for now, old in zip(body.parameters(), before, strict=True))


def test_where_a_processor_cannot_flush_nothing_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("seqbench.cost.denormals.torch.set_flush_denormal", lambda mode: False)
    summary, _ = measure(real("rnn"), None, replace(QUICK, what="denormals"))
    assert summary["unflushed_s"] is None


# ------------------------------------------------------------------ calibration


def test_calibration_returns_positive_seconds():
    assert all(seconds > 0 for seconds in calibrate(trainer()).values())


def test_batches_are_used_in_turn(monkeypatch: pytest.MonkeyPatch):
    made, seen = trainer(), []
    original: Callable = made.update
    monkeypatch.setattr(made, "update", lambda index, batches: (seen.append(id(batches)), original(index, batches)))
    measure(made, None, QUICK)
    assert len(set(seen)) == sample.BATCHES
