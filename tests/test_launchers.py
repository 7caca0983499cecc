"""Sweeps through Hydra's launchers: what is refused, and that their runs are bitwise those of the local lanes."""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from seqbench.config import compose, launcher
from seqbench.record.scratch import Scratch
from seqbench.record.store import Store
from seqbench.schema import Cell, Launcher, UsageError
from seqbench.sweep import engine, launch, launch_process, launched, outcome, same
from seqbench.sweep.job import Job
from tests import user_folder
from tests.user_folder import refusal

empty_folder = user_folder.empty_folder
pytestmark = pytest.mark.timeout(900)  # on a busy machine three libraries are long in starting
ROOT = Path(__file__).parents[1]
TWO_CELLS = ("+sweep=smoke", "task=smoke/copy_3", "model=rnn,gru")
TWO_SEEDS = (*TWO_CELLS, "seeds=2")
LONGER = (*TWO_CELLS, "train.steps=500", "checkpoint_s=0.1", "train.evaluate_every=50")
PATIENCE_S = 400
ALL_CELLS = ("+sweep=smoke",)
NODES = """
import sys
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
cluster.add_node(num_cpus=1)
cluster.wait_for_nodes()
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""
"""Two nodes of a Ray cluster on this machine, one core each, until standard input is closed."""


# ------------------------------------------------------------------ words


def options_of(*words: str) -> Launcher | None:
    return compose(["task=smoke/copy_3", *words]).options.launcher


def test_a_launcher_takes_its_options_from_the_words(empty_folder: Path):
    given = options_of("hydra/launcher=submitit_slurm", "hydra.launcher.partition=gpu", "hydra.launcher.timeout_min=30")
    assert given == Launcher(name="submitit_slurm", options={"partition": "gpu", "timeout_min": 30})
    assert options_of("hydra/launcher=ray", "+hydra.launcher.ray.init.address=auto") == Launcher(
        name="ray", options={"ray.init.address": "auto"}
    )
    assert options_of("hydra/launcher=joblib", "hydra.launcher.n_jobs=-1") == Launcher(
        name="joblib", options={"n_jobs": -1}
    )
    assert options_of() is None


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("hydra/launcher=jobli",), "'hydra/launcher=joblib'"),
        (("hydra/launcher=basic",), "this machine's lanes"),
        (("hydra/launcher=joblib,ray",), "hydra/launcher must be one value"),
        (("hydra/launcher=null",), "must be one of joblib"),
        (("hydra.launcher.n_jobs=2",), "without hydra/launcher=NAME"),
        (("hydra/launcher=joblib", "hydra.launcher.jobs=2"), "'n_jobs'"),
        (("hydra/launcher=joblib", "hydra.launcher.n_jobs=0"), "hydra.launcher.n_jobs must be a whole number"),
        (("hydra/launcher=joblib", "hydra.launcher.n_jobs=-2"), "at least 1; got -2"),
        (("hydra/launcher=joblib", "hydra.launcher.n_jobs=true"), "got true"),
        (("hydra/launcher=joblib", "hydra.launcher.n_jobs=1,2"), "hydra.launcher.n_jobs must be one value"),
        (("hydra/launcher=joblib", "hydra.launcher.backend=threading"), "must be one of n_jobs"),
        (("hydra/launcher=joblib", "hydra.launcher._target_=os.system"), "_target_ is never read"),
        (("hydra/launcher=joblib", "hydra.job_logging.root=x"), "Hydra's own"),
        (("hydra/launcher=joblib", "~hydra.launcher.n_jobs"), "Hydra's own"),
        (("hydra/launcher=ray", "hydra.launcher.ray.init.runtime_env=x"), "must be one of ray.init.address"),
        (("hydra/launcher=ray", "hydra.launcher.ray.remote.num_gpus=x"), "a number of at least 0"),
        (
            ("hydra/launcher=ray", "hydra.launcher.ray.init.address=auto", "hydra.launcher.ray.init.num_cpus=2"),
            "the cluster has its own",
        ),
        (("hydra/launcher=ray", "device=cuda"), "hydra.launcher.ray.remote.num_gpus=1"),
        (("hydra/launcher=submitit_slurm", "hydra.launcher.setup=[reboot]"), "must be one of timeout_min"),
        (("hydra/launcher=submitit_slurm", "hydra.launcher.partition=''"), "must be text"),
    ],
)
def test_what_no_launcher_takes_is_refused(words: tuple[str, ...], part: str, empty_folder: Path):
    assert part in refusal("task=smoke/copy_3", *words)
    assert list(empty_folder.iterdir()) == []


def test_a_cell_trains_on_what_its_job_is_given(empty_folder: Path):
    def device(*words: str) -> str:
        return compose(["task=smoke/copy_3", *words]).cells[0].device

    assert device("hydra/launcher=submitit_slurm", "hydra.launcher.gpus_per_node=1") == "cuda"
    assert device("hydra/launcher=submitit_slurm", "device=cuda", "hydra.launcher.partition=gpu") == "cuda"
    assert device("hydra/launcher=ray", "hydra.launcher.ray.remote.num_gpus=0.5") == "cuda"
    assert device("hydra/launcher=ray") == "cpu"
    assert device("hydra/launcher=joblib") == "cpu"


@pytest.mark.parametrize(
    ("name", "extra"),
    [("joblib", "joblib"), ("ray", "ray"), ("submitit_local", "slurm"), ("submitit_slurm", "slurm")],
)
def test_a_launcher_that_is_not_installed_is_told_with_its_extra(
    name: str, extra: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(launcher.importlib.util, "find_spec", lambda module: None)
    with pytest.raises(UsageError, match=rf"pip install 'seqbench\[{extra}\]'"):
        launcher.check_usable(Launcher(name=name, options={}))


def test_slurm_without_slurm_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="there is no srun here"):
        launcher.check_usable(Launcher(name="submitit_slurm", options={}))


# ------------------------------------------------------------------ jobs


def seqbench(*words: str, folder: Path, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "seqbench", *words, "report=false"]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.Popen(
        command, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def told(process: subprocess.Popen[str]) -> str:
    try:
        return process.communicate(timeout=PATIENCE_S)[0]
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)  # which also ends what it has started
            process.communicate(timeout=60)


def results(store: Path) -> dict[str, object]:
    """Run -> all that training made of it, bit by bit."""
    held, found = Store(store), {}
    for record in held.records("learning"):
        if record.status == "completed":
            facts = {key: record.summary[key] for key in ("losses_sha256", "parameters_sha256", "score", "test")}
            arrays = {name: array.tobytes() for name, array in held.arrays(record).items()}
            found[record.run_id] = (dict(record.labels), record.study, record.command, facts, arrays)
    return found


def in_lanes(words: tuple[str, ...], folder: Path) -> dict[str, object]:
    process = seqbench(*words, "store=lanes", folder=folder)
    output = told(process)
    assert process.returncode == 0, output
    return results(folder / "lanes")


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    found = in_lanes(TWO_SEEDS, tmp_path_factory.mktemp("local"))
    assert len(found) == 4
    return found


@pytest.fixture(scope="module")
def longer(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return in_lanes(LONGER, tmp_path_factory.mktemp("longer"))


@pytest.fixture
def home() -> Iterator[dict[str, str]]:
    """Where Ray writes its token and its sessions; its sockets need a short path."""
    folder = tempfile.mkdtemp(prefix="ray")
    yield {"HOME": folder, "RAY_TMPDIR": folder, "RAY_USAGE_STATS_ENABLED": "0"}
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cluster(home: dict[str, str]) -> Iterator[str]:
    """The address of a Ray cluster of two nodes, of which nothing is left afterwards."""
    nodes = subprocess.Popen(
        [sys.executable, "-c", NODES], env={**os.environ, **home, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip
    assert nodes.stdout is not None
    address = nodes.stdout.readline().strip()
    assert address, "the cluster did not start"
    yield address
    nodes.communicate(timeout=60)
    assert not [line for line in commands_with(home["RAY_TMPDIR"]) if "raylet" in line or "gcs_server" in line]


def commands_with(text: str) -> list[str]:
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        found += [command] if text in command else []
    return found


WORDS = {
    "joblib": ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
    "submitit_local": ("hydra/launcher=submitit_local", "hydra.launcher.timeout_min=10"),
}


@pytest.mark.soak
@pytest.mark.parametrize("name", WORDS)
def test_a_launched_run_is_bitwise_the_local_one(name: str, local: dict[str, object], tmp_path: Path):
    check_launched(name, WORDS[name], local, tmp_path, {})


@pytest.mark.slow
def test_a_run_on_a_ray_cluster_of_two_nodes_is_bitwise_the_local_one(
    local: dict[str, object], cluster: str, home: dict[str, str], tmp_path: Path
):
    check_launched("ray", ("hydra/launcher=ray", f"hydra.launcher.ray.init.address={cluster}"), local, tmp_path, home)


def check_launched(
    name: str, words: tuple[str, ...], local: dict[str, object], folder: Path, variables: dict[str, str]
) -> None:
    process = seqbench(*TWO_SEEDS, *words, "store=store", "cost=true", folder=folder, **variables)
    output = told(process)
    assert process.returncode == 0, output
    assert f"4 to train in 2 jobs through hydra/launcher={name}, 1 lane each" in output
    assert "4/4" in output
    assert "not measured through a launcher" in output
    assert results(folder / "store") == local
    assert [path.name for path in folder.iterdir()] == ["store"]
    assert not [path for path in (folder / "store" / ".scratch").rglob("*") if path.is_file()]
    again = seqbench(*TWO_SEEDS, *words, "store=store", folder=folder, **variables)
    assert "4 done, 0 to train" in told(again)


@pytest.mark.soak
@pytest.mark.parametrize("name", [*WORDS, "ray"])
def test_every_cell_of_the_smoke_sweep_is_bitwise_the_local_one(
    name: str, cluster: str, home: dict[str, str], tmp_path: Path
):
    words = WORDS.get(name, ("hydra/launcher=ray", f"hydra.launcher.ray.init.address={cluster}"))
    process = seqbench(*ALL_CELLS, *words, "store=store", folder=tmp_path, **home)
    output = told(process)
    assert process.returncode == 0, output
    assert results(tmp_path / "store") == in_lanes(ALL_CELLS, tmp_path)
    assert len(results(tmp_path / "store")) == 15


def kill_a_worker(process: subprocess.Popen[str]) -> None:
    workers = [pid for pid in of_launcher(process) if "popen_loky_posix" in commands_of(pid)]
    os.kill(workers[-1], signal.SIGKILL)


def press_ctrl_c(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)


def commands_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")


def of_launcher(process: subprocess.Popen[str]) -> list[int]:
    """The launcher that the command started, its workers and theirs: it leads a session of its own."""
    stats = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = file.read_text()
        except OSError:
            continue
        fields = text.rpartition(")")[2].split()
        stats[int(file.parent.name)] = (fields[0], int(fields[1]), int(fields[3]))  # state, parent, session
    leaders = {pid for pid, (_, parent, session) in stats.items() if parent == process.pid and session == pid}
    return sorted(pid for pid, (state, _, session) in stats.items() if session in leaders and state != "Z")


def living(pids: Iterable[int], patience_s: float) -> list[int]:
    """Those that still run when patience is at its end; what has ended and nobody has reaped yet does not."""
    deadline = time.monotonic() + patience_s
    while (left := [pid for pid in pids if state_of(pid) not in "ZX"]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def state_of(pid: int) -> str:
    """The letter of a process's state, X where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def wait_for_a_checkpoint(store: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not [f for f in store.glob(".scratch/*-*.npz") if not f.name.startswith("sweep-")]:
        assert process.poll() is None, told(process)
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "fault", "code"),
    [pytest.param("joblib", kill_a_worker, 1, marks=pytest.mark.soak), ("submitit_local", press_ctrl_c, 130)],
)
def test_a_sweep_that_lost_its_jobs_is_completed_by_the_same_command(
    name: str, fault: Callable, code: int, longer: dict[str, object], tmp_path: Path
):
    words = (*LONGER, *WORDS[name], "store=store")
    process = seqbench(*words, folder=tmp_path)
    try:
        wait_for_a_checkpoint(tmp_path / "store", process)
        members = of_launcher(process)
        fault(process)
    finally:
        output = told(process)
    assert process.returncode == code, output
    assert "the same command" in output
    assert "Traceback" not in output
    assert living(members, patience_s=0.5) == []  # the command has killed them: the system takes a moment
    assert len(results(tmp_path / "store")) < 2
    again = seqbench(*words, folder=tmp_path)
    output = told(again)
    assert again.returncode == 0, output
    assert results(tmp_path / "store") == longer
    resumed = [r.summary["resumed_at"] for r in Store(tmp_path / "store").records() if r.status == "completed"]
    assert any(resumed)
    assert not [path for path in (tmp_path / "store" / ".scratch").rglob("*") if path.is_file()]  # nor older jobs'


