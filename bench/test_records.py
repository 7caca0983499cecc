"""Time of publishing a record, of reading a store, and of the tables of its report."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from seqbench.record.record import cell_id, run_id
from seqbench.record.store import Store
from seqbench.report.runs_table import runs_csv
from seqbench.schema import Record

SEEDS, MODELS, STEPS = 10, ("rnn", "lstm", "gru", "attention", "transformer"), 200
CURVE = np.exp(-np.linspace(0, 5, STEPS))
ARRAYS = {"step": np.arange(1, STEPS + 1), "loss": CURVE, "gradient_norm": CURVE}
METRIC = {"unit": "1", "better": "lower", "description": "mean squared error", "source": "a benchmark"}


def record(model: str, seed: int) -> Record:
    """A record as a run of the adding problem leaves it."""
    identity = {"task": {"name": "adding"}, "model": {"name": model, "learning_rate": 0.003}, "train": {}}
    score = 0.001 * (1 + seed)
    return Record(
        kind="learning",
        run_id=run_id(identity, seed, "learning"),
        cell_id=cell_id(identity),
        env_id="0" * 12,
        labels={"task": "adding", "model": model, "variant": ""},
        seed=seed,
        study=None,
        command="python -m seqbench task=adding_problem",
        config=identity,
        sources={},
        environment={"cpu": "a benchmark", "threads": 1},
        git=None,
        status="completed",
        reason=None,
        started_at="2026-01-01T00:00:00+00:00",
        duration_s=10.0,
        task={"score": "mse", "skill_metric": "mse", "floor": 0.0, "length": 100, "budget": STEPS},
        baselines=({"name": "mean", "values": {"mse": 1 / 6}, "kind": "derived", "skill": True},),
        metrics={"mse": METRIC},
        summary={
            "solved": score < 0.005,
            "steps": STEPS,
            "score": score,
            "skill": 1 - 6 * score,
            "test": {"mse": score},
        },
        arrays={name: ("record",) for name in ARRAYS},
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store of fifty runs."""
    made = Store(tmp_path / "runs")
    for model, seed in itertools.product(MODELS, range(SEEDS)):
        made.publish(record(model, seed), ARRAYS)
    return made


def test_publishing(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    store, seeds = Store(tmp_path / "runs"), itertools.count()
    benchmark(lambda: store.publish(replace(record("gru", seed := next(seeds)), seed=seed), ARRAYS))
    assert store.records()


@pytest.mark.gated
def test_reading_a_store(benchmark: BenchmarkFixture, store: Store) -> None:
    assert len(benchmark(lambda: Store(store.root).records())) == SEEDS * len(MODELS)


@pytest.mark.gated
def test_the_table_of_runs(benchmark: BenchmarkFixture, store: Store) -> None:
    records = store.records()
    assert benchmark(lambda: runs_csv(records)).count("\n") > SEEDS * len(MODELS)
