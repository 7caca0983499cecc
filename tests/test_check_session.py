"""Sessions with a sampler that is a simulation: what is timed, in which order, and what becomes of failures."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench.check import samples, session, suite
from seqbench.check.finding import exit_code
from seqbench.check.pairs import ORDERS, Sample, log_ratios, same_ratios
from seqbench.check.programs import Program, ProgramError, Side
from seqbench.check.request import LEAST_PAIRS
from seqbench.check.verdict import Design
from seqbench.schema import UsageError

ROOT = Path(__file__).parents[1]
BENCH = """
import engine

SIZE = 3

def test_a(benchmark):
    benchmark(engine.run, SIZE)

def test_b(benchmark):
    benchmark(engine.run, 2)
"""
A, B = "bench/test_x.py::test_a", "bench/test_x.py::test_b"


def tree(folder: Path, bench: str = BENCH, engine: str = "def run(n): return n") -> Path:
    (folder / "bench").mkdir(parents=True)
    (folder / "bench/test_x.py").write_text(bench)
    (folder / "bench/engine.py").write_text(engine)
    return folder


class Simulated:
    """Stands for the processes: every sample of a benchmark takes its seconds, times noise."""

    def __init__(self, seconds: dict[str, dict[str, float]], failed: dict[str, dict[str, str]] | None = None) -> None:
        self.seconds, self.failed, self.draw = seconds, failed or {}, np.random.default_rng(0)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.together: list[list[str]] = []

    def __call__(self, programs: Sequence[Program]) -> list[str | ProgramError]:
        self.together.append([side.name for side, _, _ in programs])
        return [self.sample(side, json.loads(words[1])) for side, words, _ in programs]

    def sample(self, side: Side, asked: dict[str, Any]) -> str | ProgramError:
        self.asked.append((side.name, asked))
        names = asked.get("names", [])
        quartiles = {n: s * float(np.exp(self.draw.normal(0, 0.01))) for n, s in self.seconds[side.name].items()}
        failed = self.failed.get(side.name, {})
        found = {
            "code": 1 if failed else 0,
            "names": list(self.seconds[side.name]),
            "quartiles": {name: quartiles[name] for name in names if name in quartiles and name not in failed},
            "failed": {name: why for name, why in failed.items() if name in names},
            "skipped": [name for name, why in failed.items() if "Skipped" in why],
            "facts": {"python": "3.11.9"},
            "imported": {"modules": {}, "installed": []},
        }
        Path(asked["out"]).write_text(json.dumps(found))
        return ""


Compare = Callable[..., session.Session]


@pytest.fixture
def compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compare:
    base, head = tree(tmp_path / "base"), tree(tmp_path / "head")

    def run(simulated: Simulated, design: Design = Design()) -> session.Session:  # noqa: B008 - it is frozen
        monkeypatch.setattr(samples, "run_in_turns", simulated)
        old, new = (Side(name=root.name, root=root, python=Path("python")) for root in (base, head))
        return session.compare(old, new, Path("bench"), design, lambda line: None, lambda *codes: [], seed=1)

    return run


def verdicts(found: session.Session) -> dict[str, str]:
    return {finding.name: finding.verdict for finding in found.findings}


def test_nothing_changed_takes_one_stage(compare: Compare) -> None:
    simulated = Simulated({"base": {A: 0.1, B: 0.2}, "head": {A: 0.1, B: 0.2}})
    found = compare(simulated)
    assert verdicts(found) == {A: "fine", B: "fine"}
    assert len(simulated.asked) == 2 + 20
    assert found.noise == pytest.approx(0.014, rel=0.9)


def test_only_the_suspect_is_measured_again_and_only_in_fresh_pairs(compare: Compare) -> None:
    simulated = Simulated({"base": {A: 0.1, B: 0.2}, "head": {A: 0.115, B: 0.2}})
    found = compare(simulated)
    assert verdicts(found) == {A: "regressed", B: "fine"}
    assert [asked["names"] for _, asked in simulated.asked[22:]] == [[A]] * 40
    (worse,) = (finding for finding in found.findings if finding.verdict == "regressed")
    assert worse.change == pytest.approx(0.15, abs=0.02)
    assert worse.base == pytest.approx(0.1, rel=0.02)


def test_the_order_of_every_pair_is_drawn(compare: Compare) -> None:
    simulated = Simulated({"base": {A: 0.1}, "head": {A: 0.1}})
    compare(simulated, Design(pairs=60))
    blocks = {(tuple(sides[:2]), tuple(sides[2:])) for sides in simulated.together[2:]}
    assert blocks == set(itertools.product(ORDERS, ORDERS)), "each pair has a coin of its own"
    seeds = [asked["seed"] for _, asked in simulated.asked[2:]]
    assert all(len(set(seeds[i : i + 4])) == 1 for i in range(0, len(seeds), 4)), "a block has one order of benchmarks"
    assert len(set(seeds)) == len(seeds) // 4


@pytest.mark.parametrize(
    ("sides", "ratios", "same"),
    [
        ((*ORDERS[0], *ORDERS[1]), (1.1 / 1.0, 1.2 / 1.4), 1.2 / 1.1),
        ((*ORDERS[1], *ORDERS[1]), (1.0 / 1.1, 1.2 / 1.4), 1.2 / 1.0),
    ],
)
def test_pairs_and_samples_of_one_side_in_a_block(sides: tuple, ratios: tuple, same: float) -> None:
    times = [1.0, 1.1, 1.2, 1.4]
    samples = [Sample(block=0, position=i, side=s, seconds={A: times[i]}) for i, s in enumerate(sides)]
    assert log_ratios(samples)[A] == pytest.approx(np.log(ratios))
    assert same_ratios(samples)[A] == pytest.approx([np.log(same)])
    assert log_ratios(samples[:3]) == {}, "half a block is none"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("SIZE = 3", "SIZE = 4", {A: "not comparable", B: "not comparable"}),
        ("engine.run, 2", "engine.run, 9", {A: "fine", B: "not comparable"}),
        ("import engine", "import engine  # the same\n", {A: "fine", B: "fine"}),
    ],
)
def test_what_changed_its_own_source_is_not_compared(
    compare: Compare, tmp_path: Path, old: str, new: str, expected: dict[str, str]
) -> None:
    (tmp_path / "head/bench/test_x.py").write_text(BENCH.replace(old, new))
    simulated = Simulated({"base": {A: 0.1, B: 0.2}, "head": {A: 0.1, B: 0.2}})
    assert verdicts(compare(simulated)) == expected


def test_the_source_includes_what_it_imports_from_beside_it(tmp_path: Path) -> None:
    one, other = tree(tmp_path / "1"), tree(tmp_path / "2", engine="def run(n): return n + 1")
    assert suite.source_hash(one, A) != suite.source_hash(other, A)
    (other / "bench/engine.py").write_text('"""Words."""\n\ndef run(n):\n    # more words\n    return n\n')
    assert suite.source_hash(one, A) == suite.source_hash(other, A)
    assert suite.source_hash(one, "bench/gone.py::test_a") is None
    (one / "conftest.py").write_text("SIZE = 1")
    (other / "conftest.py").write_text("SIZE = 2")
    assert suite.source_hash(one, A) != suite.source_hash(other, A), "also what stands above the suite"


def test_a_source_has_the_same_hash_in_every_version_of_python(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text('import y\ndef f(a, *, b=1):\n    """D."""\n    return f"{a}" if a else [b]\n')
    (tmp_path / "y.py").write_text("class C: x: int = 1\n")
    assert suite.source_hash(tmp_path, "x.py") == "7843b1dd89e5dd83a4c75604b10ccd743ef27213a91fc7e58524b3025b004567", (
        "it is kept in baselines"
    )


def test_what_a_suite_imports_is_found_in_its_own_files(tmp_path: Path) -> None:
    tree(tmp_path, BENCH + "def inside():\n    from a.b import c\n    from . import d\n")
    for folder in ("bench/.hidden", "bench/env"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "other.py").write_text("import other")
    (tmp_path / "bench/env/pyvenv.cfg").write_text("")
    (tmp_path / "bench/broken.py").write_text("import (")
    assert suite.imported(tmp_path / "bench") == {"engine", "a"}
    (tmp_path / "bench/engine.py").write_text("import product")
    assert suite.imported(tmp_path / "bench/test_x.py") == {"engine", "a", "product"}, "what lies beside it brings more"
    (tmp_path / "bench/engine.py").write_text("")
    assert suite.imported(tmp_path / "bench/engine.py") == set()


def test_a_source_that_cannot_be_read_is_not_compared(compare: Compare, tmp_path: Path) -> None:
    for side in ("base", "head"):
        (tmp_path / side / "bench/engine.py").write_text("print(")
    found = compare(Simulated({"base": {A: 0.1}, "head": {A: 0.1}}))
    assert [finding.says for finding in found.findings] == ["the source of the benchmark cannot be read"]


def test_new_and_gone_benchmarks_are_told(compare: Compare) -> None:
    found = compare(Simulated({"base": {A: 0.1}, "head": {B: 0.2}}))
    assert {finding.name: finding.says for finding in found.findings} == {
        A: "gone: only the base has it",
        B: "new: the base does not have it",
    }


def test_a_benchmark_that_fails_in_the_base_is_not_compared(compare: Compare) -> None:
    simulated = Simulated({"base": {A: 0.1, B: 0.2}, "head": {A: 0.1, B: 0.2}}, {"base": {B: "E   TypeError: no"}})
    found = compare(simulated)
    assert verdicts(found) == {A: "fine", B: "not run"}
    assert "TypeError" in found.findings[-1].says


def test_a_benchmark_that_fails_in_the_working_tree_is_the_users_to_mend(compare: Compare) -> None:
    simulated = Simulated({"base": {A: 0.1}, "head": {A: 0.1}}, {"head": {A: "E   TypeError: no"}})
    with pytest.raises(UsageError, match=r"must run in the working tree; got .*test_a.*TypeError"):
        compare(simulated)


def test_a_benchmark_that_is_skipped_is_not_compared(compare: Compare) -> None:
    simulated = Simulated({"base": {A: 0.1, B: 0.2}, "head": {A: 0.1, B: 0.2}}, {"head": {B: "Skipped: no GPU"}})
    found = compare(simulated)
    assert verdicts(found) == {A: "fine", B: "not run"}
    assert found.findings[-1].says == "is skipped in the head: Skipped: no GPU"


def test_one_side_alone_has_no_failure_that_is_somebody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    side = Side(name="head", root=tree(tmp_path / "head"), python=Path("python"))
    monkeypatch.setattr(
        samples, "run_in_turns", Simulated({"head": {A: 0.1, B: 0.2}}, {"head": {B: "Skipped: no GPU"}})
    )
    seconds, why = session.timed(side, Path("bench"))
    assert seconds == {A: pytest.approx(0.1, rel=0.05)}
    assert why == {B: "is skipped in the head: Skipped: no GPU"}

    class FirstFails(Simulated):
        def sample(self, side: Side, asked: dict[str, Any]) -> str | ProgramError:
            self.failed = {"head": {A: "E   TypeError: no"}} if len(self.asked) == 1 else {}
            return super().sample(side, asked)

    for _ in range(8):  # wherever an order that is drawn would have the base
        monkeypatch.setattr(samples, "run_in_turns", FirstFails({"head": {A: 0.1}}))
        with pytest.raises(UsageError, match=r"must run in the working tree; got .*test_a.*TypeError"):
            session.timed(side, Path("bench"))


def test_a_base_whose_suite_cannot_be_read_is_not_compared(compare: Compare) -> None:
    simulated = Simulated({"base": {}, "head": {A: 0.1}})

    class Broken(Simulated):
        def sample(self, side: Side, asked: dict[str, Any]) -> str | ProgramError:
            return ProgramError("ImportError: no module") if side.name == "base" else simulated.sample(side, asked)

    (finding,) = compare(Broken({"base": {}, "head": {A: 0.1}})).findings
    assert finding.verdict == "not run"
    assert "ImportError" in finding.says


class Fails(Simulated):
    """A benchmark of the base fails once so many processes have run."""

    def __init__(self, calls: int) -> None:
        super().__init__({"base": {A: 0.1, B: 0.2}, "head": {A: 0.1, B: 0.2}})
        self.calls = calls

    def sample(self, side: Side, asked: dict[str, Any]) -> str | ProgramError:
        if side.name == "base" and len(self.asked) >= self.calls:
            self.failed = {"base": {A: "ValueError"}}
        return super().sample(side, asked)


class Ends(Simulated):
    """A side whose process ends while it times, after so many calls that went well."""

    def __init__(self, side: str, calls: int) -> None:
        super().__init__({"base": {A: 0.1, B: 0.2}, "head": {A: 0.1, B: 0.2}})
        self.side, self.calls = side, calls

    def sample(self, side: Side, asked: dict[str, Any]) -> str | ProgramError:
        printed = super().sample(side, asked)
        return (
            ProgramError("it ended with -11")
            if self.side in ("", side.name) and len(self.asked) > self.calls
            else printed
        )


@pytest.mark.parametrize("calls", [2, 6])
def test_a_base_that_ends_while_it_times_is_not_compared_and_started_no_more(compare: Compare, calls: int) -> None:
    simulated = Ends("base", calls)
    found = compare(simulated)
    assert verdicts(found) == {A: "not run", B: "not run"}
    assert {finding.says for finding in found.findings} == {"the base's suite cannot be run: it ended with -11"}
    assert len(simulated.asked) == calls + 4


def test_a_working_tree_that_ends_while_it_times_is_the_users_to_mend(
    compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=r"--suite must run in the head; got: it ended with -11\."):
        compare(Ends("head", 6))
    monkeypatch.setattr(samples, "run_in_turns", Ends("head", 4))
    with pytest.raises(UsageError, match="it ended with -11"):
        session.timed(Side(name="head", root=tmp_path / "head", python=Path("python")), Path("bench"))


def test_a_suite_without_benchmarks_or_with_too_many_is_refused(compare: Compare) -> None:
    with pytest.raises(UsageError, match="must hold benchmarks"):
        compare(Simulated({"base": {}, "head": {}}))
    many = {f"{A}[{i}]": 0.1 for i in range(41)}
    with pytest.raises(UsageError, match="at most 40"):
        compare(Simulated({"base": many, "head": many}))


def test_the_least_pairs_find_what_is_slower_and_clear_what_is_not(compare: Compare) -> None:
    least = Design(pairs=LEAST_PAIRS)
    sides = {"base": {A: 0.1, B: 0.2}, "head": {A: 0.2, B: 0.2}}
    assert verdicts(compare(Simulated(sides), least)) == {A: "regressed", B: "fine"}
    fewer = compare(Simulated(sides), Design(pairs=LEAST_PAIRS - 2))
    assert verdicts(fewer)[B] == "inconclusive", "two less could call nothing fine"


@pytest.mark.parametrize("end", ["ends", "fails"])
def test_a_suspect_that_the_second_stage_loses_is_no_pass(compare: Compare, end: str) -> None:
    """22 processes name and time the two in the first stage; in the second the base ends, or its benchmark fails."""
    simulated = Ends("base", 22) if end == "ends" else Fails(22)
    simulated.seconds["head"] = {A: 0.13, B: 0.2}
    found = compare(simulated)
    assert verdicts(found) == {A: "inconclusive", B: "fine"}
    assert exit_code(found.findings) == 4
    (lost,) = (finding.says for finding in found.findings if finding.name == A)
    assert lost.startswith("not fine at first, then lost: ")


def test_of_processes_that_all_hang_no_side_is_blamed(compare: Compare) -> None:
    with pytest.raises(UsageError, match=r"must run on both sides; got of all four processes: it ended with -11\."):
        compare(Ends("", 6))


@pytest.mark.parametrize("cuda", [False, True])
def test_a_dozen_benchmarks_are_gated_with_and_without_a_gpu(cuda: bool) -> None:
    lines = f"import pytest, torch; torch.cuda.is_available = lambda: {cuda}; "
    lines += "pytest.main(['bench', '--collect-only', '-q', '-m', 'gated'])"
    alone = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}  # in no worker's name
    command = [sys.executable, "-c", lines]
    printed = subprocess.run(command, cwd=ROOT, env=alone, capture_output=True, text=True, check=True).stdout
    names = [line for line in printed.splitlines() if "::" in line]
    assert len(names) == 12
    assert any("-cuda]" in name for name in names) is cuda
