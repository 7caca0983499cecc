"""Time of one training step through the engine, for every architecture, on the adding problem (length 100)."""

import itertools

import engine
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from seqbench.sweep.cell import prepare

BUDGET = 10_000
"""Steps that the trainer keeps room for; timing starts again from the first after them."""


@pytest.mark.parametrize("model", engine.choices("model"))
def test_training_step(benchmark: BenchmarkFixture, model: str) -> None:
    prepare()
    trainer = engine.trainer("task=adding_problem", "task.length=100", f"model={model}", f"train.steps={BUDGET}")
    indices = itertools.cycle(range(BUDGET))
    benchmark.extra_info |= {"parameters": trainer.population.num_parameters, "kernel": trainer.population.kernel}
    benchmark(lambda: trainer.step(next(indices)))
    assert trainer.history[0, 0, 0] > 0, "the loss of the first step must have been written"
