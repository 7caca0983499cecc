import numpy as np
import pytest
import torch

from seqbench.cost import calibrate, measure, median_interval, peak_memory
from seqbench.sweep.cell import build_task, build_trainer
from seqbench.train import Trainer
from tests.toys import cell


def trainer() -> Trainer:
    made = cell("Mean")
    return build_trainer(made, build_task(made), (0,))


def test_rates_follow_from_the_raw_samples():
    summary, arrays = measure(trainer(), peak_memory(torch.device("cpu")))
    assert summary["step_s"]["median"] == np.median(arrays["step_s"])
    assert summary["steps_per_s"]["median"] == pytest.approx(1 / np.median(arrays["step_s"]))
    assert summary["sequences_per_s"]["median"] == pytest.approx(4 * summary["steps_per_s"]["median"])
    assert summary["tokens_per_s"]["low"] == pytest.approx(24 / summary["step_s"]["high"])
    assert len(arrays["warmup_s"]) >= 5
    assert arrays["step_s"].sum() >= 1.2


def test_generation_of_batches_is_outside_the_timed_step(monkeypatch: pytest.MonkeyPatch):
    slow = trainer()
    original = slow.batches

    def batches(index: int) -> list:
        import time

        time.sleep(0.02)
        return original(index)

    monkeypatch.setattr(slow, "batches", batches)
    monkeypatch.setattr("seqbench.cost.MEASURE_S", 0.0)
    monkeypatch.setattr("seqbench.cost.WARM_UP_S", 0.0)
    summary, _ = measure(slow, None)
    assert summary["data_s"] >= 0.02
    assert summary["step_s"]["median"] < 0.02
    assert summary["peak_bytes"] is None


def test_the_interval_of_the_median_covers_it():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(1000):
        low, high = median_interval(rng.exponential(size=25), 0.95)
        covered += low <= np.log(2) <= high
    assert 930 <= covered <= 990


def test_calibration_returns_positive_seconds():
    assert all(seconds > 0 for seconds in calibrate(trainer()).values())
