"""The sentence on who is better, where it is open: what is open, and why, in studies whose truth is known."""

import re
from dataclasses import replace

import pytest

from seqbench.report.matrix import MOST
from seqbench.report.order import AFFORDABLE
from seqbench.statistics.verdict import seeds_to_decide
from tests.test_report_dependency import HALF
from tests.test_report_dependency import runs as at_lengths
from tests.test_report_headline import GOOD, POOR, content, near, runs, said

CLOSE = sorted(near(0.5, 12))
BARELY = [score + (1e-6 if place % 2 or place == 0 else -1e-6) for place, score in enumerate(CLOSE)]
"""Wins against one run more than it loses against: thousands of seeds would be needed."""


# ------------------------------------------------------------------ how many seeds it would take


def test_a_difference_that_no_affordable_number_of_seeds_decides_is_called_too_small():
    found = said(content(runs("copy_10", {"rnn": CLOSE, "gru": BARELY})))
    match = re.search(
        r"nothing is told apart \(rnn and gru\); the difference seen is too small for any affordable number of seeds "
        r"to decide \(about ([0-9,]+) each\)\.",
        found,
    )
    assert match is not None
    needed = int(match[1].replace(",", ""))
    assert needed == seeds_to_decide([(BARELY, CLOSE)])
    assert needed > AFFORDABLE
    assert "would decide" not in found


def test_what_some_seeds_would_decide_and_what_none_would_stand_apart():
    models = {"rnn": CLOSE, "gru": BARELY, "lstm": [score + 0.006 for score in CLOSE]}
    found = said(content(runs("copy_10", models), "rnn"))
    assert re.search(
        r"nothing is told apart from rnn \(lstm and gru\); about [0-9]+ seeds each would decide a difference as large "
        r"as the one seen, 8 times in 10, but that of gru is too small for any affordable number of seeds to decide "
        r"\(about [0-9,]+ each\)\.",
        found,
    )


def test_whose_difference_some_seeds_would_decide_is_told_where_others_do_not_differ_at_all():
    models = {"rnn": CLOSE, "gru": CLOSE, "lstm": [score + 0.006 for score in CLOSE]}
    found = said(content(runs("copy_10", models), "rnn"))
    assert "a difference as large as the one seen of lstm, 8 times in 10." in found
    assert "as the one seen, 8 times in 10." in said(content(runs("copy_10", models | {"gru": BARELY}), "rnn")).replace(
        ", but that of gru is too small", "."
    )


def test_a_large_difference_on_some_of_several_tasks_is_not_said_to_be_little():
    alike = near(0.5, 10)
    tied = [one for task in ("copy_10", "adding_50") for one in runs(task, {"rnn": alike, "gru": alike})]
    found = content([*tied, *runs("copy_30", {"rnn": 2 * POOR, "gru": 2 * GOOD})], "gru")
    assert "against gru, the reference: rnn is worse in the mean, most on copy_30." in said(found)
    assert "worse in the mean than gru" in {made.label: made.said for made in found.architectures}["rnn"]
    pairs = content([*tied, *runs("copy_30", {"rnn": 2 * POOR, "gru": 2 * GOOD})])
    assert "gru is better in the mean than rnn." in said(pairs)
    (duel,) = pairs.matrices[0].duels
    assert (duel.apart, duel.mirrored().apart) == ({"copy_30": -1}, {"copy_30": 1})
    assert duel.overall.probability == pytest.approx(1 / 3)
    # 2 tasks of 3 say the one and 1 the other, each with a verdict; then that one has none, whatever its chance
    lost = [one for task in ("copy_10", "copy_30") for one in runs(task, {"rnn": 2 * POOR, "gru": 2 * GOOD})]
    low, high = near(0.5, 10), near(0.9, 10)
    for mixed, told in ((high, ", the other way round on copy_50."), (low[:7] + high[7:], "")):
        found = said(content([*lost, *runs("copy_50", {"rnn": mixed, "gru": low})], "gru"))
        assert f"rnn is worse in the mean, most on copy_10 and copy_30{told}" in found or not told
        assert ("the other way round" in found) == bool(told)


def test_several_differences_that_are_too_small_have_the_span_of_their_seeds():
    models = {"rnn": CLOSE, "gru": BARELY, "lstm": [score + 1e-9 for score in CLOSE]}
    found = said(content(runs("copy_10", models), "rnn"))
    assert re.search(r"the differences seen are too small .* \(about [0-9,]+ to [0-9,]+ each\)\.", found)


def test_over_several_tasks_it_is_the_mean_that_is_too_small_as_one_wins_here_and_the_other_there():
    two = [*runs("copy_10", {"rnn": GOOD, "gru": POOR}), *runs("copy_30", {"rnn": POOR, "gru": GOOD[:4] + POOR[4:]})]
    found = said(content(two))
    assert re.search(r"the mean difference seen is too small .* \(about [0-9,]+ each\)\.", found)


# ------------------------------------------------------------------ what is not there


