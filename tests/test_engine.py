import errno
import fcntl
import io
import os
import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from seqbench.record.store import Store
from seqbench.schema import Options, Record, Study, UsageError
from seqbench.sweep import engine, estimate, measuring, outcome, problems, same
from seqbench.sweep.entry import SweepEntry
from seqbench.sweep.job import Job
from seqbench.sweep.lanes import Ended, Lanes
from seqbench.sweep.measuring import IN_A_SWEEP
from seqbench.sweep.plan import explain, make_plan
from seqbench.sweep.reconcile import reconcile
from tests.toys import ADDING, cell


def study(root: Path, *cells: object, **options: object) -> Study:
    settings = {
        "store": str(root / "store"), "out": str(root / "out"), "lanes": 2, "rerun": "missing", "cost": False,
        "report": False,
    } | options  # fmt: skip
    return Study(name=None, description="", reference=None, tuning="", cells=cells, options=Options(**settings))  # type: ignore[arg-type]


def run(wanted: Study) -> tuple[int, str]:
    stream = io.StringIO()
    code = engine.run(wanted, Console(file=stream, width=160))
    return code, stream.getvalue()


def test_the_same_command_again_trains_nothing(tmp_path: Path):
    wanted = study(tmp_path, cell("Mean", seeds=(0, 1)))
    code, first = run(wanted)
    assert code == 0
    assert "2 to train" in first
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*")}
    code, second = run(wanted)
    assert code == 0
    assert "2 done, 0 to train" in second
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*")}


def test_a_run_is_bitwise_the_same_alone_and_beside_others(tmp_path: Path):
    run(study(tmp_path / "one", cell("Mean", seeds=(1,))))
    run(study(tmp_path / "many", cell("Branching", seeds=(0,)), cell("Mean", seeds=(2, 1, 0))))
    (alone,) = Store(tmp_path / "one" / "store").records()
    store = Store(tmp_path / "many" / "store")
    (beside,) = store.find(alone.run_id)
    for key in ("losses_sha256", "parameters_sha256", "score"):
        assert alone.summary[key] == beside.summary[key]
    np.testing.assert_array_equal(
        store.arrays(beside)["gradient_profile/input"],
        Store(tmp_path / "one" / "store").arrays(alone)["gradient_profile/input"],
    )


def test_a_store_without_locks_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks here")

    assert "no locks" not in run(study(tmp_path, cell("Mean")))[1]
    monkeypatch.setattr(fcntl, "flock", refuse)
    code, told = run(study(tmp_path, cell("Mean", seeds=(1,))))
    assert code == 0
    assert told.count("store: its file system has no locks") == 1


def test_a_failing_architecture_is_recorded_with_its_traceback_and_the_rest_goes_on(tmp_path: Path):
    wanted = study(tmp_path, cell("Raising"), cell("Mean"))
    code, told = run(wanted)
    assert code == 1
    assert "1 completed, 1 failed" in told
    records = {record.status: record for record in Store(tmp_path / "store").records()}
    assert "the layer <b>broke</b>" in (records["failed"].traceback or "")
    assert "0 to train" in run(wanted)[1]
    assert "1 to train" in run(study(tmp_path, cell("Raising"), cell("Mean"), rerun="failed"))[1]


def test_what_failed_is_told_in_the_order_of_the_plan(tmp_path: Path):
    _, told = run(study(tmp_path, cell("Raising", seeds=(3, 0, 2, 1)), cell("Mean")))
    assert re.findall(r"^failed: .* seed (\d): ", told, re.MULTILINE) == ["3", "0", "2", "1"]


def test_a_broken_contract_is_found_before_training(tmp_path: Path):
    code, told = run(study(tmp_path, cell("Detached"), cell("Mean")))
    assert code == 1
    assert "contract gradient: expected a gradient for every parameter; got none for body.map.weight" in told
    assert len(Store(tmp_path / "store").records()) == 2


def test_what_no_record_can_hold_is_found_before_training(tmp_path: Path):
    code, told = run(study(tmp_path, cell(task=ADDING | {"target": "tests.toys:Unreadable"})))
    (record,) = Store(tmp_path / "store").records()
    assert (code, record.status, record.summary) == (1, "failed", {})
    assert "task.floor must be a number" in str(record.reason)
    assert "task.floor must be" in told


