"""Time of one forward pass without gradients, for every architecture, on the adding problem (length 50)."""

import engine
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from seqbench.sweep.cell import prepare

BATCH_SIZE = 64
GATED = {"cpu": ("gru", "transformer")} if engine.DEVICES == ["cpu"] else {"cpu": ("gru",), "cuda": ("transformer",)}


@pytest.mark.parametrize(("model", "device"), engine.on_devices(engine.choices("model"), GATED))
def test_inference(benchmark: BenchmarkFixture, model: str, device: str) -> None:
    prepare()
    trainer = engine.trainer("task=adding_problem", "task.length=50", f"model={model}", f"device={device}")
    population = trainer.population
    network = population.member(0)
    batch = trainer.task.batch("validation", 0, BATCH_SIZE, 0, population.device)

    @torch.no_grad()
    def infer() -> torch.Tensor:
        outputs = network(batch)
        population.synchronise()
        return outputs

    outputs = benchmark(infer)
    assert outputs.shape[0] == BATCH_SIZE