def test_a_task_that_is_incomplete_is_named_with_who_lacks_it_and_seeds_are_not_blamed():
    whole = runs("copy_10", {"rnn": POOR, "lstm": POOR, "gru": GOOD})
    part = runs("copy_30", {"rnn": POOR[:3], "lstm": POOR, "gru": GOOD[:1]})
    found = said(content([*whole, *part]))
    assert "Over 2 common tasks: " in found
    assert ": no order can be told: fewer seeds than others have on copy_30 (of 5: rnn 3 and gru 1)." in found
    assert "with these seeds" not in found


def test_of_a_reference_that_lacks_runs_nobody_is_said_to_have_too_few_seeds():
    records = runs("copy_10", {"rnn": POOR, "lstm": POOR, "gru": GOOD[:2]})
    found = said(content(records, "gru"))
    assert (
        "against gru, the reference: no order can be told: fewer seeds than others have on copy_10 (of 5: gru 2)."
        in found
    )


def test_one_architecture_that_lacks_runs_hides_no_verdict_on_the_others():
    records = runs("copy_10", {"rnn": POOR, "lstm": POOR[:2], "gru": GOOD})
    found = said(content(records, "gru"))
    assert (
        "rnn is worse; no verdict on lstm can be reached: fewer seeds than others have on copy_10 (of 5: lstm 2)."
        in found
    )
    assert "seeds each" not in found  # of the minimum that a verdict takes nobody says that it would decide


def test_an_architecture_that_lacks_a_task_is_named_where_the_task_would_have_decided():
    """Seven against gru on one task with 5 seeds are out of reach; with the second task they would not be."""
    models = {f"model_{number}": POOR for number in range(7)} | {"gru": GOOD}
    found = said(content([*runs("copy_10", models), *runs("copy_30", {"gru": GOOD})], "gru"))
    assert "no order can be told: fewer seeds than others have on copy_30 (of 5: model_0 0, model_1 0, " in found
    alone = said(content(runs("copy_10", models), "gru"))
    assert "no order can be told with these seeds: the smallest p of 5 seeds in a family of 7 is 0.056" in alone


@pytest.mark.parametrize("seeds", [2, 4])
def test_where_all_runs_there_are_would_not_be_enough_seeds_are_blamed(seeds: int):
    records = runs("copy_10", {"rnn": POOR[:1], "gru": GOOD[:seeds]})
    assert "no order can be told with these seeds: fewer than 5 seeds; a verdict takes 5 or more." in said(
        content(records)
    )


def test_of_several_reasons_the_one_is_told_that_holds_for_those_with_most_seeds():
    models = {f"model_{number}": POOR for number in range(7)} | {"few": POOR[:4], "gru": GOOD}
    assert "with these seeds: the smallest p of 5 seeds in a family of 8" in said(
        content(runs("copy_10", models), "gru")
    )


def test_lengths_of_a_bisection_are_nobody_elses_missing_tasks():
    records = [*at_lengths("gru", HALF), *at_lengths("rnn", dict.fromkeys([*HALF][:3], 0), seeds=2)]
    lacks = [f"copy_memory delay={length} (of 5: rnn 2)" for length in [*HALF][:3]]
    assert f"fewer seeds than others have on {lacks[0]}, {lacks[1]} and {lacks[2]}." in said(content(records))


def test_architectures_without_a_common_task_are_said_to_have_none():
    found = content([*runs("copy_10", {"gru": GOOD}), *runs("copy_30", {"rnn": POOR})])
    assert found.summary[1] == (
        "No order can be told: no two architectures were trained alike, in one configuration, on one task (gru alone "
        "on copy_10 and rnn alone on copy_30)."
    )
    long = {"train": {"batch_size": 64, "steps": 9000}}
    unlike = content(runs("copy_10", {"gru": GOOD, "rnn": POOR}, gru=long))
    assert unlike.summary[1].endswith("were trained alike, in one configuration, on one task.")
    many = [record for i in range(MOST + 1) for record in runs(f"copy_{i}", {f"model_{i}": GOOD})]
    assert f"told: no two of the first {MOST} architectures were trained alike" in content(many).summary[1]


def test_who_is_compared_with_nobody_is_named():
    records = runs("copy_10", {"rnn": POOR, "gru": GOOD, "lstm": GOOD})
    wide = [replace(record, cell_id="wide", run_id=f"wide{record.seed}") for record in runs("copy_10", {"lstm": POOR})]
    assert said(content([*records, *wide])).endswith("On copy_10: gru is better than rnn; not compared: lstm.")
    elsewhere = runs("copy_30", {"attention": GOOD, "lstm": GOOD})
    assert said(content([*records, *elsewhere], "gru")).endswith(
        "rnn is worse; not told apart from gru: lstm; not compared: attention."
    )
    assert "not compared" not in said(content(records))


# ------------------------------------------------------------------ several environments


def test_each_sentence_names_its_environment_where_there_are_several():
    records = runs("copy_10", {"gru": GOOD, "rnn": POOR})
    elsewhere = [replace(record, env_id="0" * 12) for record in runs("copy_10", {"lstm": POOR[:4]})]
    found = content([*records, *elsewhere])
    assert found.summary[1] == "On copy_10 in environment B: gru is better than rnn."
    one = content([*runs("copy_10", {"gru": GOOD}), *elsewhere])
    assert (
        one.summary[1]
        == "There is but one architecture with results in environment B, gru: nothing to compare it with."
    )
