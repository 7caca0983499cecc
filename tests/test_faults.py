"""What breaks around a sweep at work: the disk, the machine, the clock, the reader of its output; and FAULTS.md."""

import errno
import fcntl
import io
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing import forkserver
from pathlib import Path

import pytest
from rich.console import Console

from seqbench import report
from seqbench.config import compose
from seqbench.record.record import current, run_id
from seqbench.record.scratch import Scratch
from seqbench.record.store import Store
from seqbench.schema import Cell, Options, Record, Study, UsageError
from seqbench.sweep import engine
from seqbench.sweep.job import Job
from seqbench.sweep.lanes import Ended, Lanes
from tests import simulated
from tests.test_kills import Command
from tests.toys import cell, train

ROOT = Path(__file__).parents[1]
WORDS = ("task=smoke/copy_3", "model=rnn", "train=smoke", "cost=false", "device=cpu")
PENDING = "fault without a test"
"""The property by which the end of the test run knows them, see conftest.py."""
Tally = Callable[[str, int], None]


# ------------------------------------------------------------------ what runs do to their process

WHAT = {
    "OutOfMemory": ("oom", "MemoryError"),
    "OutOfTensorMemory": ("oom", "memory"),
    "OutOfDeviceMemory": ("oom", "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"),
    "DeviceGone": ("failed", "CUDA error: unspecified launch failure"),
    "Leaving": ("failed", "exit code 0 and left no record"),
    "Hanging": ("timeout", "still running after train.timeout_s=6 seconds"),
    "HangingAtOnce": ("timeout", "the check before training gave no answer in 6 seconds"),
    "Jumping": ("completed", ""),
    "Mean": ("completed", ""),
}


def faulty(name: str, **changes: object) -> Cell:
    module = "tests.toys" if name == "Mean" else "tests.faulty"
    limit_s = 6.0 if name.startswith("Hanging") else 120.0
    made = cell("Mean", budget=20, train=train(timeout_s=limit_s), **changes)  # type: ignore[arg-type]
    labels = {**made.labels, "model": name.lower()}
    return replace(made, model={**made.model, "target": f"{module}:{name}"}, labels=labels)


def sweep(store: Path, *cells: Cell, lanes: int = 2) -> tuple[int, str]:
    """Exit code and output of a sweep over the cells."""
    options = Options(store=str(store), out=str(store), lanes=lanes, rerun="missing", cost=False, report=False)
    study = Study(name=None, description="", reference=None, tuning="", cells=cells, options=options)
    told = io.StringIO()
    return engine.run(study, Console(file=told, width=200)), told.getvalue()


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Record], int, str]:
    """The record of each, by the name of its class, and the sweep's exit code and output."""
    store = tmp_path_factory.mktemp("broken")
    code, told = sweep(store, *map(faulty, WHAT))
    records = Store(store).records()
    return {record.config["model"]["target"].partition(":")[2]: record for record in records}, code, told


@pytest.mark.slow
@pytest.mark.parametrize("name", WHAT)
def test_what_breaks_a_run_is_its_status_and_its_reason(name: str, broken: tuple[dict[str, Record], int, str]):
    record = broken[0][name]
    status, reason = WHAT[name]
    assert record.status == status
    assert reason in (record.reason or "")


@pytest.mark.slow
def test_what_breaks_one_run_stops_no_other_and_shows_in_the_exit_code(broken: tuple[dict[str, Record], int, str]):
    records, code, told = broken
    assert code == 1
    assert set(records) == set(WHAT)
    assert "Traceback" not in told
    assert {record.config["train"]["batch_size"] for record in records.values()} == {4}  # never made smaller silently


@pytest.mark.slow
def test_a_clock_that_jumps_changes_no_duration(broken: tuple[dict[str, Record], int, str]):
    record = broken[0]["Jumping"]
    times = {key: value for key, value in record.summary.items() if key.endswith("_s") and value is not None}
    assert {"train_s", "evaluate_s"} <= set(times)
    for value in (record.duration_s, *times.values()):
        assert 0 <= value < 8640
    assert record.duration_s > 0


def test_a_clock_that_jumps_in_the_parent_ends_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    ticks = iter(range(10**6))
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + (-1) ** next(ticks) * 86400.0)
    code, told = sweep(tmp_path, faulty("Mean"))
    assert code == 0, told
    (record,) = Store(tmp_path).records()
    assert 0 < record.duration_s < 60
    took = re.search(r"took (\d+) s", told)
    assert took, told
    assert int(took[1]) < 60