@pytest.mark.soak
def test_jobs_on_this_machine_end_with_the_command_that_is_killed(longer: dict[str, object], tmp_path: Path):
    words = (*LONGER, *WORDS["joblib"], "store=store")
    process = seqbench(*words, folder=tmp_path)
    try:
        wait_for_a_checkpoint(tmp_path / "store", process)
        members = of_launcher(process)
    finally:
        process.kill()
        process.communicate()
    assert living(members, patience_s=15) == []
    again = seqbench(*words, folder=tmp_path)
    output = told(again)
    assert again.returncode == 0, output
    assert results(tmp_path / "store") == longer


def test_a_run_that_was_trained_is_not_missing_where_its_damaged_record_was_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    study = compose(["task=smoke/copy_3", "model=rnn", "hydra/launcher=joblib", f"store={tmp_path}", "report=false"])
    store = Store(tmp_path)

    def publish(cell: Cell) -> Path:
        job = Job(kind="learning", cell=cell, seed=0, store=str(tmp_path))
        return store.publish(outcome.record(job, "completed", None, None), {})

    def jobs(_: object, cells: list[Cell], folder: Path, planned: Set[str]) -> None:
        for cell in cells:
            publish(cell)

    (publish(study.cells[0]) / "record.json").write_text("damage")
    monkeypatch.setattr(launch._Launch, "_launch", jobs)
    stream = io.StringIO()
    assert engine.run(study, Console(file=stream, width=200)) == 0, stream.getvalue()
    assert "1 damaged record set aside" in stream.getvalue()
    assert "1 completed; took" in stream.getvalue()
    assert "missing" not in stream.getvalue()


