"""Why a run will be trained, or not."""

import io
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from seqbench.config import compose
from seqbench.record import environment as env
from seqbench.record.store import Store
from seqbench.schema import Cell, Options, Status, Study
from seqbench.sweep import opening, outcome
from seqbench.sweep.job import Job
from seqbench.sweep.plan import PlannedRun, explain, make_plan
from tests.toys import cell, train

BUDGET = 2000
LABELS = {"task": "adding_problem", "model": "mean", "variant": ""}


def study(root: Path, *cells: Cell, **options: object) -> Study:
    settings = {
        "store": str(root), "out": "out", "lanes": 2, "rerun": "missing", "cost": False, "report": False,
    } | options  # fmt: skip
    return Study(name=None, description="", reference=None, tuning="", cells=cells, options=Options(**settings))  # type: ignore[arg-type]


def toy(**changes: Any) -> Cell:
    return replace(cell("Mean", budget=BUDGET), **changes)


def publish(root: Path, made: Cell, status: Status = "completed", seed: int = 0, **changes: Any) -> None:
    record = outcome.record(Job(kind="learning", cell=made, seed=seed, store=str(root)), status, None, None)
    Store(root).publish(replace(record, **changes), {})


def planned(root: Path, made: Cell, **options: object) -> PlannedRun:
    (run,) = make_plan(study(root, made, **options), Store(root))
    return run


def decision(root: Path, made: Cell, **options: object) -> tuple[bool, str]:
    run = planned(root, made, **options)
    return run.train, run.reason


def test_a_run_of_which_nothing_is_known_is_missing(tmp_path: Path):
    assert decision(tmp_path, toy()) == (True, "missing")


@pytest.mark.parametrize(
    ("status", "rerun", "train", "reason"),
    [
        ("completed", "missing", False, "done (completed)"),
        ("diverged", "failed", False, "done (diverged)"),
        ("completed", "changed", False, "done (completed)"),
        ("completed", "all", True, "rerun=all (completed before)"),
        ("failed", "missing", False, "failed before; rerun=failed tries it again"),
        ("oom", "missing", False, "oom before; rerun=failed tries it again"),
        ("timeout", "changed", False, "timeout before; rerun=failed tries it again"),
        ("failed", "failed", True, "rerun=failed: failed before"),
        ("timeout", "failed", True, "rerun=failed: timeout before"),
        ("interrupted", "missing", True, "interrupted before; begins again: it has no checkpoint"),
        ("killed", "missing", True, "killed before; begins again: it has no checkpoint"),
    ],
)
def test_each_status_is_treated_as_the_command_asks(
    tmp_path: Path, status: Status, rerun: str, train: bool, reason: str
):
    publish(tmp_path, toy(), status)
    assert decision(tmp_path, toy(), rerun=rerun) == (train, reason)


@pytest.mark.parametrize("status", ["interrupted", "killed", None])
def test_a_run_that_stopped_midway_is_told_where_it_continues(tmp_path: Path, status: Status | None):
    if status:
        publish(tmp_path, toy(), status)
    scratch = Job(kind="learning", cell=toy(), seed=0, store=str(tmp_path)).scratch()
    scratch.tell({"step": 120})
    scratch.save({}, {})
    before = f"{status} before; " if status else ""
    assert decision(tmp_path, toy()) == (
        True,
        f"{before}stopped after step 120 of {BUDGET}; continues from its checkpoint",
    )
    scratch.claim()
    assert decision(tmp_path, toy())[1] == f"{before}trained by another command just now, after step 120 of {BUDGET}"


def test_a_sweep_says_how_many_of_its_runs_go_on_from_a_checkpoint(tmp_path: Path):
    wanted = study(tmp_path, toy(seeds=(0, 1, 2, 3)))
    for seed, checkpoint in ((0, True), (1, False), (2, True)):
        scratch = Job(kind="learning", cell=toy(), seed=seed, store=str(tmp_path)).scratch()
        scratch.tell({"step": 120})
        if checkpoint:
            scratch.save({}, {})
    plan = make_plan(wanted, Store(tmp_path))
    told = opening.work(wanted, plan, plan, lanes=2)
    assert told.endswith("4 runs of 1 cell, 0 done, 4 to train on 2 lanes (cpu); 2 of these from a checkpoint.")
    assert opening.work(wanted, plan, plan[1::2], lanes=2).endswith("2 to train on 2 lanes (cpu).")


