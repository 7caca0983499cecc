"""Time of one training step through the engine, for every architecture, on the adding problem (length 50)."""

import itertools

import engine
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from seqbench.sweep.cell import prepare

BUDGET = 10_000
"""Steps that the trainer keeps room for; timing starts again from the first after them."""
GATED = ("rnn", "lstm", "gru", "attention", "transformer")


@pytest.mark.parametrize("device", engine.DEVICES)
@pytest.mark.parametrize("model", engine.gated(engine.choices("model"), GATED))
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
