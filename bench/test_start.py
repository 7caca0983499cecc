"""Time until the command line answers: a new process each, its start included."""

import subprocess
import sys

import pytest
from pytest_benchmark.fixture import BenchmarkFixture


@pytest.mark.gated
@pytest.mark.parametrize("words", [pytest.param(["--help"], id="help")])
def test_answering(benchmark: BenchmarkFixture, words: list[str]) -> None:
    command = [sys.executable, "-m", "seqbench", *words]
    done = benchmark(lambda: subprocess.run(command, capture_output=True, text=True, check=True))
    assert "usage" in done.stdout


@pytest.mark.parametrize("words", [["ls"], ["plan", "task=adding_problem", "device=cpu"]], ids=" ".join)
def test_listing(benchmark: BenchmarkFixture, words: list[str]) -> None:
    command = [sys.executable, "-m", "seqbench", *words]
    done = benchmark.pedantic(subprocess.run, (command,), {"capture_output": True, "check": True}, rounds=5)
    assert done.stdout
