from pathlib import Path

import pytest

from seqbench.schema import UsageError
from seqbench.values import check_choice, check_count, check_outside


@pytest.mark.parametrize("value", [0, -1, 2.0, "3", None, True, float("nan"), [1]])
def test_what_is_no_integer_of_at_least_the_minimum_is_refused_with_the_key(value: object):
    with pytest.raises(UsageError, match=r"task\.delay must be an integer of at least 1; got "):
        check_count("task.delay", value, 1)


def test_bounds_are_inside():
    check_count("task.delay", 1, 1, 5)
    check_count("task.delay", 5, 1, 5)
    with pytest.raises(UsageError, match="from 1 to 5; got 6"):
        check_count("task.delay", 6, 1, 5)


def test_an_unknown_word_is_refused_with_the_choices_and_the_nearest():
    with pytest.raises(UsageError, match=r"a_half or anywhere; got 'anywere'. Write task.positions=anywhere"):
        check_choice("task.positions", "anywere", ("a_half", "anywhere"))
    check_choice("task.positions", "anywhere", ("a_half", "anywhere"))


@pytest.mark.parametrize(
    "out", ["store", "store/", "store/deep/page", "./store/../store", "link/page", "{}/store/page"]
)
def test_nothing_is_written_into_a_store_however_its_path_is_spelled(
    out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("store")
    with pytest.raises(UsageError, match=r"^out must lie outside the store 'store', which is for records alone; got "):
        check_outside("out", out.format(tmp_path), "store")


@pytest.mark.parametrize(
    ("out", "store"), [("results/report", "results/runs"), ("study", "study/runs"), ("store_page", "store"), (".", "a")]
)
def test_a_report_beside_its_store_or_around_it_is_no_mistake(out: str, store: str):
    check_outside("out", out, store)
