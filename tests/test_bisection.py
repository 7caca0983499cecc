"""Lengths that follow from results, through the engine: the same command again, after anything, comes to the same."""

import io
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from seqbench.record.store import Store
from seqbench.schema import Bisection, Cell, Launcher, Options, Status, Study, UsageError
from seqbench.sweep import engine
from seqbench.sweep.bisection import explain, grown
from seqbench.sweep.job import Job
from seqbench.sweep.plan import PlannedRun
from tests.toys import cell, train

FOUND = [8, 11, 14, 24]
"""8 and 24, and what halves the gap between what is solved and what is not: ``Reach`` is solved up to 13 steps."""


def at(made: Cell, length: int) -> Cell:
    labels = {**made.labels, "task": f"reach length={length}"}
    return replace(made, task={**made.task, "length": length}, labels=labels)


def study(root: Path, target: str = "Reach", model: str = "Mean", ratio: float = 1.5, **options: object) -> Study:
    settings = {
        "store": str(root / "store"), "out": str(root / "out"), "lanes": 2, "rerun": "missing", "cost": False,
        "report": False,
    } | options  # fmt: skip
    task = {"target": f"tests.toys:{target}", "version": 1, "budget": 10, "length": 8}
    base = cell(model, task=task, seeds=(0,), train=train(evaluate_every=2), instruments={"probe_batch": 4})
    return Study(
        name=None,
        description="",
        reference=None,
        tuning="",
        cells=tuple(at(base, length) for length in (8, 24)),
        options=Options(**settings),  # type: ignore[arg-type]
        bisection=Bisection(ratio=ratio, at=at),
    )


def run(wanted: Study) -> tuple[int, str]:
    stream = io.StringIO()
    code = engine.run(wanted, Console(file=stream, width=160))
    return code, stream.getvalue()


def planned(wanted: Study) -> str:
    stream = io.StringIO()
    explain(wanted, Console(file=stream, width=160))
    return stream.getvalue()


def lengths(store: Path) -> list[int]:
    return sorted({record.config["task"]["length"] for record in Store(store).records()})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Where the sweep ran from beginning to end, and what it said."""
    root = tmp_path_factory.mktemp("whole")
    code, told = run(study(root))
    assert code == 0
    return root, told


def states(root: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (root / "store").rglob("*")}


def test_lengths_follow_until_two_are_close_and_the_same_command_again_trains_nothing(whole: tuple[Path, str]):
    root, told = whole
    assert lengths(root / "store") == FOUND
    assert "4 completed" in told
    assert "These results call for reach length=14 mean." in told
    before = states(root)
    code, second = run(study(root))
    assert code == 0
    assert "4 runs of 4 cells, 4 done, 0 to train" in second
    assert states(root) == before


def test_the_plan_tells_what_may_follow_and_is_the_same_again(whole: tuple[Path, str], tmp_path: Path):
    first = planned(study(tmp_path))
    assert "2 runs of 2 cells: 2 to train" in first
    assert "Then lengths follow for 1 architecture, up to 2 each" in first
    done = planned(study(whole[0]))
    assert "4 runs of 4 cells: 0 to train, 4 done." in done
    assert "follow" not in done
    assert done == planned(study(whole[0]))


def test_a_sweep_that_is_interrupted_midway_comes_to_the_same_lengths_and_runs(
    whole: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    original, waves = engine._Engine._train, []

    def interrupted(self: engine._Engine, jobs: list[Job], plan: list[PlannedRun]) -> None:
        waves.append([job.cell.length for job in jobs])
        if len(waves) == 2:
            raise KeyboardInterrupt
        original(self, jobs, plan)

    with monkeypatch.context() as patched:
        patched.setattr(engine._Engine, "_train", interrupted)
        with pytest.raises(KeyboardInterrupt, match="2 of 3 runs done"):
            run(study(tmp_path))
    assert sorted(waves[0]) == [8, 24]
    assert waves[1] == [14]
    assert "train  reach length=14 mean  seed 0: missing" in planned(study(tmp_path))
    assert run(study(tmp_path))[0] == 0
    parts = [Store(root / "store").records() for root in (whole[0], tmp_path)]
    once, twice = ([(r.run_id, r.summary["parameters_sha256"]) for r in records] for records in parts)
    assert once == twice


def test_nothing_follows_while_runs_are_missing_or_to_be_trained_again(whole: tuple[Path, str]):
    store = Store(whole[0] / "store")
    assert [made.length for made in grown(study(whole[0]), store)[0].cells] == FOUND
    more = study(whole[0])
    more = replace(more, cells=tuple(replace(made, seeds=(0, 1)) for made in more.cells))
    assert len(grown(more, store)[0].cells) == 2
    assert len(grown(study(whole[0], rerun="all"), store)[0].cells) == 2


def test_rerun_all_trains_everything_once_more_and_ends(whole: tuple[Path, str], tmp_path: Path):
    shutil.copytree(whole[0] / "store", tmp_path / "store")
    assert "4 completed" in run(study(tmp_path, rerun="all"))[1]
    assert sorted(record.attempt for record in Store(tmp_path / "store").records()) == [1] * 4 + [2] * 4


@pytest.mark.parametrize(("status", "found"), [("failed", FOUND), ("killed", [8, 24]), ("interrupted", [8, 24])])
def test_failed_runs_count_as_not_solved_and_stopped_ones_hold_their_curve(
    whole: tuple[Path, str], tmp_path: Path, status: Status, found: list[int]
):
    store = Store(tmp_path / "store")
    for record in Store(whole[0] / "store").records():
        ended = status if record.config["task"]["length"] == 24 else record.status
        store.publish(replace(record, status=ended, arrays={}, files={}), {})
    trained = {record.run_id for record in store.records()}
    assert [made.length for made in grown(study(tmp_path), store, trained)[0].cells] == found


def test_what_cannot_be_solved_or_goes_through_a_launcher_is_refused_and_leaves_nothing(tmp_path: Path):
    with pytest.raises(UsageError, match="bisect needs a task that can be solved; reach length="):
        run(study(tmp_path, target="Unsolvable"))
    with pytest.raises(UsageError, match="bisect must run on this machine"):
        run(study(tmp_path, launcher=Launcher(name="joblib", options={})))
    assert list(tmp_path.iterdir()) == []
