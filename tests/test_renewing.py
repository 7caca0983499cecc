"""The report that grows while a sweep trains."""

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqbench.schema import Study
from seqbench.sweep import progress, renewing
from seqbench.sweep.renewing import FAILED, Renewal
from tests.test_engine import run, study
from tests.toys import cell

NAMES = ("index.html", "report.md", "runs.csv")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class Process:
    """A report that takes as long as the test likes."""

    def __init__(self) -> None:
        self.at_work, self.exitcode = True, 0

    def is_alive(self) -> bool:
        return self.at_work

    def join(self, _: float | None = None) -> None:
        self.at_work = False

    terminate = kill = join


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(renewing, "time", clock)
    return clock


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Process]:
    """The reports that were begun."""
    found: list[Process] = []

    def start(renewal: Renewal) -> None:
        renewal._process = Process()
        found.append(renewal._process)

    monkeypatch.setattr(Renewal, "_start", start)
    return found


def wanted(root: Path, **options: object) -> Study:
    return study(root, cell("Mean", seeds=(0, 1, 2)), **{"report": True, "lanes": 1} | options)


def test_a_report_is_begun_a_minute_after_the_last_one_where_a_run_has_ended(
    tmp_path: Path, clock: Clock, begun: list[Process]
) -> None:
    renewal = Renewal(print)
    with renewal.of(wanted(tmp_path), {"a", "b", "c"}, 1):
        for now, finished, number in ((59, 2, 0), (61, 1, 0), (62, 2, 1), (300, 3, 1)):
            clock.now = now
            renewal.tick(finished)
            assert len(begun) == number
        begun[0].at_work = False  # it took 240 s, and as many it is let be
        for now, finished, number in ((302, 3, 1), (541, 3, 1), (543, 3, 2)):
            clock.now = now
            renewal.tick(finished)
            assert len(begun) == number
    with renewal.of(wanted(tmp_path), {"a", "b", "c", "d"}, 3):  # the next lengths of a bisection
        clock.now = 600
        renewal.tick(4)
        assert len(begun) == 2
        clock.now = 1000
        renewal.tick(4)
    assert len(begun) == 3


def test_none_is_begun_where_no_report_is_wanted(tmp_path: Path, clock: Clock, begun: list[Process]) -> None:
    for report, number in ((False, 0), (True, 1)):
        renewal = Renewal(print)
        with renewal.of(wanted(tmp_path, report=report), {"a"}, 0):
            clock.now += 100
            renewal.tick(1)
        assert len(begun) == number


@pytest.mark.parametrize("how", ["exit code", "no process"])
def test_one_that_cannot_be_made_is_told_once_and_ends_no_sweep(
    tmp_path: Path, clock: Clock, begun: list[Process], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    def refuse(_: Renewal) -> None:
        raise RuntimeError("no thread")

    if how == "no process":
        monkeypatch.setattr(Renewal, "_start", refuse)
    told: list[str] = []
    renewal = Renewal(told.append)
    with renewal.of(wanted(tmp_path), {"a"}, 0):
        for number in range(1, 9):
            clock.now += 100
            renewal.tick(number)
            for process in begun:
                process.at_work, process.exitcode = False, 1
    assert told == [FAILED]
    assert len(begun) <= 1


def at_each_tick(monkeypatch: pytest.MonkeyPatch, then: Callable[[Renewal], object]) -> None:
    """Reports are begun as soon as a run has ended, and are whole before the sweep goes on."""
    tick = Renewal.tick

    def ticked(renewal: Renewal, finished: int) -> None:
        tick(renewal, finished)
        if renewal._process is not None:
            renewal._process.join()
            then(renewal)

    monkeypatch.setattr(Renewal, "tick", ticked)
    monkeypatch.setattr(renewing, "EVERY_S", 0.0)
    monkeypatch.setattr(progress, "LOOK_S", 0.0)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_report_grows_while_a_sweep_trains_and_ends_as_if_it_had_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, anew = tmp_path / "out", tmp_path / "anew"
    pages: list[str] = []
    assert run(study(tmp_path, cell("Mean"), lanes=1, cost=True))[0] == 0  # what was measured is on all pages

    def read(_: Renewal) -> None:
        pages.append((out / "report.md").read_text())
        assert (out / "costs.csv").is_file()

    with monkeypatch.context() as patched:
        at_each_tick(patched, read)
        assert run(wanted(tmp_path))[0] == 0
    sentence = r"When this was written, its sweep was at work: (\d) of 3 planned runs were not finished\."
    left = [int(found[1]) for page in pages if (found := re.search(sentence, page))]
    assert len(left) == len(pages) > 0
    assert left == sorted(left, reverse=True)
    assert left[0] < 2
    assert "at work" not in (out / "report.md").read_text()
    grown = contents(out)
    assert run(wanted(tmp_path, out=str(anew)))[0] == 0
    assert {*NAMES, "costs.csv"} <= {*grown}
    assert grown == contents(anew)


@pytest.mark.slow
def test_a_report_in_the_making_ends_with_the_training_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Wherever it is: the later it is ended, the more of it there is."""
    assert run(wanted(tmp_path, report=False))[0] == 0
    alive = []
    for wait_s in (0.0, 0.3, 1.0, 2.0, 3.0):
        renewal = Renewal(print)
        with renewal.of(wanted(tmp_path), {"a"}, 0):
            renewal._start()
            time.sleep(wait_s)
            alive.append(renewal._process.is_alive())
            began = time.monotonic()
        assert time.monotonic() - began < renewing.GRACE_S + 1
        assert not multiprocessing.active_children()
    assert any(alive)
    assert not list((tmp_path / "out").rglob(".tmp-*"))


@pytest.mark.slow
def test_a_page_that_cannot_be_written_costs_no_run_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "out" / "index.html"
    page.mkdir(parents=True)
    at_each_tick(monkeypatch, lambda _: page.is_dir() and page.rmdir())
    code, told = run(wanted(tmp_path))
    assert code == 0
    assert told.count(FAILED) == 1
    assert page.is_file()
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_it_takes_what_others_leave_and_ends_with_who_wanted_it(tmp_path: Path) -> None:
    """Its priority, and that nobody outlives a parent that is killed."""
    program = """if __name__ == "__main__":
    import sys, time
    from pathlib import Path
    from seqbench.sweep import renewing
    from tests.test_renewing import wanted
    renewal = renewing.Renewal(print)
    with renewal.of(wanted(Path(sys.argv[1])), {"a"}, 0):
        renewal._start()
        print(renewal._process.pid, flush=True)
        renewal._process.join()
"""
    assert run(wanted(tmp_path, report=False))[0] == 0
    script, root = tmp_path / "program.py", Path(__file__).parents[1]
    script.write_text(program)
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen([sys.executable, script, tmp_path], env=environment, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        await_(lambda: os.getpriority(os.PRIO_PROCESS, pid) == 19)
        await_(lambda: Path(f"/proc/{pid}/oom_score_adj").read_text().strip() == "1000")
        assert os.getsid(pid) == pid
        parent.send_signal(signal.SIGKILL)
    await_(lambda: not Path(f"/proc/{pid}").exists())


def await_(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
