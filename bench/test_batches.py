"""Time of generating one training batch (64 sequences), for every task that needs no file."""

import itertools

import engine
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from seqbench.sweep.cell import prepare

BATCH_SIZE = 64
GATED = ("copy_memory",)


@pytest.mark.parametrize("name", engine.gated(engine.choices("task"), GATED))
def test_batch(benchmark: BenchmarkFixture, name: str) -> None:
    prepare()
    task = engine.task(f"task={name}")
    benchmark.extra_info |= {"length": task.length, "batch_size": BATCH_SIZE}
    index = itertools.count()
    batch = benchmark(lambda: task.batch("train", next(index), BATCH_SIZE, 0, "cpu"))
    assert batch.inputs.shape[:2] == (BATCH_SIZE, task.length)
