"""Choosing learning rates: the order of merit, equal efforts for all, and a table that reads back."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench.schema import Record, UsageError
from seqbench.tuning import Tuned, choose


def trial(rate: float, seed: int, **changes: Any) -> Record:
    """One run of a tuning sweep: the threshold met from step 100 on, validation accuracy 0.9, unless changed."""
    summary = {"solved": True, "met_from": 100, "steps": 110, "validation": {"answer_accuracy": 0.9}}
    summary |= changes.pop("summary", {})
    given: dict[str, Any] = {"status": "completed", "model": "gru", "score": "answer_accuracy", "attempt": 1} | changes
    done = given["status"] == "completed"
    cell_id = given.get("cell_id", f"{given['model']}-{rate}")
    return Record(
        kind="learning",
        run_id=f"{cell_id}-{seed}",
        cell_id=cell_id,
        env_id="here",
        labels={"task": "copy_10", "model": given["model"], "variant": ""},
        seed=seed,
        study=None,
        command="",
        config={"model": {"learning_rate": rate}},
        sources={},
        environment={},
        git=None,
        status=given["status"],
        reason=None,
        started_at="2026-01-01T00:00:00Z",
        duration_s=1.0,
        task={"score": given["score"], "solved": {"metric": "answer_accuracy", "threshold": 0.99}},
        summary=summary if done else {},
        attempt=given["attempt"],
    )


def curves(record: Record) -> dict[str, np.ndarray]:
    """Accuracy on validation at eight evaluations, right where the trial says from which step on."""
    met = record.summary["met_from"]
    steps = np.linspace(met or 10, 1000, 8).astype(int)
    return {"evaluation_step": steps, "validation/answer_accuracy": np.full(8, 0.0 if met is None else 1.0)}


def chosen(*records: Record) -> float:
    return choose(records, curves, "test").learning_rate["copy_10", "gru"]


def test_more_solved_trials_win_over_everything_else():
    slow = {"met_from": 900, "validation": {"answer_accuracy": 0.1}}
    unsolved = {"solved": False, "met_from": None}
    records = [trial(0.1, 0, summary=slow), trial(0.1, 1, summary=slow), trial(0.2, 0), trial(0.2, 1, summary=unsolved)]
    assert chosen(*records) == 0.1


def test_the_test_set_has_no_say():
    """A trial that met the threshold on validation stopped there; whether the test set confirms it is luck."""
    refuted = {"solved": False, "met_from": 90}
    assert chosen(trial(0.1, 0), trial(0.2, 0, summary=refuted)) == 0.2


def test_a_trial_without_its_evaluations_is_refused():
    for found in ({}, {"evaluation_step": np.arange(3)}):
        with pytest.raises(UsageError, match=r"evaluations on validation; got gru-0\.1-0"):
            choose([trial(0.1, 0), trial(0.2, 0)], lambda record, found=found: found, "test")


def test_fewer_steps_win_among_equally_many_solved_trials():
    worse = {"met_from": 50, "validation": {"answer_accuracy": 0.1}}
    assert chosen(trial(0.1, 0), trial(0.2, 0, summary=worse)) == 0.2


@pytest.mark.parametrize(("score", "best"), [("answer_accuracy", 0.2), ("mse", 0.1)])
def test_the_better_validation_score_wins_where_nothing_is_solved(score: str, best: float):
    values = {0.1: 0.3, 0.2: 0.7}
    records = [
        trial(rate, 0, score=score, summary={"solved": None, "met_from": None, "validation": {score: value}})
        for rate, value in values.items()
    ]
    assert chosen(*records) == best


@pytest.mark.parametrize("status", ["diverged", "failed", "oom", "timeout"])
def test_a_trial_that_did_not_complete_is_the_worst(status: str):
    poor = {"solved": False, "met_from": None, "validation": {"answer_accuracy": 0.0}}
    good = {"solved": False, "met_from": None, "validation": {"answer_accuracy": 0.8}}
    records = [trial(0.1, 0, summary=poor), trial(0.1, 1, summary=poor)]
    records += [trial(0.2, 0, summary=good), trial(0.2, 1, status=status)]
    assert chosen(*records) == 0.1


@pytest.mark.parametrize("status", ["interrupted", "killed"])
def test_no_rate_is_chosen_while_a_trial_is_under_way(status: str):
    records = [trial(0.1, 0), trial(0.1, 1), trial(0.2, 0), trial(0.2, 1, status=status)]
    with pytest.raises(UsageError, match=r"gru lacks learning_rate=0.2 seeds=\[1\]. Run the tuning sweep again"):
        choose(records, curves, "test")


def test_equal_rates_leave_the_smaller_one_in_any_order():
    records = [trial(0.2, 0), trial(0.1, 0), trial(0.3, 0)]
    assert chosen(*records) == chosen(*reversed(records)) == 0.1


def test_steps_are_the_median_of_the_trials_at_the_chosen_rate():
    records = [trial(0.1, seed, summary={"steps": steps}) for seed, steps in enumerate((100, 400, 130))]
    records += [trial(0.2, seed, summary={"solved": False, "steps": 9}) for seed in range(3)]
    tuned = choose(records, curves, "test")
    assert (tuned.steps["copy_10", "gru"], tuned.grid, tuned.trials) == (130.0, (0.1, 0.2), 3)


def test_a_store_of_runs_at_one_rate_is_no_tuning_sweep():
    with pytest.raises(UsageError, match="and so no tuning sweep"):
        choose([trial(0.1, seed, model=m) for seed in (0, 1) for m in ("gru", "rnn")], curves, "test")
    with pytest.raises(UsageError, match="and so no tuning sweep"):
        choose([trial(0.1, 0), trial(0.2, 0, model="rnn")], curves, "test")


def test_the_last_attempt_of_a_trial_counts():
    records = [trial(0.1, 0, attempt=2), trial(0.1, 0, status="killed"), trial(0.2, 0, summary={"met_from": 101})]
    assert chosen(*records) == 0.1


def test_a_failed_trial_that_was_begun_again_is_missing_until_it_ended():
    """As in reports: it has no result yet, and the failure no longer counts."""
    begun = [trial(0.2, 0, status="failed"), trial(0.2, 0, status="interrupted", attempt=2)]
    with pytest.raises(UsageError, match=r"gru lacks learning_rate=0.2 seeds=\[0\]"):
        choose([trial(0.1, 0), trial(0.1, 1), *begun, trial(0.2, 1)], curves, "test")
    better = trial(0.2, 0, attempt=3, summary={"met_from": 50})
    assert chosen(trial(0.1, 0), *begun, better) == 0.2


def test_unequal_efforts_are_refused():
    with pytest.raises(UsageError, match=r"lstm lacks learning_rate=0.2 seeds=\[0\]"):
        choose([trial(0.1, 0), trial(0.2, 0), trial(0.1, 0, model="lstm")], curves, "test")


def test_trials_of_other_settings_are_refused():
    with pytest.raises(UsageError, match="store of its own"):
        choose([trial(0.1, 0), trial(0.1, 0, cell_id="other")], curves, "test")
    with pytest.raises(UsageError, match="store of its own"):
        choose([trial(0.1, 0), trial(0.1, 1, cell_id="other")], curves, "test")


def test_no_trials_are_refused():
    with pytest.raises(UsageError, match="has none"):
        choose([], curves, "test")


def test_a_table_reads_back_as_it_was_written(tmp_path: Path):
    records = [trial(rate, seed, model=m) for rate in (0.001, 1e-05) for seed in (0, 1) for m in ("gru", "gru width=8")]
    tuned = choose(records, curves, "it's a test: 8 runs")
    (tmp_path / "rates.yaml").write_text(tuned.text())
    assert Tuned.read(tmp_path / "rates.yaml") == tuned
    assert choose(list(reversed(records)), curves, "it's a test: 8 runs").text() == tuned.text()
    assert tuned.text().startswith("# ")


def test_the_sentence_names_what_was_tried_and_what_was_not():
    tuned = choose([trial(0.1, 0), trial(0.2, 0)], curves, "test")
    assert "0.1, 0.2, 1 trials each" in tuned.sentence([("copy_10", "gru")])
    assert "1 of 2 pairs" in tuned.sentence([("copy_10", "gru"), ("copy_10", "rnn")])
    assert tuned.sentence([("copy_10", "rnn")]) == Tuned().sentence([("copy_10", "gru")])
    assert "YAML files" in Tuned().sentence([("copy_10", "gru")])


def test_the_sentence_says_how_many_chosen_rates_lie_at_an_end_of_the_grid():
    rates = {("copy_10", "gru"): 0.1, ("copy_10", "lstm"): 0.2, ("copy_10", "rnn"): 0.3, ("adding", "gru"): 0.1}
    tuned = Tuned(learning_rate=rates, grid=(0.1, 0.2, 0.3), trials=1)
    asked = [pair for pair in rates if pair[0] == "copy_10"]
    ends = "chosen rates are the smallest or the largest that was tried."
    assert f" 2 of 3 {ends}" in tuned.sentence(asked)
    assert f" 3 of 4 {ends} 1 of 5 pairs" in tuned.sentence([*rates, ("adding", "rnn")])
    assert " 1 of 2 chosen rates is the smallest" in tuned.sentence(asked[:2])
    assert "smallest" not in tuned.sentence([("copy_10", "lstm")])
    assert "smallest" not in replace(tuned, grid=(0.1,)).sentence(asked)


def test_a_run_without_a_model_or_a_step_at_which_it_was_solved_counts_for_nothing_more():
    nameless = replace(trial(0.3, 0), config={"model": None})
    stepless = [trial(0.2, seed, summary={"met_from": None}) for seed in range(2)]
    assert chosen(nameless, *stepless, trial(0.1, 0), trial(0.1, 1)) == 0.1
