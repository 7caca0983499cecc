"""The report that grows while a sweep trains."""

import multiprocessing
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from seqbench.sweep import renewing
from seqbench.sweep.renewing import Renewal
from seqbench.sweep.state import SweepState
from tests.test_engine import run, study
from tests.toys import cell

NAMES = ("index.html", "report.md", "runs.csv")


def at_each_tick(monkeypatch: pytest.MonkeyPatch, then: Callable[[Renewal], None]) -> None:
    tick = Renewal.tick

    def ticked(renewal: Renewal, states: Sequence[SweepState]) -> None:
        tick(renewal, states)
        then(renewal)

    monkeypatch.setattr(Renewal, "tick", ticked)


def test_a_report_grows_while_a_sweep_trains_and_ends_as_if_it_had_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def read(renewal: Renewal) -> None:
        if renewal._process is not None:
            renewal._process.join()
            seen.append((tmp_path / "out" / "report.md").read_text())

    monkeypatch.setattr(renewing, "EVERY_S", 0.0)
    at_each_tick(monkeypatch, read)
    wanted = study(tmp_path, cell("Mean", seeds=(0, 1, 2)), report=True, lanes=1)
    assert run(wanted)[0] == 0
    found = [
        re.search(r"1 sweep was at work in the store: (\d) of 3 planned runs were not finished", text) for text in seen
    ]
    left = [int(match[1]) for match in found if match]
    assert len(left) == len(seen) > 0
    assert left == sorted(left, reverse=True)
    assert left[0] < 3
    last = {name: (tmp_path / "out" / name).read_bytes() for name in NAMES}
    assert b"at work" not in last["report.md"]
    assert not list((tmp_path / "out").rglob(".tmp-*"))
    monkeypatch.setattr(renewing, "EVERY_S", 60.0)
    assert run(wanted)[0] == 0
    assert last == {name: (tmp_path / "out" / name).read_bytes() for name in NAMES}


@pytest.mark.parametrize(("report", "every_s"), [(False, 0.0), (True, 60.0)])
def test_no_report_is_made_where_none_is_wanted_nor_sooner_than_after_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: bool, every_s: float
) -> None:
    assert renewing.EVERY_S == 60.0
    monkeypatch.setattr(renewing, "EVERY_S", every_s)
    processes: list[object] = []
    at_each_tick(monkeypatch, lambda renewal: processes.append(renewal._process))
    assert run(study(tmp_path, cell("Mean", seeds=(0, 1)), report=report, lanes=1))[0] == 0
    assert processes
    assert set(processes) == {None}


def test_a_report_in_the_making_ends_with_the_training_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it is: the sooner the interrupt, the less of it there is to end."""
    assert run(study(tmp_path, cell("Mean", seeds=(0, 1))))[0] == 0
    wanted = study(tmp_path, cell("Mean", seeds=(0, 1)), report=True)
    monkeypatch.setattr(renewing, "EVERY_S", 0.0)
    for wait_s in (0.0, 0.3, 1.0, 2.0, 3.0):
        renewal = Renewal(wanted, ())
        renewal._start()
        time.sleep(wait_s)
        began = time.monotonic()
        renewal.stop()
        assert time.monotonic() - began < renewing.GRACE_S + 2
        assert not multiprocessing.active_children()
        assert not list((tmp_path / "out").rglob(".tmp-*"))


def test_a_report_that_cannot_be_made_costs_no_run_and_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "out" / "index.html"
    page.mkdir(parents=True)
    codes = []

    def make_way(renewal: Renewal) -> None:
        if renewal._process is not None and page.is_dir():
            renewal._process.join()
            codes.append(renewal._process.exitcode)
            page.rmdir()

    monkeypatch.setattr(renewing, "EVERY_S", 0.0)
    at_each_tick(monkeypatch, make_way)
    assert run(study(tmp_path, cell("Mean", seeds=(0, 1, 2)), report=True, lanes=1))[0] == 0
    assert codes == [0]
    assert page.is_file()
    assert capfd.readouterr() == ("", "")
