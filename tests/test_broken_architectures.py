"""A zoo of broken architectures in real sweeps: each ends with its own status and message, and stops nothing else."""

import contextlib
import gc
import io
import json
import multiprocessing
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from rich.console import Console

from seqbench import contract
from seqbench.record.store import Store
from seqbench.schema import Cell, Options, Record, Study, UsageError
from seqbench.sweep import engine, log
from tests.broken import ZOO
from tests.toys import cell, train

ROOT = Path(__file__).parents[1]
HEALTHY = cell("Mean", seeds=(0, 1), budget=20)
LIMITED = {"Sleeps", "SleepsLater"}
USAGE = {
    "unknown key": ({"hight": 3}, r"Mean\.__init__ takes input_size, length, width; .* hight"),
    "bad value": ({"target": "seqbench.models.gru:GRU", "width": -1}, r"model\.width must be a whole number of at"),
    "unfinished": ({"target": "tests.toys:Needs"}, r"Needs cannot be built from its YAML values: .* 'size'"),
    "no such class": ({"target": "tests.toys:Meen"}, r"tests\.toys has no class 'Meen'; did you mean 'Mean'\?"),
    "no such module": ({"target": "tests.tois:Mean"}, r"cannot find the module 'tests\.tois'"),
    "not allowed": ({"target": "os:system"}, r"target must be module:Class inside seqbench or tests"),
    "takes no sizes": (
        {"target": "tests.toys:Sizeless"},
        r"Sizeless\.__init__ must take input_size and length, .* takes width",
    ),
}
MODULES = {
    "syntax": ("class Mine(:\n    pass\n", r"SyntaxError: invalid syntax \(zoo_syntax\.py, line 1\)"),
    "imports": (
        "import os\nimport does_not_exist\n",
        r"ModuleNotFoundError: No module named 'does_not_exist' \(zoo_imports\.py:2\)",
    ),
    "raises": ("1 / 0\n", r"ZeroDivisionError: division by zero \(zoo_raises\.py:1\)"),
    "exits": ("raise SystemExit('bye')\n", r"the code of the model or task called exit\(bye\) \(zoo_exits\.py:1\)"),
    "seeds": (
        "import torch\nfrom tests.toys import Mean as Mine\ntorch.set_num_threads(2)\n",
        r"contract process: expected the global number of threads to stay 1; got 2",
    ),
}
"""Name -> source of a module of the user's, and what its runs end with."""


class Sweep(NamedTuple):
    code: int
    told: str
    store: Store
    records: list[Record]
    grown: int

    def record(self, name: str, seed: int = 0) -> Record:
        """The record of a class of the zoo, or of the model that has this label."""
        (found,) = [r for r in self.records if r.labels["model"] == name.lower() and r.seed == seed]
        return found


def of_class(name: str) -> Cell:
    made = cell(name, budget=20, train=train(timeout_s=2.0 if name in LIMITED else None))
    return replace(made, model={**made.model, "target": f"tests.broken:{name}"})


def sweep(root: Path, *cells: Cell) -> Sweep:
    stream, before = io.StringIO(), resident_bytes()
    options = Options(
        store=str(root / "store"), out=str(root / "out"), lanes=2, rerun="missing", cost=False, report=False
    )
    study = Study(name=None, description="", reference=None, tuning="", cells=cells, options=options)
    code = engine.run(study, Console(file=stream, width=160))
    store = Store(root / "store")
    return Sweep(code, stream.getvalue(), store, store.records(), resident_bytes() - before)


def resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    return sweep(tmp_path_factory.mktemp("zoo"), *map(of_class, ZOO), HEALTHY)


@pytest.mark.parametrize("name", ZOO)
def test_it_ends_with_its_own_status_and_message(name: str, zoo: Sweep):
    status, message = ZOO[name]
    record = zoo.record(name)
    assert record.status == status, record.reason
    pattern = re.escape(message)
    for mark, stands_for in (("<n>", r"[-+.e\d]+"), ("<any>", ".*"), ("<place>", r"tests/(broken|toys)\.py:\d+")):
        pattern = pattern.replace(re.escape(mark), stands_for)
    assert re.fullmatch(pattern, record.reason or ""), record.reason


def test_the_zoo_is_large_and_every_failure_has_a_message():
    assert len(ZOO) >= 24
    assert [name for name, (status, message) in ZOO.items() if (status == "completed") == bool(message)] == []


def test_the_sweep_goes_on_to_its_end_and_says_with_its_exit_code_that_some_failed(zoo: Sweep):
    assert zoo.code == 1
    assert {(r.labels["model"], r.seed) for r in zoo.records} >= {(name.lower(), 0) for name in ZOO}
    assert zoo.store.problems == []


def test_a_healthy_architecture_beside_them_is_bitwise_what_it_is_alone(zoo: Sweep, tmp_path: Path):
    alone = sweep(tmp_path, HEALTHY)
    assert alone.code == 0
    for seed in HEALTHY.seeds:
        ours, theirs = zoo.record("Mean", seed), alone.record("Mean", seed)
        assert ours.status == theirs.status == "completed"
        for key in ("losses_sha256", "parameters_sha256", "score", "test", "validation"):
            assert ours.summary[key] == theirs.summary[key]
        arrays = zoo.store.arrays(ours), alone.store.arrays(theirs)
        for name in arrays[0]:
            np.testing.assert_array_equal(arrays[0][name], arrays[1][name])


