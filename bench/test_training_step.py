"""Time of one training step through the engine, for every architecture, on the adding problem (length 50)."""

import itertools

import engine
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from seqbench.sweep.cell import prepare

BUDGET = 10_000
"""Steps that the trainer keeps room for; timing starts again from the first after them."""
ON_CPU = {"cpu": ("rnn", "lstm", "gru", "attention", "transformer")}
ON_BOTH = {"cpu": ("lstm", "gru", "attention"), "cuda": ("gru", "transformer")}
"""A dozen benchmarks are gated on any machine: the levels of the check are made for so many."""


@pytest.mark.parametrize(
    ("model", "device"),
    engine.on_devices(engine.choices("model"), ON_CPU if engine.DEVICES == ["cpu"] else ON_BOTH),
)
def test_training_step(benchmark: BenchmarkFixture, model: str, device: str) -> None:
    prepare()
    sizes = ("task.length=50", f"train.steps={BUDGET}")
    trainer = engine.trainer("task=adding_problem", *sizes, f"model={model}", f"device={device}")
    indices = itertools.cycle(range(BUDGET))
    benchmark.extra_info |= {"parameters": trainer.population.num_parameters, "kernel": trainer.population.kernel}

    def step() -> None:
        trainer.step(next(indices))
        trainer.population.synchronise()

    benchmark(step)
    assert trainer.history[0, 0, 0] > 0, "the loss of the first step must have been written"
