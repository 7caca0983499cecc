import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest

from seqbench.record.store import Store
from seqbench.sweep import lanes as lanes_module
from seqbench.sweep import outcome
from seqbench.sweep.interrupts import deaf, held
from seqbench.sweep.job import Job
from seqbench.sweep.lanes import Ended, Lane, Lanes
from tests.toys import cell, train

HOW = {
    "Raising": ("failed", "the layer <b>broke</b>"),
    "Exiting": ("failed", "called exit(3)"),
    "Killing": ("killed", "SIGKILL, possibly out of memory"),
    "Hungry": ("oom", "memory"),
    "Sleeping": ("timeout", "train.timeout_s=3"),
    "Transposed": ("failed", "must return a tensor (batch, time"),
}


def run(jobs: list[Job], number: int = 2) -> list[Ended]:
    ended: list[Ended] = []
    Lanes(number).run(jobs, ended.append)
    return ended


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """Status and reason of each broken architecture's run; all run side by side, a healthy one among them."""
    store = tmp_path_factory.mktemp("store")
    limits = {"Sleeping": 3.0}
    jobs = [
        Job(kind="learning", cell=cell(name, train=train(timeout_s=limits.get(name, 120.0))), seed=0, store=str(store))
        for name in ("Mean", *HOW)
    ]
    found = {}
    for end in run(jobs):
        name = end.job.cell.model["target"].partition(":")[2]
        records = Store(store).find(end.job.run_id)
        found[name] = (records[0].status, records[0].reason or "") if records else outcome.of_process(end)
    return found


@pytest.mark.parametrize("name", HOW)
def test_a_broken_run_ends_with_its_status_and_reason(name: str, outcomes: dict[str, tuple[str, str]]):
    status, reason = HOW[name]
    assert outcomes[name][0] == status
    assert reason in outcomes[name][1]


@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL, possibly"), (15, "SIGTERM"), (40, "signal 40")])
def test_any_signal_that_ends_a_worker_is_told(number: int, name: str, tmp_path: Path):
    job = Job(kind="learning", cell=cell("Mean"), seed=0, store=str(tmp_path))
    end = Ended(job=job, messages=(), exit_code=-number, timed_out=False, elapsed_s=1.0)
    assert outcome.of_process(end)[0] == "killed"
    assert f"ended by {name}" in outcome.of_process(end)[1]


def test_waiting_for_a_run_is_no_part_of_its_time_and_earlier_processes_are():
    job = Job(kind="learning", cell=cell("Mean", train=train(timeout_s=8.0)), seed=0)

    def lane(age_s: float, waits: bool) -> Lane:
        receiver, _ = multiprocessing.Pipe()
        return Lane(job=job, process=None, connection=receiver, began=time.monotonic() - age_s, waits=waits)

    waiting = lane(100, True)
    assert not waiting.overdue
    waiting.begin(5.0)
    assert not waiting.overdue
    waiting.begin(9.0)
    assert waiting.overdue
    working = lane(6, False)
    assert not working.overdue
    working.begin(3.0)
    assert working.overdue


def test_a_worker_that_outlives_the_process_that_started_it_is_ended(tmp_path: Path):
    job = Job(kind="learning", cell=cell("Sleeping"), seed=0, store=str(tmp_path))
    lanes, ended = Lanes(1), []
    pids: list[int] = []
    killed_at: list[float] = []

    def tick() -> None:
        if lanes.running and not pids and job.scratch().claimed():
            pids.append(lanes.running[0].process.pid)
            killed_at.append(time.monotonic())
            os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)  # type: ignore[attr-defined]

    lanes.run([job], ended.append, tick)
    assert time.monotonic() - killed_at[0] < 10
    assert [end.exit_code for end in ended] == [-signal.SIGTERM]
    assert not is_at_work(pids[0])


def test_a_process_that_ended_is_not_at_work_before_anybody_noticed():
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    os.kill(child.pid, 0)  # its number is still taken
    assert not lanes_module._is_at_work(child.pid)
    assert lanes_module._is_at_work(os.getpid())
    child.wait()


def is_at_work(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_one_bad_run_never_stops_the_others(outcomes: dict[str, tuple[str, str]]):
    assert outcomes["Mean"] == ("completed", "")
    assert set(outcomes) == {"Mean", *HOW}


def test_no_process_is_left_behind(outcomes: dict[str, tuple[str, str]]):
    assert outcomes
    assert multiprocessing.active_children() == []


def test_stopping_midway_ends_every_process_and_tells_how(tmp_path: Path):
    lanes = Lanes(2)

    def interrupt() -> None:
        if lanes.running:
            raise KeyboardInterrupt

    jobs = [Job(kind="learning", cell=cell("Sleeping"), seed=seed, store=str(tmp_path)) for seed in (0, 1, 2)]
    ended: list[Ended] = []
    with pytest.raises(KeyboardInterrupt):
        lanes.run(jobs, ended.append, interrupt)
    assert [outcome.of_process(end)[0] for end in ended] == ["interrupted", "interrupted"]
    assert multiprocessing.active_children() == []
    assert lanes.running == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("threads", [0, 1])
def test_an_interrupt_while_a_process_starts_is_held_back_and_not_lost(number: signal.Signals, threads: int):
    """Also where another thread, whose mask is not ours, is there to take the signal."""
    reached: list[str] = []
    done = threading.Event()
    others = [threading.Thread(target=done.wait) for _ in range(threads)]
    for other in others:
        other.start()

    def start() -> None:
        with held(), deaf():
            os.kill(os.getpid(), number)
            time.sleep(0.01)
            reached.append("the end of the start")

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            start()
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)
        done.set()
        for other in others:
            other.join()
    assert reached == ["the end of the start"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())


def test_an_interrupt_does_not_wait_until_torch_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    slow = "import sys, time\nif any('forkserver' in word for word in sys.orig_argv):\n    time.sleep(60)\n"
    (tmp_path / "sitecustomize.py").write_text(slow)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    server: Any = forkserver._forkserver  # type: ignore[attr-defined]
    forkserver.ensure_running()
    os.kill(server._forkserver_pid, signal.SIGKILL)  # the next one starts as in a command of its own
    os.waitid(os.P_PID, server._forkserver_pid, os.WEXITED | os.WNOWAIT)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    lanes, began = Lanes(1), time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        lanes.run([Job(kind="preflight", cell=cell("Mean"))], lambda end: None)
    assert time.monotonic() - began < 5
    assert lanes.running == []
    os.waitid(os.P_PID, server._forkserver_pid, os.WEXITED | os.WNOWAIT)


def test_processes_can_be_started_from_a_thread_that_no_interrupt_reaches():
    ended: list[Ended] = []
    jobs = [Job(kind="preflight", cell=cell("Mean"))]
    with ThreadPoolExecutor(1) as pool:
        pool.submit(Lanes(1).run, jobs, ended.append).result()
    assert [end.exit_code for end in ended] == [0]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