def test_what_a_killed_process_was_publishing_is_removed_by_the_next_sweep(tmp_path: Path):
    left = tmp_path / "store" / ".tmp-dead"
    left.mkdir(parents=True)
    yesterday = time.time() - 24 * 3600
    os.utime(left, (yesterday, yesterday))
    told = run(study(tmp_path, cell("Mean")))[1]
    assert not left.exists()
    assert ".tmp-dead" not in told


def test_what_processes_left_that_were_killed_after_they_had_published_is_removed(tmp_path: Path):
    wanted, store = study(tmp_path, cell("Mean")), Store(tmp_path / "store")
    run(wanted)
    (record,) = store.records()
    folder = store.root / ".scratch"
    ended = SweepEntry(store.root, " ".join(made.command for made in wanted.cells)).name
    for name in (f"{record.run_id}-{record.env_id}", f"{'0' * 16}-{record.env_id}", ended, "sweep-of-another"):
        for suffix in ("npz", "json", "lock", "abc.tmp"):
            (folder / f"{name}.{suffix}").touch()
    (folder / f"{record.run_id}.log").touch()
    (folder / f"{'0' * 16}.log").touch()
    run(wanted)
    left = {path.name.partition(".")[0] for path in folder.iterdir()}
    assert left == {f"{'0' * 16}-{record.env_id}", "sweep-of-another", "0" * 16}
    assert len(list(folder.iterdir())) == 9
    assert [found.attempt for found in store.records()] == [1]


def test_bad_values_are_usage_errors_and_leave_nothing_behind(tmp_path: Path):
    bad = cell("Mean", task=ADDING | {"length": -1})
    with pytest.raises(UsageError, match=r"task\.length"):
        run(study(tmp_path, bad))
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_store_is_refused_before_training(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="store must be a folder"):
        run(study(tmp_path, cell("Mean"), store=str(tmp_path / "file")))


@pytest.mark.parametrize(("key", "value"), [("store", "a" * 300), ("out", "file"), ("store", "/proc/none/here")])
def test_a_folder_that_cannot_be_used_is_refused_at_once_and_leaves_nothing(tmp_path: Path, key: str, value: str):
    (tmp_path / "file").write_text("")
    folder = value if value.startswith("/") else str(tmp_path / value)
    with pytest.raises(UsageError, match=f"{key} must be a folder"):
        run(study(tmp_path, cell("Mean"), **{key: folder, "report": True}))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_instrument_with_a_bad_value_is_refused_before_training(tmp_path: Path):
    bad = cell("Mean", instruments={"gradient_profile": True, "probe_batch": 0})
    with pytest.raises(UsageError, match=r"instruments\.probe_batch must be at least 1; got 0"):
        run(study(tmp_path, bad))
    assert list(tmp_path.iterdir()) == []


def test_a_cell_that_fails_is_not_measured(tmp_path: Path):
    run(study(tmp_path, cell("Raising"), cost=True))
    assert Store(tmp_path / "store").records(kind="cost") == []


def test_cost_is_measured_once_and_not_again(tmp_path: Path):
    wanted = study(tmp_path, cell("Mean"), cost=True)
    run(wanted)
    found = Store(tmp_path / "store").records(kind="cost")
    assert sorted(record.config["cost"]["round"] for record in found) == [0, 1]
    assert all(record.summary["peak_bytes"] >= 0 for record in found)
    assert len({record.cell_id for record in found}) == 1
    assert "measuring" not in run(wanted)[1]


def test_a_cell_that_another_environment_trained_is_measured_here_where_that_counts_as_done(tmp_path: Path):
    made, store = cell("Mean"), tmp_path / "store"
    record = outcome.record(Job(kind="learning", cell=made, seed=0, store=str(store)), "completed", None, None)
    Store(store).publish(replace(record, env_id="0" * 12), {})
    _, told = run(study(tmp_path, made, cost=True, reuse="any"))
    assert "0 to train" in told
    assert len(Store(store).records(kind="cost")) == IN_A_SWEEP.rounds


