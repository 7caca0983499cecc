"""Processes that take turns: who has the turn, that nobody waits for who has gone, and that no two time at once."""

import itertools
import json
import random
import sys
import time
from pathlib import Path

import pytest

from seqbench.check import programs
from seqbench.check.programs import ProgramError, Side, run_in_turns
from seqbench.check.samples import Bench

TAKER = """
import os, sys
take, give, processes = map(int, os.environ["SEQBENCH_TURNS"].split())
for _ in range(3):
    turn = os.read(take, 4)
    with open(sys.argv[1], "a") as file:
        file.write(sys.argv[2])
    try:
        os.write(give, turn)
    except OSError:
        pass
print(processes)
"""
SUITE = """
import json, os, time
import pytest

@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_it(benchmark, name):
    rounds = []

    def busy():
        begin = time.monotonic()
        while time.monotonic() < begin + 0.004:
            pass
        rounds.append((name, os.getpid(), begin, time.monotonic()))

    benchmark(busy)
    with open(os.environ["ROUNDS"], "a") as file:
        file.writelines(json.dumps(line) + "\\n" for line in rounds[:-1])  # the last call is not a timed one
"""


@pytest.fixture
def side(tmp_path: Path) -> Side:
    return Side(name="here", root=tmp_path, python=Path(sys.executable), imports_root=False)


def test_the_turn_goes_around(side: Side, tmp_path: Path) -> None:
    names = tmp_path / "names"
    assert run_in_turns([(side, ("-c", TAKER, str(names), name), {}) for name in "abc"]) == ["3\n"] * 3
    assert names.read_text() == "abc" * 3


def test_nobody_waits_for_who_has_gone(side: Side, tmp_path: Path) -> None:
    names = tmp_path / "names"
    whole = ("-c", TAKER, str(names))
    gone = ("-c", "raise ValueError('no')")
    began = time.monotonic()
    first, second, third = run_in_turns([(side, (*whole, "a"), {}), (side, gone, {}), (side, (*whole, "c"), {})])
    assert time.monotonic() - began < 30
    assert (first, third) == ("3\n", "3\n")
    assert isinstance(second, ProgramError)
    assert "ValueError: no" in str(second)
    assert sorted(names.read_text()) == sorted("aaaccc")


def test_one_that_hangs_ends_all_at_one_time_with_advice(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "PYTHON_S", 2.0)
    hangs, waits = "import time; time.sleep(60)", "import os; os.read(int(os.environ['SEQBENCH_TURNS'].split()[0]), 4)"
    began = time.monotonic()
    found = run_in_turns([(side, ("-c", words), {}) for words in (hangs, waits, waits, waits)])
    assert time.monotonic() - began < 6, "not two seconds for each, one after the other"
    assert {str(error) for error in found} == {f"took more than 2 s{programs.HANGS}"}
    with pytest.raises(ProgramError, match=r"took more than 2 s$"):
        programs.run_python(side, "-c", hangs)


def test_what_cannot_be_started_ends_the_others(side: Side, tmp_path: Path) -> None:
    missing = Side(name="gone", root=tmp_path, python=tmp_path / "python")
    began = time.monotonic()
    with pytest.raises(ProgramError, match="cannot be started"):
        run_in_turns([(side, ("-c", "import time; time.sleep(60)"), {}), (missing, ("-c", ""), {})])
    assert time.monotonic() - began < 30


def test_rounds_alternate_never_overlap_and_begin_each_benchmark_together(
    side: Side, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench/test_it.py").write_text(SUITE)
    monkeypatch.setenv("ROUNDS", str(tmp_path / "rounds"))
    bench = Bench({"base": side, "head": side}, Path("bench"), random.Random(0))
    names = bench.collect("head")
    assert len(bench.blocks(names, 1)) == 4
    lines = [json.loads(line) for line in (tmp_path / "rounds").read_text().splitlines()]
    rounds = sorted(lines, key=lambda line: line[2])
    assert all(one[3] <= other[2] for one, other in itertools.pairwise(rounds)), "one process at a time"
    groups = [(name, list(group)) for name, group in itertools.groupby(rounds, key=lambda line: line[0])]
    assert sorted(name for name, _ in groups) == ["a", "b", "c"], "a benchmark is over for all before the next begins"
    for _, group in groups:
        slices = [len(list(turn)) for _, turn in itertools.groupby(group, key=lambda line: line[1])]
        assert len({line[1] for line in group}) == 4
        assert len(slices) >= 16, "each has the turn many times"
        assert max(slices) <= 20, "and hands it on"


def test_a_side_with_fewer_benchmarks_keeps_nobody_waiting(side: Side, tmp_path: Path) -> None:
    (tmp_path / "bench").mkdir()
    one, two = "def test_a(benchmark): benchmark(int)\n", "def test_b(benchmark): benchmark(int)\n"
    (tmp_path / "bench/test_it.py").write_text(one + two)
    other = tmp_path / "base"
    (other / "bench").mkdir(parents=True)
    (other / "bench/test_it.py").write_text(one)
    old = Side(name="base", root=other, python=Path(sys.executable), imports_root=False)
    bench = Bench({"base": old, "head": side}, Path("bench"), random.Random(0))
    names = bench.collect("head")
    taken = bench.blocks(names, 1)
    assert [set(sample.seconds) for sample in taken if sample.side == "head"] == [set(names)] * 2
    assert bench.failed == {names[1]: "fails in the base: it was not timed"}