def test_a_changed_configuration_names_the_keys_that_differ(tmp_path: Path):
    publish(tmp_path, toy())
    model = {**toy().model, "learning_rate": 0.5}
    assert decision(tmp_path, toy(model=model)) == (True, "configuration changed: model.learning_rate 0.01 -> 0.5")
    many = toy(model={**model, "version": 2, "width": 8, "embed_size": 3})
    assert decision(tmp_path, many)[1] == (
        "configuration changed: model.version 1 -> 2, model.learning_rate 0.01 -> 0.5, model.embed_size None -> 3 "
        "and 1 more"
    )


def test_the_most_similar_configuration_of_the_same_seed_is_the_one_compared_with(tmp_path: Path):
    publish(tmp_path, toy(train=train(batch_size=64, clip=9.0)))
    publish(tmp_path, toy(train=train(batch_size=8)))
    publish(tmp_path, toy(train=train(clip=1.5)), seed=1)
    assert decision(tmp_path, toy())[1] == "configuration changed: train.batch_size 8 -> 4"


def test_a_configuration_that_is_planned_beside_it_is_no_change(tmp_path: Path):
    other = toy(train=train(batch_size=8), labels=LABELS | {"variant": "batch_size=8"})
    publish(tmp_path, other)
    runs = make_plan(study(tmp_path, toy(), other), Store(tmp_path))
    assert [run.reason for run in runs] == ["missing", "done (completed)"]


@pytest.mark.parametrize("changes", [{"study": "other"}, {"labels": LABELS | {"model": "gru"}}])
def test_another_study_or_model_is_no_change(tmp_path: Path, changes: dict[str, Any]):
    publish(tmp_path, toy(train=train(batch_size=8)), **changes)
    assert decision(tmp_path, toy()) == (True, "missing")


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_what_older_code_did_is_told_and_trained_again_on_demand(tmp_path: Path, status: Status):
    publish(tmp_path, toy(), status, sources={"task": "1" * 64, "model": "0" * 64})
    made = toy(task={**toy().task})
    train, reason = decision(tmp_path, made)
    assert not train
    if status == "completed":
        assert reason == "done (completed) by older code; rerun=changed trains it again"
    assert decision(tmp_path, made, rerun="changed") == (True, "rerun=changed: done by older code")


def elsewhere(**changes: object) -> dict[str, Any]:
    facts = env.environment() | changes
    return {"environment": facts, "env_id": env.env_id(facts)}


def test_a_run_of_another_environment_is_trained_again_and_told_what_differs(tmp_path: Path):
    publish(tmp_path, toy(), **elsewhere(torch="2.0.0", torch_git="f" * 40, cores=96))
    here = env.environment()
    assert decision(tmp_path, toy()) == (
        True,
        f"done only in another environment (cores 96, here {here['cores']}; torch 2.0.0, here {here['torch']}); "
        "reuse=any accepts it",
    )


@pytest.mark.parametrize("status", ["failed", "killed", "interrupted"])
def test_what_was_only_tried_in_another_environment_is_missing(status: Status, tmp_path: Path):
    publish(tmp_path, toy(), status, env_id="0" * 12)
    assert decision(tmp_path, toy()) == (True, "missing")


def test_the_plan_of_a_launched_sweep_is_what_it_will_do(tmp_path: Path):
    publish(tmp_path, toy(), "completed", env_id="0" * 12)
    words = ["task=smoke/copy_3", "model=rnn,gru", f"store={tmp_path}", "hydra/launcher=joblib"]
    made = compose(words)
    assert made.options.reuse == "any"
    stream = io.StringIO()
    explain(replace(made, options=replace(made.options, lanes=2)), Console(file=stream, width=160))
    assert "no record of such runs tells" in stream.getvalue()


def test_reuse_any_accepts_it_and_prefers_a_finished_run_to_one_of_this_environment(tmp_path: Path):
    publish(tmp_path, toy(), **elsewhere(cores=96))
    run = planned(tmp_path, toy(), reuse="any")
    assert (run.train, run.reason, run.env_id) == (False, "done (completed, in another environment)", None)
    publish(tmp_path, toy(), "failed")
    run = planned(tmp_path, toy(), reuse="any")
    assert (run.train, run.record.status if run.record else None) == (False, "completed")
    assert planned(tmp_path, toy()).reason == "failed before; rerun=failed tries it again"


