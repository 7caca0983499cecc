"""How long things take, told before and while they run."""

from dataclasses import replace

import pytest
import simulated

from seqbench.schema import Record
from seqbench.sweep.estimate import REPORT_S, Durations, expected_time, training_share


def record(seed: int, seconds: float, **changes: object) -> Record:
    return replace(simulated.learning("copy_10", "gru", seed)[0], duration_s=seconds, **changes)  # type: ignore[arg-type]


def test_a_run_is_expected_to_take_what_its_cells_other_seeds_took():
    records = [record(0, 10.0), record(1, 20.0), record(2, 500.0, status="failed")]
    assert Durations(records).of_cell(records[0].cell_id) == 15.0


def test_a_cell_without_records_is_expected_to_take_what_its_task_and_model_took_in_another_variant():
    labels = {"task": "copy_10", "model": "gru", "variant": "steps=100"}
    durations = Durations([record(0, 10.0), record(1, 30.0, cell_id="other", labels=labels)])
    assert durations.of_cell("another") is None
    assert durations.of_kind({"task": "copy_10", "model": "gru", "variant": "new"}) == 20.0
    assert durations.of_kind({"task": "copy_10", "model": "rnn", "variant": ""}) is None


def test_the_expected_time_packs_the_lanes_and_counts_what_is_unknown():
    assert f"{REPORT_S + 40:.0f} s on 2 lanes" in expected_time([30.0, 20.0, 20.0], 2)
    told = expected_time([30.0, None, None], 1)
    assert "2 runs more that no record tells of" in told
    assert "no record of such runs tells" in expected_time([None], 1)


def trained(train_s: float, evaluate_s: float, steps: int = 100, resumed_at: tuple[int, ...] = ()) -> Record:
    summary = {"train_s": train_s, "evaluate_s": evaluate_s, "steps": steps, "resumed_at": list(resumed_at)}
    return record(0, 1.0, summary=summary)


def test_the_share_of_training_is_what_the_lanes_spent_on_steps_and_evaluations():
    assert training_share([trained(6.0, 1.0), trained(8.0, 1.0)], lanes=2, wall_s=10.0) == pytest.approx(0.8)


def test_of_a_continued_run_only_the_steps_taken_now_count():
    assert training_share([trained(8.0, 2.0, resumed_at=(20, 50))], lanes=1, wall_s=10.0) == pytest.approx(0.5)


def test_runs_that_failed_tell_no_share():
    assert training_share([], lanes=2, wall_s=10.0) is None
    assert training_share([record(0, 1.0, summary={})], lanes=2, wall_s=10.0) is None