def test_a_damaged_record_is_set_aside_and_counted_and_its_run_is_trained_again(tmp_path: Path):
    wanted, store = study(tmp_path, cell("Mean", seeds=(0, 1))), tmp_path / "store"
    run(wanted)
    (store / "mine").mkdir()
    damaged = Store(store).path(Store(store).records()[0])
    (damaged / "arrays.npz").write_bytes(b"damage")
    code, told = run(wanted)
    assert code == 0
    assert "1 done, 1 to train" in told
    assert "store: 1 damaged record set aside, 1 thing left alone\n" in told
    assert f"store: {damaged.name}: record.json is fine, but arrays.npz beside it is damaged; it was set aside" in told
    assert "store: mine: is not a record; move it out of the store" in told
    assert (store / ".damaged" / damaged.name / "arrays.npz").read_bytes() == b"damage"
    assert sorted(record.attempt for record in Store(store).records()) == [1, 1]
    assert "set aside" not in run(wanted)[1]


def test_of_many_problems_ten_are_shown_and_the_rest_counted(tmp_path: Path):
    for number in range(13):
        (tmp_path / f"{number:02}").mkdir()
    told = problems.set_aside(Store(tmp_path))
    assert told[0] == "store: 13 things left alone"
    assert told[10].startswith("store: 09: ")
    assert told[11:] == ["store: and 3 more"]


def test_a_run_that_ended_badly_elsewhere_and_well_here_counts_once_where_both_count(tmp_path: Path):
    made, store = cell("Mean"), tmp_path / "store"
    job = Job(kind="learning", cell=made, seed=0, store=str(store))
    Store(store).publish(replace(outcome.record(job, "interrupted", "stopped", None), env_id="0" * 12), {})
    Store(store).publish(outcome.record(job, "completed", None, None), {})
    code, told = run(study(tmp_path, made, reuse="any"))
    assert code == 0
    assert "1 completed; took" in told


def test_what_was_changed_after_the_sweep_began_is_not_trained(tmp_path: Path):
    job = Job(kind="learning", cell=cell("Mean"), seed=0, store=str(tmp_path), code={"tests.toys:Mean": "0" * 64})
    Lanes(1).run([job], lambda end: None)
    (record,) = Store(tmp_path).records()
    assert record.status == "interrupted"
    assert record.reason == (
        "changed while the sweep was at work: tests.toys:Mean; the same command begins with what is there now"
    )


def test_the_code_of_a_cell_is_its_files_and_all_of_seqbench(tmp_path: Path):
    file = tmp_path / "mine.csv"
    file.write_text("1\n")
    made = cell("Mean", task={**ADDING, "path": str(file)})
    code = same.code_of(made)
    assert set(code) == {"seqbench", ADDING["target"], "tests.toys:Mean", str(file)}
    assert same.changed(made, code) is None
    file.write_text("2\n")
    assert same.changed(made, code) == str(file)
    file.unlink()
    assert "task.path must be a file that can be read" in str(same.changed(made, code))


def test_what_failed_for_another_command_is_not_trained_again_by_one_that_waited(tmp_path: Path):
    job = Job(kind="learning", cell=cell("Mean"), seed=0, store=str(tmp_path), wait=True)
    Store(tmp_path).publish(outcome.record(job, "failed", "it broke", None), {})
    Lanes(1).run([job], lambda end: None)
    assert [record.status for record in Store(tmp_path).records()] == ["failed"]


@pytest.mark.parametrize(("rerun", "times"), [("missing", 1), ("changed", 1), ("all", 2)])
def test_rerun_all_measures_again_too(rerun: str, times: int, tmp_path: Path):
    made, store = cell("Mean"), Store(tmp_path / "store")
    measurements = measuring.measurements([made], IN_A_SWEEP, str(store.root))
    for job in (Job(kind="learning", cell=made, seed=0, store=str(store.root)), *measurements):
        store.publish(outcome.record(job, "completed", None, None), {})
    run(study(tmp_path, made, cost=True, rerun=rerun))
    assert len(store.records("cost")) == times * len(measurements)