def test_a_new_attempt_is_numbered_among_those_of_this_environment(tmp_path: Path):
    publish(tmp_path, toy(), "failed", attempt=4, **elsewhere(cores=96))
    assert planned(tmp_path, toy(), reuse="any", rerun="failed").attempt == 1
    publish(tmp_path, toy(), "failed", attempt=2)
    assert planned(tmp_path, toy(), rerun="failed").attempt == 3


def test_seconds_of_other_environments_are_no_estimate(tmp_path: Path):
    publish(tmp_path, toy(), duration_s=9.0, **elsewhere(cores=96))
    assert planned(tmp_path, toy()).expected_s is None
    publish(tmp_path, toy(), seed=1, duration_s=5.0)
    assert planned(tmp_path, toy()).expected_s == 5.0


def explained(root: Path, *cells: Cell, **options: object) -> str:
    stream = io.StringIO()
    explain(study(root, *cells, **options), Console(file=stream, width=120))
    return stream.getvalue()


def test_seeds_that_share_a_reason_share_a_line(tmp_path: Path):
    made = toy(seeds=(0, 1, 2, 3, 7), labels=LABELS | {"variant": "[x]"})
    publish(tmp_path, made, seed=1, duration_s=30.0)
    publish(tmp_path, made, "failed", seed=7)
    assert explained(tmp_path, made).splitlines() == [
        "train  adding_problem mean [x]  seeds 0, 2, 3: missing",
        "skip   adding_problem mean [x]  seed 1: done (completed)",
        "skip   adding_problem mean [x]  seed 7: failed before; rerun=failed tries it again",
        "5 runs of 1 cell: 3 to train, 2 done.",
        "Expected time: about 1 min 8 s on 2 lanes by records of such runs, if nothing else runs.",
    ]


def test_a_budget_without_room_to_solve_is_warned_of(tmp_path: Path):
    short, enough = toy(task=cell(budget=10).task), toy(task=cell(budget=11).task)
    text = explained(tmp_path, short, enough)
    assert "warning: in 1 cell fewer than 3 evaluations fit into the budget: no run there can count as" in text
    assert "warning" not in explained(tmp_path, enough)


def test_a_task_without_a_notion_of_solved_needs_no_room_to_solve(tmp_path: Path):
    short = cell(budget=10)
    series = toy(task={**short.task, "target": "tests.toys:Unsolvable"})
    assert "warning" not in explained(tmp_path, series)
    assert "warning: in 1 cell fewer" in explained(tmp_path, toy(task=short.task), series)
    broken = toy(task={**short.task, "target": "tests.toys:Nothing"})
    assert "warning: in 1 cell fewer" in explained(tmp_path, broken)


def test_cells_that_no_record_tells_of_are_counted_as_unknown(tmp_path: Path):
    known, unknown = toy(), toy(labels=LABELS | {"model": "other"}, train=train(batch_size=8))
    publish(tmp_path, known, seed=5, duration_s=30.0)
    assert "and 1 run more that no record tells of" in explained(tmp_path, known, unknown)


def test_a_cost_measurement_that_is_missing_is_part_of_the_time(tmp_path: Path):
    publish(tmp_path, toy(), seed=5, duration_s=30.0)
    assert "38 s on 2 lanes" in explained(tmp_path, toy())
    assert "43 s on 2 lanes" in explained(tmp_path, toy(), cost=True)


def test_a_plan_takes_less_than_half_a_second_and_50_ms_a_cell(tmp_path: Path):
    cells = [toy(seeds=tuple(range(5)), train=train(batch_size=size)) for size in range(1, 26)]
    for made in cells[:10]:
        publish(tmp_path, made)
    env.environment()  # what is asked of the system once a process

    def best(call: Callable[[], object]) -> float:
        spent = []
        for _ in range(3):
            began = time.process_time()
            call()
            spent.append(time.process_time() - began)
        return min(spent)

    assert best(lambda: make_plan(study(tmp_path, *cells), Store(tmp_path))) < 0.5 + 0.05 * len(cells)
