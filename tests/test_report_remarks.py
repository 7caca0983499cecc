"""Remarks on rows whose truth is known: what a reader would otherwise take for a contradiction or a failure."""

from collections.abc import Sequence
from dataclasses import replace

import simulated

from seqbench.report.remarks import beats_baseline
from seqbench.report.row import VerdictRow
from seqbench.schema import Record
from seqbench.sweep.followed import told_of
from tests.test_report_headline import content
from tests.test_report_tables import printed


def erring(scores: Sequence[float], solved: Sequence[bool]) -> list[Record]:
    """Runs of the adding problem, one a mean squared error; its trivial baseline has 1/6, its threshold is 0.001."""
    made = []
    for seed, (score, is_solved) in enumerate(zip(scores, solved, strict=True)):
        summary = {"score": score, "skill": 1 - 6 * score, "solved": is_solved, "budget": 1500}
        summary |= {"steps_to_solve": 100} if is_solved else {}
        made.append(replace(simulated.base("adding_50", "gru", seed), summary=summary))
    return made


def only_row(records: list[Record]) -> VerdictRow:
    (found,) = [row for row in content(records).sections[0].rows if row.kind == "model"]
    return found


def test_unsolved_runs_that_end_below_the_threshold_are_counted_in_their_row():
    late = erring([0.0009, 0.00095, 0.0005, 0.0004, 0.001], [False, False, True, True, False])
    assert only_row(late).remarks == ("2 unsolved runs end below the threshold",)
    assert only_row(late[1:]).remarks == ("1 unsolved run ends below the threshold",)
    assert only_row(late[2:]).remarks == ()


def test_what_a_command_prints_counts_them_too():
    late = erring([0.0009, 0.00095, 0.0005, 0.0004, 0.001], [False, False, True, True, False])
    lines = printed(late).splitlines()
    assert max(map(len, lines)) <= 100
    column = lines[0].index("remarks")
    told = " ".join(line[column:].strip() for line in lines)
    assert "2 unsolved runs end below the threshold" in told


def test_an_accuracy_ends_at_or_above_its_threshold():
    record = simulated.base("copy_10", "gru", 0)
    summaries = [{"score": score, "skill": score, "solved": False} for score in (0.99, 0.98)]
    made = [replace(record, seed=i, run_id=f"{i}", summary=summary) for i, summary in enumerate(summaries)]
    assert "1 unsolved run ends at or above the threshold" in only_row(made).remarks


def test_runs_that_the_test_set_does_not_confirm_are_told_apart_from_those_that_ran_out_of_steps():
    made = erring([0.0011, 0.0012, 0.5, 0.0004], [False, False, False, True])
    ended = [400, 500, 1500, 300]  # of 1,500
    made = [replace(r, summary={**r.summary, "steps": s}) for r, s in zip(made, ended, strict=True)]
    assert "2 runs met the threshold on validation, not on the test set" in only_row(made).remarks
    assert not any("met the threshold" in remark for remark in only_row(made[2:]).remarks)
    assert told_of(made[1]) == "mse 0.00120, not solved: met on validation after 500 steps, not on the test set"
    assert told_of(made[2]) == "mse 0.500, not solved in 1500 steps"


def test_the_line_of_a_task_says_all_that_solving_takes():
    (section,) = content(erring([0.1], [False])).sections
    assert (
        "solved: mse < 0.001 at 3 validation evaluations in a row, where training ends, and on the test set"
        in section.subtitle
    )


def test_where_one_seed_learns_and_one_is_far_worse_nobody_stays_at_the_baseline():
    found = only_row(erring([0.332, 0.164, 0.0286, 0.163, 0.163], [False] * 5))
    assert found.skill is not None
    assert abs(found.skill) < 0.03
    mean_zero = only_row(erring([0.304, 0.164, 0.0286, 0.170, 0.166], [False] * 5))
    assert mean_zero.skill is not None
    assert abs(mean_zero.skill) < 0.01
    for row in (found, mean_zero):
        assert row.remarks[0] == "not clearly better than constant 1 and one marker"
        assert not beats_baseline(row)


def test_runs_that_scatter_a_little_around_the_baseline_stay_at_it():
    found = only_row(erring([0.163, 0.172, 0.165, 0.164, 0.163], [False] * 5))
    assert found.remarks[0] == "stays at the constant 1 baseline"
