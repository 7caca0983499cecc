"""Time of one look of each instrument at a GRU on the adding problem (length 100)."""

import engine
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from seqbench.sweep.cell import instruments, prepare

WORDS = ("task=adding_problem", "task.length=100", "model=gru")
NAMES = tuple(instrument.name for instrument in instruments(engine.cell(*WORDS)))
GATED = ("gradient_profile",)


@pytest.mark.parametrize("name", engine.gated(NAMES, GATED))
def test_looking(benchmark: BenchmarkFixture, name: str) -> None:
    prepare()
    cell = engine.cell(*WORDS)
    trainer = engine.trainer(*WORDS)
    (instrument,) = (found for found in instruments(cell) if found.name == name)
    assert benchmark(lambda: instrument.measure(trainer.population.member(0), trainer.task)) is not None
