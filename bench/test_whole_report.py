"""Time of a whole report: verdicts, page, Markdown, tables and figures."""

import itertools
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture
from test_records import ARRAYS, MODELS, SEEDS, record

from seqbench.record.store import Store
from seqbench.report import write


def test_writing_a_report(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    for model, seed in itertools.product(MODELS, range(SEEDS)):
        store.publish(record(model, seed), ARRAYS)
    page = benchmark.pedantic(lambda: write(store, tmp_path / "out", reference="gru"), rounds=5, warmup_rounds=1)
    assert page.stat().st_size > 50_000