# ------------------------------------------------------------------ the disk, in a namespace of its own


def inside(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a shell script that may mount; ``seqbench`` is its command, ``$FULL`` a small disk's size."""
    if not shutil.which("unshare") or subprocess.run(["unshare", "-Urm", "true"], capture_output=True).returncode:
        pytest.skip("NOT TESTED: nothing can be mounted here (unshare -Urm is refused)")
    (folder / "store").mkdir()
    words = " ".join((*WORDS, "report=false"))
    program = f'set -e\nseqbench() {{ \'{sys.executable}\' -m seqbench "$@"; }}\ntrain() {{ seqbench {words} "$@"; }}\n'
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = ["unshare", "-Urm", "bash", "-c", program + script]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_a_disk_that_fills_up_ends_the_sweep_with_one_message_and_the_same_command_completes_it(tmp_path: Path):
    words = "store=store seeds=8 train.steps=40 checkpoint_s=0.05 lanes=2"
    done = inside(
        f"""
        mount -t tmpfs -o size=96k tmpfs store
        code=0; train {words} > /dev/null || code=$?
        ls -d store/[0-9a-f]* | wc -l
        echo $code
        cp -r store before
        mount -o remount,size=64m store
        train {words} > /dev/null
        cp -r store after
        """,
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    count, code = map(int, done.stdout.split())
    assert code == 1
    assert 1 <= count < 8
    (told,) = done.stderr.splitlines()
    assert re.fullmatch(
        r"seqbench: cannot use '.*store.*' \(No space left on device(; [\d,]+ bytes are needed)?\)\. Make room or mend "
        r"the access to it\. "
        r"What is done is kept; the same command resumes\.", told
    )  # fmt: skip
    before, after = Store(tmp_path / "before"), Store(tmp_path / "after")
    statuses = [record.status for record in before.records()]
    assert len(statuses) == count
    assert {"completed"} <= set(statuses) <= {"completed", "interrupted"}  # the other lane's run was asked to end
    assert before.problems == []
    assert [record.status for record in current(after.records())] == ["completed"] * 8
    assert all((after.path(record) / "record.json").read_bytes() == (before.path(record) / "record.json").read_bytes()
               for record in before.records())  # fmt: skip


@pytest.mark.slow
def test_a_store_that_cannot_be_written_is_reported_and_refused_before_training(tmp_path: Path):
    done = inside(
        """
        train store=store > /dev/null
        mount --bind store store
        mount -o remount,ro,bind store
        seqbench report --store store --out page > /dev/null
        code=0; train store=store seeds=2 || code=$?
        echo $code
        """,
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "2"
    (told,) = done.stderr.splitlines()
    assert "store must be a folder that can be written; got 'store' (Read-only file system)" in told
    assert (tmp_path / "page" / "index.html").stat().st_size > 1000
    assert len(Store(tmp_path / "store").records()) == 1


@pytest.mark.slow
def test_a_store_that_goes_away_ends_the_sweep_with_one_message_and_the_same_command_completes_it(tmp_path: Path):
    words = (*WORDS, "report=false", "store=store", "seeds=6", "lanes=1")
    command = Command(tmp_path, *words)
    store = tmp_path / "store"
    deadline = time.monotonic() + 120
    while not Store(store).records() and time.monotonic() < deadline:
        time.sleep(0.02)
    store.rename(tmp_path / "gone")
    store.write_text("no folder any more")
    assert command.process.wait(60) == 1
    told = [line for line in command.told.read_text().splitlines() if line.startswith("seqbench: ")]
    assert len(told) == 1
    assert "store" in told[0]
    assert "the same command resumes" in told[0]
    assert "Traceback" not in command.told.read_text()
    store.unlink()
    (tmp_path / "gone").rename(store)
    assert Command(tmp_path, *words).process.wait() == 0
    assert [record.status for record in Store(store).records()] == ["completed"] * 6


@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.ENOLCK, errno.ENOSYS])
def test_a_file_system_without_locks_grants_every_claim(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise OSError(number, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    one, other = Scratch(tmp_path, "run"), Scratch(tmp_path, "run")
    assert one.claim()
    assert other.claim()
    one.clear()
    other.clear()
    assert list((tmp_path / ".scratch").iterdir()) == []


# ------------------------------------------------------------------ names and values


@pytest.mark.slow
@pytest.mark.parametrize("locale", ["C.UTF-8", pytest.param("C", marks=pytest.mark.soak)])
def test_a_sweep_trains_and_reports_in_folders_with_any_name(locale: str, tmp_path: Path):
    here = tmp_path / "späße \u0441 \u65e5\u672c" / ("n" * 200)
    here.mkdir(parents=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LC_ALL": locale}
    words = [*WORDS, "store='./runs é'", "out='page ü'"]
    done = subprocess.run([sys.executable, "-m", "seqbench", *words], cwd=here, env=environment, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(Store(here / "runs é").records()) == 1
    assert (here / "page ü" / "index.html").is_file()


def identities(*words: str) -> set[str]:
    cells = compose(["task=copy_memory", "model=gru", *words] if "model=gru" not in words else words).cells
    return {run_id(cell.identity(), seed, "learning") for cell in cells for seed in cell.seeds}


@pytest.mark.parametrize(
    "words",
    [
        ("train.clip=1",),
        ("train.clip=1.0", "train.beta1=0.90"),
        ("model=gru", "task=copy_memory"),
        (
            "seeds=[0]",
            "device=auto",
            "store=elsewhere",
            "out=there",
            "lanes=1",
            "train.timeout_s=5",
            "checkpoint_s=null",
        ),
    ],
)
def test_the_same_configuration_spelled_differently_is_the_same_run(words: tuple[str, ...]):
    assert identities(*words) == identities()


@pytest.mark.parametrize("word", ["train.clip=1.5", "train.clip=null", "seeds=[1]", "model.learning_rate=0.3"])
def test_another_configuration_is_another_run(word: str):
    assert identities(word).isdisjoint(identities())


@pytest.mark.parametrize(
    "seeds", ["[0,0]", "-1", "[-1]", "0", "[1e30]", "[99999999999999999999]", "100000", "1.5", "[]"]
)
def test_seeds_that_are_equal_negative_huge_or_none_are_refused(seeds: str):
    with pytest.raises(UsageError, match=r"^seeds must be .*; got "):
        compose([f"seeds={seeds}"])


def test_the_largest_seed_trains_and_is_what_the_record_says(tmp_path: Path):
    code, told = sweep(tmp_path, faulty("Mean", seeds=(0, 2**31 - 1)))
    assert code == 0, told
    records = {record.seed: record for record in Store(tmp_path).records()}
    assert set(records) == {0, 2**31 - 1}
    assert len({record.summary["losses_sha256"] for record in records.values()}) == 2


# ------------------------------------------------------------------ the reader of the output


@pytest.mark.slow
@pytest.mark.parametrize("into", ["| head -1", "> /dev/full", ">&-"])
def test_training_goes_on_when_nobody_reads_its_output(into: str, tmp_path: Path):
    shell = f"set -o pipefail; '{sys.executable}' -m seqbench {' '.join(WORDS)} report=false store=store seeds=2 {into}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", shell], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert [record.status for record in Store(tmp_path / "store").records()] == ["completed"] * 2


def test_an_answer_that_cannot_be_written_is_one_message(tmp_path: Path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "seqbench", "ls"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "No space left on device" in done.stderr


# ------------------------------------------------------------------ processes


def workers() -> list[int]:
    """The living processes that the forkserver started."""
    server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            found += [int(stat.parent.name)] if int(parent) == server and state not in "ZX" else []
    return found


def start_and_stop(times: int, folder: Path) -> None:
    """Lanes that are stopped at a random moment, or not, leave no process."""
    dice = random.Random(0)
    for number in range(times):
        lanes, ended = Lanes(2), []
        stop_at = time.monotonic() + dice.uniform(0.0, 0.3)

        def tick(at: float = stop_at) -> None:
            if time.monotonic() > at:
                raise KeyboardInterrupt

        job = Job(kind="learning", cell=faulty("Mean"), seed=0, store=str(folder / str(number)))
        jobs = [replace(job, seed=seed) for seed in range(3)]
        try:
            lanes.run(jobs, ended.append, tick)
        except KeyboardInterrupt:
            pass
        else:
            assert [end.exit_code for end in ended] == [0] * 3
        assert lanes.running == []
        assert workers() == []
        assert all(isinstance(end, Ended) for end in ended)
        statuses = {record.status for record in Store(folder / str(number)).records()}
        assert statuses <= {"completed", "interrupted"}


@pytest.mark.slow
def test_lanes_that_are_started_and_stopped_leave_no_process(tmp_path: Path, tally: Tally):
    start_and_stop(20, tmp_path)
    tally("starts and stops of lanes", 20)


@pytest.mark.soak
def test_five_hundred_starts_and_stops_leave_no_process(tmp_path: Path, tally: Tally):
    start_and_stop(500, tmp_path)
    tally("starts and stops of lanes", 500)


@pytest.mark.slow
def test_two_commands_at_once_share_the_work(tmp_path: Path):
    words = (*WORDS, "report=false", "seeds=6", "store=store", "lanes=2")
    both = [Command(tmp_path, *words) for _ in range(2)]
    assert [command.process.wait() for command in both] == [0, 0], (tmp_path / "told").read_text()
    assert [record.status for record in Store(tmp_path / "store").records()] == ["completed"] * 6


@pytest.mark.slow
def test_when_the_server_that_starts_workers_is_killed_the_same_command_completes_the_sweep(tmp_path: Path):
    words = (*WORDS, "report=false", "seeds=4", "store=store", "train.steps=200", "checkpoint_s=0.05")
    command = Command(tmp_path, *words)
    command.said("Expected time")
    time.sleep(0.3)
    (server,) = [pid for pid in children(command.process.pid) if children(pid)]
    os.kill(server, signal.SIGKILL)
    command.process.wait(120)
    assert command.alone(20)
    assert {r.status for r in Store(tmp_path / "store").records()} <= {"completed", "killed", "interrupted"}
    again = Command(tmp_path, *words)
    assert again.process.wait() == 0, again.told.read_text()
    completed = [record for record in Store(tmp_path / "store").records() if record.status == "completed"]
    assert sorted(record.seed or 0 for record in completed) == [0, 1, 2, 3]


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


# ------------------------------------------------------------------ the report while a sweep is at work


def test_a_report_written_while_a_sweep_publishes_is_whole_at_every_moment(tmp_path: Path):
    store, out, done = Store(tmp_path / "store"), tmp_path / "out", threading.Event()
    store.publish(*simulated.learning("copy_10", "gru", 0))
    seen: list[tuple[int, str]] = []

    def publish() -> None:
        for model in simulated.MODELS:
            for seed in simulated.SEEDS:
                store.publish(*simulated.learning("copy_10", model, seed))
        done.set()

    def read() -> None:
        while not done.is_set() or not seen:
            if (out / "index.html").exists():
                seen.append((len((out / "runs.csv").read_text().splitlines()), (out / "index.html").read_text()))

    threads = [threading.Thread(target=target) for target in (publish, read)]
    for thread in threads:
        thread.start()
    while not done.is_set():
        report.write(Store(tmp_path / "store"), out)
    for thread in threads:
        thread.join()
    report.write(Store(tmp_path / "store"), out)
    assert all(html.rstrip().endswith("</html>") for _, html in seen)
    rows = [lines for lines, _ in seen]
    assert rows == sorted(rows)
    assert len((out / "runs.csv").read_text().splitlines()) == 1 + len(simulated.MODELS) * len(simulated.SEEDS)
    assert not [path.name for path in out.rglob("*") if "tmp" in path.name]


# ------------------------------------------------------------------ the table


def rows() -> list[tuple[int, str, str, str]]:
    """Number, fault, what seqbench does, and the cell of tests of each row of FAULTS.md."""
    lines = (ROOT / "FAULTS.md").read_text(encoding="utf-8").splitlines()
    cells = [[part.strip() for part in line.strip("|").split("|")] for line in lines if re.match(r"\| *\d+ *\|", line)]
    return [(int(number), fault, does, tests) for number, fault, does, tests in cells]


def named(tests: str) -> list[str]:
    return re.findall(r"`(test_\w+\.py::test_\w+)`", tests)


def test_the_table_has_the_42_faults_each_with_what_happens():
    assert [number for number, *_ in rows()] == list(range(1, 43))
    assert all(fault and does for _, fault, does, _ in rows())


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row[0]}")
def test_every_fault_has_a_test_that_exists_or_says_why_not(
    row: tuple[int, str, str, str], record_property: Callable[[str, object], None]
):
    number, fault, _, tests = row
    for name in named(tests):
        file, _, function = name.partition("::")
        source = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {function}\(", source, re.MULTILINE), f"{name} is not there"
    untested = re.search(r"not tested: (.+)", tests)
    assert named(tests) or untested, f"fault {number} has neither a test nor a reason"
    if untested:
        record_property(PENDING, f"{number}. {fault}: {untested[1]}")
