"""The verdict in detail, of studies whose truth is known."""

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