def test_a_value_that_no_class_takes_is_told_before_anything_is_launched(tmp_path: Path):
    process = seqbench("task=adding_problem", "task.length=-1", "hydra/launcher=joblib", "store=store", folder=tmp_path)
    output = told(process)
    assert process.returncode == 2
    assert output.startswith("seqbench: task.length must be")
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_that_does_not_answer_is_told_before_anything_is_written(tmp_path: Path):
    words = ("task=smoke/copy_3", "hydra/launcher=ray", "hydra.launcher.ray.init.address=127.0.0.1:1", "store=store")
    process = seqbench(*words, folder=tmp_path)
    output = told(process)
    assert process.returncode == 2
    assert "ray.init.address must be a Ray cluster that answers" in output
    assert output.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
"""As joblib's workers are when the process that they work for was ended."""


@pytest.mark.parametrize("saving", [True, False])
def test_jobs_are_waited_for_while_they_save_their_runs_and_no_longer(saving: bool):
    job = subprocess.Popen(
        [sys.executable, "-c", DEAF], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    with job:
        assert job.stdout
        job.stdout.readline()
        began = time.monotonic()
        launch_process._end(job, lambda: saving)
        assert (time.monotonic() - began > launch_process.GRACE_S) == saving
        assert job.returncode == -signal.SIGKILL


def test_a_job_saves_its_run_while_it_holds_it(tmp_path: Path):
    study = compose(["task=smoke/copy_3", "model=rnn", "hydra/launcher=joblib", f"store={tmp_path}"])
    assert study.options.launcher
    work = launch._Launch(study, study.options.launcher, Console(), "")
    job = Job(kind="learning", cell=study.cells[0], seed=0, store=str(tmp_path))
    run, other = job.scratch(), Scratch(tmp_path, f"{'0' * 16}-{'0' * 12}")
    other.claim()  # by another command
    assert not work._saving({job.run_id})
    run.claim()
    assert work._saving({job.run_id})
    run.release()
    assert not work._saving({job.run_id})


def asked(**changes: object) -> Cell:
    (made,) = compose(["task=smoke/copy_3", "model=gru"]).cells
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_job_trains_what_was_asked_for_and_nothing_of_the_same_name(tmp_path: Path):
    file = tmp_path / "mine.csv"
    file.write_text("1\n")
    made = asked(task={**asked().task, "path": str(file)})
    code = same.code_of(made)
    launched.check_same(made, code)
    for name in ("seqbench", "seqbench.tasks.copy_memory:CopyMemory", "seqbench.models.gru:GRU", str(file)):
        with pytest.raises(UsageError, match=rf"the same code and data; {re.escape(name)} is another one here"):
            launched.check_same(made, code | {name: "0" * 64})
