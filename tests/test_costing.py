"""The command ``cost``: what it measures, in which order, what it refuses, how it resumes."""

import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from seqbench import cli
from seqbench.config import compose_costs
from seqbench.record import environment as env
from seqbench.record.scratch import Scratch
from seqbench.record.store import Store
from seqbench.schema import Cell, Costs, Options, Record, Status, Study, UsageError
from seqbench.sweep import costing, measuring, outcome
from seqbench.sweep.job import Job
from seqbench.sweep.lanes import Ended
from tests.toys import cell

SHORT = Costs(rounds=2, seconds=0.01)


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that have torch loaded: for tests of what surrounds a measurement, not of its numbers."""
    monkeypatch.setattr(measuring, "PROCESS", "forkserver")


def study(root: Path, *cells: Cell, **changes: object) -> Study:
    options: dict[str, object] = {
        "store": str(root / "store"), "out": str(root / "out"), "lanes": 2, "rerun": "missing", "cost": False,
        "report": False,
    }  # fmt: skip
    made = Options(**(options | changes))  # type: ignore[arg-type]
    return Study(name=None, description="", reference=None, tuning="", cells=cells, options=made)


def run(wanted: Study, costs: Costs) -> tuple[int, str]:
    stream = io.StringIO()
    code = costing.run(wanted, costs, Console(file=stream, width=200))
    return code, stream.getvalue()


def asked(job: Job) -> tuple:
    assert job.measurement is not None
    m = job.measurement
    return job.cell.labels["model"], m.what, m.length, m.backend, m.twin


# ------------------------------------------------------------------ what is measured


def test_each_round_holds_everything_once_and_one_thing_twice():
    costs = Costs(lengths=(8, 16, 32), rounds=3, backends=("auto", "plain"))
    jobs = measuring.measurements([cell("Mean"), cell("Branching")], costs, "")
    rounds = [[asked(j) for j in jobs if j.measurement and j.measurement.round == number] for number in range(3)]
    assert [len(members) for members in rounds] == [2 * (3 * 2 + 2) + 1] * 3
    assert all(len(set(members)) == len(members) for members in rounds)
    assert sum(twin for *_, twin in rounds[0]) == 1
    assert ("mean", "step", 16, "auto", True) in rounds[0]
    assert {name for name, what, length, *_ in rounds[0] if what == "denormals" and length == 16} == {
        "mean",
        "branching",
    }
    assert [job.measurement.round for job in jobs if job.measurement] == sorted([0, 1, 2] * 17)


def test_the_order_is_another_one_in_each_round_and_the_same_when_it_is_asked_for_again():
    costs = Costs(lengths=(8, 16, 32, 64), rounds=6)
    jobs = measuring.measurements([cell("Mean"), cell("Branching")], costs, "")
    orders = [tuple(asked(j) for j in jobs if j.measurement and j.measurement.round == number) for number in range(6)]
    assert len(set(orders)) == 6
    assert len({order[0] for order in orders}) > 2
    assert jobs == measuring.measurements([cell("Mean"), cell("Branching")], costs, "")


def test_every_measurement_has_an_identity_of_its_own_and_rounds_are_replicates():
    jobs = measuring.measurements([cell("Mean")], Costs(lengths=(8, 16), rounds=3, backends=("auto", "plain")), "")
    assert len({job.run_id for job in jobs}) == len(jobs)
    assert set(Counter(job.cell_id for job in jobs).values()) == {3}
    assert Job(kind="learning", cell=cell("Mean")).cell_id not in {job.cell_id for job in jobs}


def test_streaming_is_measured_at_the_longest_length_on_the_first_backend():
    jobs = measuring.measurements([cell("Mean")], Costs(lengths=(8, 16), rounds=1, backends=("auto", "plain")), "")
    (streaming,) = [asked(job) for job in jobs if job.measurement and job.measurement.streaming]
    assert streaming == ("mean", "step", 16, "auto", False)


def test_a_sweep_measures_each_cell_twice_and_shortly():
    jobs = measuring.measurements([cell("Mean"), cell("Branching")], measuring.IN_A_SWEEP, "")
    assert len(jobs) == 4
    assert all(job.measurement and job.measurement.seconds < 0.5 for job in jobs)


def test_a_gpu_has_no_denormals_to_measure():
    jobs = measuring.measurements([cell("Mean", device="cuda")], Costs(rounds=1), "")
    assert "denormals" not in {job.measurement.what for job in jobs if job.measurement}


# ------------------------------------------------------------------ from the command to the report


def test_a_study_is_measured_in_fresh_processes_reported_and_not_measured_again(tmp_path: Path):
    assert measuring.PROCESS == "spawn"
    wanted = study(tmp_path, cell("Mean"), report=True)
    costs = Costs(lengths=(4, 8), rounds=1, seconds=0.01)
    code, told = run(wanted, costs)
    assert code == 0, told
    assert "0 of 4 done, 4 to do" in told
    (expected,) = re.findall(r"Expected time: (about \d+ s), if nothing else runs; ", told)
    assert f"(expected {expected})." in told
    records = Store(tmp_path / "store").records("cost")
    assert sorted(record.summary["length"] for record in records) == [4, 4, 4, 8]
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"index.html", "report.md", "costs.csv"}
    assert "4 steps" in told
    assert "4 completed" in told
    code, again = run(wanted, costs)
    assert (code, "4 of 4 done, 0 to do" in again) == (0, True)
    assert len(Store(tmp_path / "store").records("cost")) == 4


@pytest.mark.usefixtures("forked")
def test_more_rounds_add_to_those_that_are_there(tmp_path: Path):
    run(study(tmp_path, cell("Mean")), Costs(rounds=1, seconds=0.01))
    _, told = run(study(tmp_path, cell("Mean")), Costs(rounds=2, seconds=0.01))
    assert "3 of 6 done, 3 to do" in told


@pytest.mark.usefixtures("forked")
def test_an_interrupted_study_resumes_with_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    done: list[str] = []
    original = costing.reconcile

    def interrupted(store: Store, end: Ended) -> Record:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(end.job.run_id)
        return original(store, end)

    monkeypatch.setattr(costing, "reconcile", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(study(tmp_path, cell("Mean")), SHORT)
    monkeypatch.setattr(costing, "reconcile", original)
    _, told = run(study(tmp_path, cell("Mean")), SHORT)
    assert "3 of 6 done, 3 to do" in told  # the third was published by its process before the interrupt
    statuses = Counter(record.status for record in Store(tmp_path / "store").records())
    assert statuses == {"completed": 6}
    assert not list((tmp_path / "store" / ".scratch").glob("*.lock"))


def missing(jobs: Sequence[Job], store: Store) -> list[Job]:
    """What is to be measured of these, as it was asked for: without the number of the attempt."""
    return [replace(job, attempt=1) for job in measuring.missing(jobs, store, env.env_id(env.environment()))]


def publish(job: Job, store: Store, status: Status = "completed", hours: int = 0) -> None:
    began = datetime(2026, 11, 24, 3, job.measurement.round if job.measurement else 0, tzinfo=UTC) + timedelta(
        hours=hours
    )
    store.publish(replace(outcome.record(job, status, None, None), started_at=began.isoformat()), {})


def asked_for(root: Path, *models: str, rounds: int = 2) -> list[Job]:
    return measuring.measurements([cell(model) for model in models], Costs(rounds=rounds, full=False), str(root))


def test_a_round_is_measured_as_a_whole_where_one_of_it_is_missing(tmp_path: Path):
    store = Store(tmp_path)
    alone = asked_for(tmp_path, "Mean")
    for job in alone:
        publish(job, store)
    assert missing(alone, store) == []
    both = asked_for(tmp_path, "Mean", "Branching")
    assert missing(both, store) == both
    more = asked_for(tmp_path, "Mean", rounds=3)
    assert [job.measurement.round for job in missing(more, store) if job.measurement] == [2]


def test_a_round_that_was_taken_in_two_goes_is_measured_again(tmp_path: Path):
    store = Store(tmp_path)
    jobs = asked_for(tmp_path, "Mean", "Branching")
    for number, job in enumerate(jobs):
        publish(job, store, hours=24 if number == 3 else 0)
    assert missing(jobs, store) == jobs[2:]


def test_two_studies_that_share_an_architecture_both_stay_measured(tmp_path: Path):
    store = Store(tmp_path)
    one, other = asked_for(tmp_path, "Mean", "Branching"), asked_for(tmp_path, "Mean", "Raising")
    for hours, jobs in ((0, one), (24, other)):
        assert missing(jobs, store) == jobs
        for job in jobs:
            publish(job, store, hours=hours)
    assert [missing(jobs, store) for jobs in (one, other)] == [[], []]
    both = asked_for(tmp_path, "Mean", "Branching", "Raising")
    assert missing(both, store) == both


@pytest.mark.usefixtures("forked")
def test_the_same_command_measures_nothing_again_after_another_one_that_shares_a_part(tmp_path: Path):
    one, other = (study(tmp_path, cell("Mean"), cell(second)) for second in ("Branching", "Dropping"))
    for wanted in (one, other, one, other):
        code, told = run(wanted, Costs(rounds=2, seconds=0.01, full=False))
        assert code == 0
        assert "\n4 completed; took" in told  # each measurement once, however often it was taken
    assert len(Store(tmp_path / "store").records("cost")) == 2 * (2 + 2)


def test_what_failed_is_tried_again_alone(tmp_path: Path):
    store = Store(tmp_path)
    jobs = asked_for(tmp_path, "Mean", "Branching")
    lost = [job for job in jobs if job.cell.labels["model"] == "branching"]
    for job in jobs:
        if job not in lost[1:]:  # what failed in one round is not tried in others
            publish(job, store, "failed" if job in lost else "completed")
    assert missing(jobs, store) == lost


def test_a_process_that_leaves_nothing_is_told_though_an_earlier_attempt_finished(tmp_path: Path):
    store = Store(tmp_path)
    alone, both = asked_for(tmp_path, "Mean", rounds=1), asked_for(tmp_path, "Mean", "Branching", rounds=1)
    publish(alone[0], store)
    jobs = measuring.missing(both, store, env.env_id(env.environment()))
    again = next(job for job in jobs if job.run_id == alone[0].run_id)
    end = Ended(job=again, messages=(), exit_code=-9, timed_out=False, elapsed_s=1.0)
    record = costing.reconcile(store, end)
    assert (record.status, record.attempt) == ("killed", 2)
    assert [left.status for left in store.find(again.run_id)] == ["completed", "killed"]
    assert {job.cell.labels["model"]: job.attempt for job in jobs} == {"mean": 2, "branching": 1}


@pytest.mark.usefixtures("forked")
def test_what_fails_is_told_once_and_not_tried_in_later_rounds(tmp_path: Path):
    code, told = run(study(tmp_path, cell("Raising"), cell("Mean")), Costs(rounds=3, seconds=0.01))
    records = Store(tmp_path / "store").records("cost")
    failed = [record for record in records if record.status == "failed"]
    assert code == 1
    assert len(failed) == len({record.cell_id for record in failed})
    assert all(record.labels["model"] == "raising" for record in failed)
    assert len([record for record in records if record.labels["model"] == "mean"]) == 6
    assert "the layer <b>broke</b>" in told


# ------------------------------------------------------------------ nothing is measured beside lanes


@pytest.mark.usefixtures("forked")
def test_nothing_is_measured_while_a_run_of_the_store_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run_of_another = Scratch(tmp_path / "store", f"{'0' * 16}-{'1' * 12}")
    assert run_of_another.claim()
    looks: list[float] = []

    def later(seconds: float) -> None:
        assert Store(tmp_path / "store").records() == []
        looks.append(seconds)
        if len(looks) == 3:
            run_of_another.clear()

    monkeypatch.setattr(measuring.time, "sleep", later)
    _, told = run(study(tmp_path, cell("Mean")), Costs(rounds=1, seconds=0.01))
    assert len(looks) >= 3
    assert "nothing is measured until they have ended" in told
    assert "3 completed" in told


def test_two_commands_do_not_measure_in_one_store_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    other = Scratch(tmp_path / "store", measuring.CLAIM)
    assert other.claim()
    told: list[str] = []

    def say(text: str) -> None:
        told.append(text)
        other.release()

    with measuring._alone(str(tmp_path / "store"), say):
        assert told == ["Another command measures in this store: waiting for it."]
        assert Scratch(tmp_path / "store", measuring.CLAIM).claimed()


# ------------------------------------------------------------------ words


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lengths=[0,4]"], "lengths must be whole numbers from 1"),
        (["lengths=[4,4]"], "lengths must be different"),
        (["lengths=[]"], "lengths must be whole"),
        (["lengths=[a]"], "lengths must be whole"),
        (["lengths=[2.5]"], "lengths must be whole"),
        (["rounds=0"], "rounds must be a whole number from 1"),
        (["rounds=1.5"], "rounds must be a whole number"),
        (["rounds=2,3"], "rounds must be one value"),
        (["rounds=true"], "rounds must be a whole number"),
        (["backends=[plan]"], "Did you mean 'plain'"),
        (["backends=[]"], "backends must be some of"),
        (["backends=[auto,auto]"], "backends must be different"),
        (["seconds=0"], "seconds must be above 0"),
        (["seconds=nan"], "seconds must be above 0"),
        (["rounds=2", "rounds=3"], "each key must be given once"),
        (["modle=gru"], "model"),
        (["hydra/launcher=joblib"], "alone"),
    ],
)
def test_bad_values_are_refused_with_one_message_and_leave_nothing(
    words: Sequence[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["cost", *words]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.count("seqbench: ") == 1
    assert "Traceback" not in said.err
    assert list(tmp_path.iterdir()) == []


def test_lists_and_commas_mean_the_same_and_lengths_are_sorted():
    words = ["task=adding_problem", "model=gru,lstm"]
    _, listed = compose_costs([*words, "lengths=[64,32]", "backends=[auto,plain]", "rounds=3", "seconds=0.5"])
    found, comma = compose_costs([*words, "lengths=64,32", "backends=auto,plain", "rounds=3", "seconds=0.5"])
    assert listed == comma == Costs(lengths=(32, 64), rounds=3, backends=("auto", "plain"), seconds=0.5)
    assert [made.labels["model"] for made in found.cells] == ["gru", "lstm"]
    assert compose_costs(words)[1] == Costs()


def test_the_words_of_cost_are_unknown_to_training(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["plan", "rounds=3"]) == 2
    assert "has no rounds" in capsys.readouterr().err


def test_a_measurement_that_gives_no_answer_is_a_timeout(tmp_path: Path):
    (job,) = measuring.measurements([cell("Mean")], measuring.IN_A_SWEEP, str(tmp_path))[:1]
    end = Ended(job=job, messages=(), exit_code=-9, timed_out=True, elapsed_s=300.0)
    status, reason = outcome.of_process(end)
    assert status == "timeout"
    assert "cost measurement" in reason


def test_a_length_that_the_task_refuses_is_told_before_anything_is_written(tmp_path: Path):
    with pytest.raises(UsageError, match=r"task\.length must be"):
        run(study(tmp_path, cell("Mean")), Costs(lengths=(1, 8), rounds=1))
    assert list(tmp_path.iterdir()) == []
