"""The verdict in detail, of studies whose truth is known."""

from dataclasses import replace

from seqbench.schema import Record
from tests.test_report_dependency import HALF
from tests.test_report_dependency import runs as at_lengths
from tests.test_report_headline import GOOD, POOR, content, runs


def test_what_one_task_shows_is_said_in_plain_words():
    assert content(runs("copy_10", {"gru": GOOD, "rnn": POOR})).details[0] == (
        "gru solves copy_10 with every seed; rnn does not solve copy_10."
    )
    assert "lstm and rnn do not solve copy_10" in (
        content(runs("copy_10", {"gru": GOOD, "rnn": POOR, "lstm": POOR})).details[0]
    ).replace("rnn and lstm", "lstm and rnn")


def test_all_names_its_tasks_so_that_those_told_by_a_curve_are_not_meant():
    alone = runs("copy_10", {"gru": GOOD, "rnn": POOR}) + runs("copy_30", {"gru": GOOD, "rnn": POOR})
    said = content([*alone, *at_lengths("gru", HALF)]).details[0]
    assert said == "gru solves all of copy_10 and copy_30 with every seed; rnn solves none of copy_10 and copy_30."


def test_sentences_say_that_they_leave_out_the_lengths_of_a_curve():
    both = [*at_lengths("gru", HALF), *at_lengths("rnn", dict.fromkeys(HALF, 0))]
    merged = content([*both, *runs("adding_50", {"gru": GOOD, "rnn": POOR})])
    assert merged.details[-1] == (
        "These sentences leave out the lengths of copy_memory, of which the longest solved dependencies tell."
    )
    assert list(content(both).details) == []  # nothing is said that anything could be missing from
    assert "leave out" not in " ".join(content(runs("adding_50", {"gru": GOOD, "rnn": POOR})).details)


def test_what_is_said_beside_curves_is_of_the_other_tasks_alone():
    curves = at_lengths("gru", HALF)

    def first(records: list[Record]) -> str:
        return content([*curves, *records]).summary[0]

    solving = first(runs("copy_9", {"gru": GOOD}, target="seqbench.tasks.copy_memory:CopyMemory"))
    assert "Of the other tasks, longest sequences solved by at least half of the seeds: copy_9 (30 steps) by" in solving
    lost = first(runs("copy_9", {"gru": [None] * 5}))
    assert lost.endswith("No run of the other tasks left a score (5 failed).")
    assert "nothing can be said" not in lost
    two = [*runs("copy_8", {"gru": POOR}), *runs("copy_9", {"gru": POOR})]
    assert first(two).endswith("No architecture solves any of the 2 other tasks that can be solved: 0 of 10 runs.")
    part = runs("copy_9", {"gru": [*POOR[:3], *GOOD[:2]]})
    assert first(part).endswith("No architecture is seen to solve another task with at least half of its seeds.")


def test_two_configurations_of_one_name_solve_a_task_with_every_seed_only_if_both_do():
    wide = [
        replace(record, cell_id="wide", run_id=f"wide{record.seed}") for record in runs("copy_10", {"gru": GOOD})
    ]  # with the same label
    poor = [replace(record, cell_id="poor", run_id=f"poor{record.seed}") for record in runs("copy_10", {"gru": POOR})]
    assert content([*wide, *runs("copy_10", {"gru": GOOD})]).details[0] == "gru solves copy_10 with every seed."
    for order in ([*poor, *wide], [*wide, *poor]):
        assert content(order).details[0] == "gru solves copy_10 with some seeds only."


def test_sentences_and_banners_name_the_environment_where_there_are_several():
    records = runs("copy_10", {"gru": GOOD, "rnn": GOOD}, gru={"train": {"steps": 9}})
    low = {"score": 0.01, "skill": -0.5, "solved": False}
    there = [replace(r, env_id="a" * 12, summary=low if r.labels["model"] == "gru" else r.summary) for r in records]
    both = [*there, *(replace(record, env_id="b" * 12) for record in records)]
    found = content(both)
    assert "Below the trivial baseline: gru on copy_10 [A]." in found.banners
    assert (
        "Unequal training budgets: copy_10 [A] (rnn 1,500 and gru 9 steps) and copy_10 [B] (rnn 1,500 and gru 9 steps)."
    ) in found.banners
    assert any(sentence.endswith(": gru on copy_10 [A].") for sentence in found.details)
    assert "[A]" not in " ".join([*content(both[:10]).banners, *content(both[:10]).details])


def test_skill_a_little_above_zero_is_not_called_no_better_than_trivial():
    near_zero = [replace(r, summary={**r.summary, "skill": 0.012}) for r in runs("copy_10", {"gru": POOR})]
    (said,) = [text for text in content(near_zero).details if "baseline" in text]
    assert said == "At the trivial baseline or below it in the mean (skill under 0.02): gru on copy_10."