def test_rerun_all_that_was_interrupted_is_resumed_and_not_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    wanted, store = study(tmp_path, cell("Mean", seeds=(0, 1, 2)), lanes=1), Store(tmp_path / "store")
    again = replace(wanted, options=replace(wanted.options, rerun="all"))
    run(wanted)
    for done in (1, 2):  # an interrupted one that is interrupted too
        with monkeypatch.context() as patched:
            patched.setattr(engine, "reconcile", then_interrupt)
            with pytest.raises(KeyboardInterrupt, match=f"{done} of 3 runs done"):
                run(again)
        assert sum(planned.train for planned in make_plan(again, store)) == 3 - done
    assert "3 runs of 1 cell, 2 done, 1 to train" in run(again)[1]
    assert sorted(record.attempt for record in store.records()) == [1, 1, 1, 2, 2, 2]
    assert [planned.reason for planned in make_plan(again, store)] == ["rerun=all (completed before)"] * 3


def then_interrupt(store: Store, end: Ended) -> Record:
    reconcile(store, end)
    raise KeyboardInterrupt


def test_a_bad_value_leaves_a_damaged_record_where_it_is(tmp_path: Path):
    wanted = study(tmp_path, cell("Mean"))
    run(wanted)
    (record,) = Store(tmp_path / "store").records()
    (Store(tmp_path / "store").path(record) / "record.json").write_text("damage")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError):
        run(study(tmp_path, cell("Mean", task={**ADDING, "length": 0}), cell("Mean")))
    assert sorted(tmp_path.rglob("*")) == before


def test_the_plan_names_what_is_damaged(tmp_path: Path):
    wanted = study(tmp_path, cell("Mean"))
    run(wanted)
    (record,) = Store(tmp_path / "store").records()
    (Store(tmp_path / "store").path(record) / "record.json").write_text("damage")
    stream = io.StringIO()
    explain(wanted, Console(file=stream, width=160))
    assert "store: 1 thing left alone\n" in stream.getvalue()
    assert "record.json is not complete JSON" in stream.getvalue()


def test_a_sweep_begins_with_a_warning_where_its_budget_has_no_room_to_solve(tmp_path: Path):
    unsolvable = cell("Mean", task={**cell(budget=10).task, "target": "tests.toys:Unsolvable"})
    code, text = run(study(tmp_path, cell("Mean", budget=10), cell("Mean", budget=15), unsolvable))
    assert code == 0
    assert text.count("warning: in 1 cell fewer than 3 evaluations fit into the budget") == 1
    assert "warning" not in run(study(tmp_path, cell("Mean", budget=10)))[1]  # nothing is left to train


def test_the_plan_says_why(tmp_path: Path):
    run(study(tmp_path, cell("Mean", seeds=(0,))))
    wanted = study(tmp_path, cell("Mean", seeds=(0, 1)))
    assert [planned.reason for planned in make_plan(wanted, Store(tmp_path / "store"))] == [
        "done (completed)",
        "missing",
    ]
    stream = io.StringIO()
    explain(wanted, Console(file=stream, width=160))
    assert "1 to train, 1 done" in stream.getvalue()


def test_timing_estimates_pack_the_lanes():
    timing = estimate.Timing(step_s=0.1, evaluate_s=0.0)
    made = cell("Mean", budget=100)
    assert estimate.run_seconds(made, 50.0, timing) == pytest.approx(5 + estimate.START_S)
    assert estimate.expected_steps(made, {("adding_problem", "mean"): 40}) == 40
    assert estimate.expected_steps(made, {("adding_problem", "mean"): 400}) == 100
    assert estimate.wall_seconds([4.0, 3.0, 3.0], 2, 0) == pytest.approx(6 + estimate.REPORT_S)


@pytest.mark.parametrize("solvable", [True, False])
def test_the_end_repeats_the_time_that_was_announced_and_only_what_may_stop_early_has_an_upper_end(
    solvable: bool, tmp_path: Path
):
    made = cell("Mean") if solvable else cell("Mean", task={**ADDING, "target": "tests.toys:Unsolvable"})
    _, told = run(study(tmp_path, made))
    found = re.search(r"Expected time: (.*) in all, if nothing else runs \(1 run, 0 cost measurements\)", told)
    assert found is not None, told
    assert re.fullmatch(r"up to about \d+ s" if solvable else r"about \d+ s", found[1])
    assert f"(expected {found[1]})." in told
    assert "expected" not in run(study(tmp_path, made))[1]


def test_a_second_run_of_the_engine_is_quick(tmp_path: Path):
    wanted = study(tmp_path, cell("Mean"))
    run(wanted)
    began = time.monotonic()
    run(wanted)
    assert time.monotonic() - began < 2.0