def test_every_failure_is_told_on_the_screen_and_no_traceback_is(zoo: Sweep):
    for name, (status, _) in ZOO.items():
        reason = zoo.record(name).reason or ""
        assert status in ("completed", "diverged") or reason in zoo.told
    assert "Traceback" not in zoo.told
    assert "\x1b" not in zoo.told


@pytest.mark.parametrize("name", ["RaisesInInit", "RaisesInEvaluation", "TypeErrorInInit", "RaisesLater", "Exits"])
def test_the_traceback_of_what_the_code_raised_is_in_the_record(name: str, zoo: Sweep):
    trace = zoo.record(name).traceback or ""
    assert trace.startswith("Traceback")
    assert "tests/broken.py" in trace


def test_what_a_run_printed_is_in_its_log_and_nothing_is_where_it_was_silent(zoo: Sweep):
    last = log.said(zoo.store.root, zoo.record("ExitsLater").run_id) or ""
    assert last.endswith(f"{zoo.record('ExitsLater').run_id}.log, which ends: my last words")
    assert log.path_of(zoo.store.root, zoo.record("Chatty").run_id).stat().st_size > 20 * 100_000
    assert log.said(zoo.store.root, zoo.record("Mean").run_id) is None
    assert not log.path_of(zoo.store.root, zoo.record("Mean").run_id).exists()


def test_no_process_is_left_behind(zoo: Sweep):
    assert multiprocessing.active_children() == []
    assert workers() == []


def workers() -> list[int]:
    """Worker processes that live: the children of the forkserver, which is a child of this process."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    return [worker for server in children.get(os.getpid(), []) for worker in children.get(server, [])]


def test_what_a_run_leaks_is_gone_with_its_process(zoo: Sweep):
    """``Leaky`` keeps 80 MB of 20 steps; the sweep's own process, with its 70 cells, stays as small as it was."""
    assert zoo.record("Leaky").status == "completed"
    assert zoo.grown < 40 * 2**20


@pytest.mark.parametrize("what", USAGE)
def test_what_a_user_typed_wrong_is_a_usage_error_and_leaves_nothing_behind(what: str, tmp_path: Path):
    changes, message = USAGE[what]
    wrong = replace(cell("Mean"), model={**cell("Mean").model, **changes})
    with pytest.raises(UsageError, match=message):
        sweep(tmp_path, wrong)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """A sweep over the user's modules that cannot be imported, or should not."""
    folder = tmp_path_factory.mktemp("modules")
    cells = []
    for name, (source, _) in MODULES.items():
        (folder / f"zoo_{name}.py").write_text(source)
        model = {**HEALTHY.model, "target": f"zoo_{name}:Mine"}
        labels = {**HEALTHY.labels, "model": name}
        cells.append(replace(cell(), model=model, labels=labels, plugins=(f"zoo_{name}",)))
    sys.path.insert(0, str(folder))
    try:
        return sweep(folder, *cells)
    finally:
        sys.path.remove(str(folder))


@pytest.mark.parametrize("name", MODULES)
def test_a_module_that_does_harm_when_it_is_imported_fails_its_own_runs(name: str, modules: Sweep):
    record = modules.record(name)
    assert record.status == "failed"
    assert re.fullmatch(MODULES[name][1], record.reason or ""), record.reason


# ------------------------------------------------------------------ on the command line

MINE = """\
import torch

print("loading mine")


class Mine(torch.nn.Module):
    width = 4

    def __init__(self, input_size: int, length: int) -> None:
        super().__init__()
        self.map = torch.nn.Linear(input_size, 4)

    def forward(self, x):
        print("noise " * 10_000)
        return self.map(x) @ torch.ones(3, 3)
"""
WORDS = ["task=adding_problem", "task.length=6", "model=mine", "plugins=[mine]", "--config-dir", "conf"]


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "seqbench", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("user")
    (made / "mine.py").write_text(MINE)
    (made / "conf" / "model").mkdir(parents=True)
    (made / "conf" / "model" / "mine.yaml").write_text("# Mine.\ntarget: mine:Mine\nlearning_rate: 0.01\n")
    return made


BROKEN = "RuntimeError: mat1 and mat2 shapes cannot be multiplied (18x4 and 3x3) (mine.py:15)"


def test_one_broken_cell_is_exit_code_1_one_message_and_no_noise(folder: Path):
    done = command(folder, *WORDS, "report=false")
    assert done.returncode == 1
    assert BROKEN in done.stdout
    assert "noise" not in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stderr == ""
    (path,) = (folder / "results" / "runs").glob("*/record.json")
    record = json.loads(path.read_text())
    assert (record["status"], record["reason"]) == ("failed", BROKEN)
    assert 'mine.py", line 15, in forward' in record["traceback"]


def test_verify_tells_one_cause_once_and_where_it_is(folder: Path):
    done = command(folder, "verify", *WORDS)
    assert done.returncode == 1
    assert done.stdout.count(BROKEN) == 1
    assert f"BROKEN  model first forward: {BROKEN}\n" in done.stdout
    assert "skipped model gradients: stopped by what breaks 'model first forward'\n" in done.stdout
    assert done.stdout.splitlines()[-1] == "mine on adding_problem length=6: 1 check broken."
    assert "Traceback" not in done.stdout + done.stderr


def test_verify_tells_two_causes_apart():
    stream = io.StringIO()
    assert contract.verify(of_class("LooksAheadAndMixes"), Console(file=stream, width=200)) == 1
    told = stream.getvalue()
    assert re.findall("BROKEN  (.*?):", told) == [
        "model causality in evaluation mode",
        "model batch independence in evaluation mode",
    ]
    assert told.endswith("2 checks broken.\n")
