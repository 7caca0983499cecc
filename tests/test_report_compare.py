"""Two stores compared: what is said of simulated pairs whose truth is known."""

import csv
import io
import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import simulated
import simulated_costs
from rich.console import Console

from seqbench import cli
from seqbench.record.store import Store
from seqbench.report.compare import compare_stores
from seqbench.report.compare_views import VIEWS, row_texts, speed_texts, terminal, told
from seqbench.report.compared import StoreComparison
from seqbench.schema import Record
from seqbench.statistics.rounds import LEVEL
from tests.test_report_headline import GOOD, POOR, most, near, runs
from tests.test_report_matrix import copies


def against(a: Sequence[Record], b: Sequence[Record]) -> StoreComparison:
    return compare_stores(("before", a), ("after", b))


def moved(records: Sequence[Record], **environment: object) -> list[Record]:
    """The same as if another machine had done them."""
    return [replace(r, env_id="f" * 12, environment={**r.environment, **environment}) for r in records]


def printed(found: StoreComparison, width: int = 120) -> str:
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(terminal(found))
    return console.export_text()


# ------------------------------------------------------------------ verdicts


def test_better_runs_after_are_better_and_the_other_way_round_worse():
    low, high = runs("copy_10", {"gru": near(0.5, 5)}), runs("copy_10", {"gru": near(0.8, 5)})
    (row,) = against(low, high).rows
    assert (row.verdict, row.a.runs, row.b.runs) == ("better", 5, 5)
    assert row.low is not None
    assert row.high is not None
    assert 0.25 < row.low < row.difference < row.high < 0.35
    (back,) = against(high, low).rows
    assert (back.verdict, back.difference) == ("worse", pytest.approx(-row.difference))


def test_of_an_error_the_lower_one_is_better_and_the_difference_keeps_its_sign():
    def errors(centre: float) -> list[Record]:
        facts = simulated.base("adding_50", "gru", 0)
        return [replace(r, task=facts.task, metrics=facts.metrics) for r in runs("adding_50", {"gru": near(centre, 6)})]

    (row,) = against(errors(0.5), errors(0.2)).rows
    assert row.verdict == "better"
    assert row.difference == pytest.approx(-0.3, abs=0.02)
    assert (row.low or 0) < row.difference < (row.high or 0) < 0


def test_where_all_runs_are_solved_there_is_no_interval_and_the_row_says_why():
    def solved(by: float) -> list[Record]:
        made = [simulated.learning("adding_50", "gru", seed)[0] for seed in range(6)]
        return [replace(r, summary={**r.summary, "score": by * r.summary["score"]}) for r in made]

    (row,) = against(solved(0.5), solved(0.05)).rows
    assert (row.verdict, row.difference, row.low, row.high) == ("undecided", 0, None, None)
    assert row_texts(row)[4] == "0 (all solved)"
    (row,) = against(runs("copy_10", {"gru": [0.5] * 6}), runs("copy_10", {"gru": [0.5] * 6})).rows
    assert row_texts(row)[4] == "0 (all runs equal)"


def test_equal_scores_of_which_only_one_side_is_solved_are_neither_identical_nor_a_shift():
    solved = [simulated.learning("adding_50", "gru", seed)[0] for seed in range(6)]
    lost = [replace(r, summary={**r.summary, "solved": False, "steps_to_solve": None}) for r in solved]
    (row,) = against(solved, lost).rows
    assert (row.verdict, row.identical, row.difference, row.low, row.high) == ("worse", False, 0, None, None)
    assert row_texts(row)[4] == "0 (all beyond the threshold)"
    assert row_texts(row)[-1].startswith("worse (p = ")


def test_runs_of_equal_seeds_are_pairs_where_there_are_enough_of_them():
    before = near(0.5, 10)
    after = [score + 0.002 + 0.0001 * seed for seed, score in enumerate(before)]
    (row,) = against(runs("copy_10", {"gru": before}), runs("copy_10", {"gru": after})).rows
    assert (row.paired, row.verdict) == (True, "better")
    other = [replace(r, seed=(r.seed or 0) + 100) for r in runs("copy_10", {"gru": after})]
    (row,) = against(runs("copy_10", {"gru": before}), other).rows
    assert (row.paired, row.verdict) == (False, "undecided")


def test_five_pairs_could_decide_nothing_so_they_are_tested_as_two_groups():
    (row,) = against(runs("copy_10", {"gru": POOR}), runs("copy_10", {"gru": GOOD})).rows
    assert (row.paired, row.verdict) == (False, "better")


@pytest.mark.parametrize("seeds", [1, 4])
def test_too_few_seeds_leave_every_verdict_out_of_reach(seeds: int):
    found = against(runs("copy_10", {"gru": POOR[:seeds]}), runs("copy_10", {"gru": GOOD[:seeds]}))
    assert (found.rows[0].verdict, found.rows[0].low, found.overall) == ("unreachable", None, None)
    assert row_texts(found.rows[0])[-1] == "unreachable: fewer than 5 seeds; takes 5"


def test_rows_of_one_task_are_a_family():
    models = [f"model_{i}" for i in range(7)]
    before, after = ({name: near(level, 5, seed) for seed, name in enumerate(models)} for level in (0.5, 0.6))
    found = against(runs("copy_10", before), runs("copy_10", after))
    assert {row.verdict for row in found.rows} == {"unreachable"}  # 7 x 0.0079 > 0.05
    assert row_texts(found.rows[0])[-1] == "unreachable: 5 runs are too few for so many rows; takes 6"
    assert found.overall is not None
    assert found.overall[0] == "better"  # all rows together decide


def false_verdicts(studies: int) -> int:
    """Families with a verdict, of three architectures that are the same before and after."""
    wrong = 0
    for study in range(studies):
        a, b = ({name: near(0.5, 10, 50 * study + 10 * side + i) for i, name in enumerate(("rnn", "gru", "lstm"))}
                for side in (0, 1))  # fmt: skip
        rows = against(runs("copy_10", a), runs("copy_10", b)).rows
        wrong += any(row.verdict in ("better", "worse") for row in rows)
    return wrong


def test_false_verdicts_are_rare_where_nothing_differs():
    assert false_verdicts(25) <= most(25)


@pytest.mark.soak
@pytest.mark.timeout(900)  # on a busy machine
def test_false_verdicts_are_at_most_5_percent_of_1000_families():
    assert false_verdicts(1000) <= most(1000)


def test_what_pairs_of_seeds_decide_in_the_rows_they_decide_over_all_rows_as_well():
    wide = [0.1 * seed for seed in range(8)]
    rows = {name: wide for name in ("rnn", "gru")}, {name: [score + 0.01 for score in wide] for name in ("rnn", "gru")}
    found = against(*(runs("copy_10", side) for side in rows))
    assert [(row.paired, row.verdict) for row in found.rows] == [(True, "better")] * 2
    assert found.overall == ("better", pytest.approx(2 / 2**16))
    assert "Over all 2 rows: b is better (p < 0.001)." in told(found)
    back = against(*(runs("copy_10", side) for side in reversed(rows))).overall
    assert back is not None
    assert back[0] == "worse"


def test_a_seed_counts_once_over_the_lengths_of_one_kind_of_task():
    target = "seqbench.tasks.copy_memory:CopyMemory"
    a, b = (
        [r for length in (10, 20, 40) for r in runs(f"copy_{length}", {"gru": side}, length=length, target=target)]
        for side in (POOR, GOOD)
    )
    found = against(a, b)
    assert len(found.rows) == 3
    assert found.overall == ("better", pytest.approx(2 / 252))


@pytest.mark.parametrize("seeds", [6, 8])  # as groups, and as pairs
def test_rows_of_a_kind_whose_seeds_differ_are_not_independent(seeds: int):
    lacking, wrong = [[seed for seed in range(seeds) if seed != length] for length in range(5)], 0
    for study in range(20):
        a, b = (copies(lacking, gru=near(0.5, seeds, 2 * study + side)) for side in (0, 1))
        found = against(a, b)
        assert {row.paired for row in found.rows} == {seeds == 8}
        assert found.overall is not None
        wrong += found.overall[0] != "undecided"
    assert wrong <= most(20)


def test_rows_of_a_kind_of_which_only_some_are_pairs_are_tested_as_groups_together():
    first, second = near(0.5, 8), near(0.8, 8)
    a = copies([range(8), range(8), range(5)], gru=first)
    b = copies([range(8), range(8), range(5)], gru=second)
    found = against(a, b)
    assert [row.paired for row in found.rows] == [True, True, False]
    ways = math.comb(10, 5) * math.comb(6, 3)  # five seeds are on all three, three on two
    assert found.overall == ("better", pytest.approx(2 / ways))


def test_rows_that_can_have_no_verdict_keep_all_of_them_from_one_and_are_named():
    a, b = ([*runs("copy_10", {"gru": side}), *runs("copy_30", {"gru": side[:4]})] for side in (POOR, GOOD))
    found = against(a, b)
    assert [row.verdict for row in found.rows] == ["better", "unreachable"]
    assert found.overall is None
    assert "Nothing is said over all rows, as there are fewer than 5 runs of gru on copy_30." in told(found)
    a, b = (
        [replace(r, metrics={name: {**facts, "better": "neither"} for name, facts in r.metrics.items()}) for r in side]
        for side in (runs("copy_10", {"rnn": POOR, "gru": POOR}), runs("copy_10", {"rnn": GOOD, "gru": GOOD}))
    )
    blind = "Nothing is said over all rows, as no score is the better one of rnn on copy_10 and gru on copy_10."
    assert blind in told(against(a, b))


def test_one_row_speaks_for_itself():
    found = against(runs("copy_10", {"gru": POOR}), runs("copy_10", {"gru": GOOD}))
    assert (found.rows[0].verdict, found.overall) == ("better", None)
    assert "Over all" not in " ".join(told(found))


def test_rows_that_share_runs_give_no_verdict_over_all_of_them():
    a, b = ([r for task in ("copy_10", "copy_30") for r in runs(task, {"gru": side})] for side in (POOR, GOOD))
    both = [*a, *moved(a)]
    for found in (against(both, b), against(b, both)):
        assert (len(found.rows), found.shared, found.overall) == (4, True, None)
        assert "Nothing is said over all rows, as some share runs" in " ".join(told(found))
    apart = [r for r in a if r.labels["task"] == "copy_10"] + moved([r for r in a if r.labels["task"] == "copy_30"])
    found = against(apart, b)  # two environments, and each run in one row
    assert (len(found.rows), found.shared) == (2, False)
    assert found.overall is not None
    assert found.overall[0] == "better"


def false_overall(studies: int, environments: int) -> int:
    """Studies with a verdict over all rows, of two tasks that are the same in the environments of a and in b."""
    wrong = 0
    for study in range(studies):
        b, *a = (
            [replace(r, env_id=f"{side:012}") for task in range(2)
             for r in runs(f"copy_{task + 1}", {"gru": near(0.5, 5, 100 * study + 10 * side + task)})]
            for side in range(1 + environments)
        )  # fmt: skip
        overall = against([r for side in a for r in side], b).overall
        wrong += overall is not None and overall[0] != "undecided"
    return wrong


@pytest.mark.parametrize("environments", [1, 3])
def test_false_verdicts_over_all_rows_are_rare_however_many_environments_hold_them(environments: int):
    assert false_overall(60, environments) <= most(60)


@pytest.mark.soak
@pytest.mark.timeout(900)  # on a busy machine
@pytest.mark.parametrize("environments", [1, 2, 3])
def test_false_verdicts_over_all_rows_are_at_most_5_percent_of_1000_studies(environments: int):
    assert false_overall(1000, environments) <= most(1000)


def test_the_same_scores_are_said_to_be_the_same():
    records = runs("copy_10", {"gru": GOOD})
    found = against(records, moved(records))
    assert found.rows[0].identical
    assert row_texts(found.rows[0])[-1] == "identical scores"
    assert "1 row of 1 holds the very same scores in both." in told(found)
    (line,) = csv.DictReader(io.StringIO(VIEWS["csv"](found)))
    assert line["verdict"] == "identical scores"


def test_no_difference_of_an_error_is_zero_without_a_sign():
    def errors() -> list[Record]:
        facts = simulated.base("adding_50", "gru", 0)
        return [replace(r, task=facts.task, metrics=facts.metrics) for r in runs("adding_50", {"gru": near(0.5, 6)})]

    found = against(errors(), moved(errors()))
    (line,) = csv.DictReader(io.StringIO(VIEWS["csv"](found)))
    assert line["estimate"] == "0.0"
    assert '"difference": 0.0' in VIEWS["json"](found)


def test_what_a_store_holds_is_named_in_the_order_of_the_tables():
    levels = {"lstm": GOOD, "gru": GOOD, "rnn": GOOD}
    records = [r for task in ("copy_30", "copy_5") for r in reversed(runs(task, levels))]
    held = against(records, runs("copy_10", {"gru": GOOD})).holds["before"]
    names = [f"{name} on {task}" for task in ("copy_5", "copy_30") for name in ("rnn", "lstm", "gru")]
    assert held == f"30 runs: {', '.join(names[:4])} and 2 more"


def test_what_is_open_says_how_many_seeds_would_decide_it():
    (row,) = against(runs("copy_10", {"gru": near(0.5, 5)}), runs("copy_10", {"gru": near(0.505, 5, 1)})).rows
    assert row.verdict == "undecided"
    assert row.seeds_needed is not None
    assert row.seeds_needed > 5
    (same,) = against(runs("copy_10", {"gru": [0.5] * 5}), runs("copy_10", {"gru": [0.5] * 5})).rows
    assert same.seeds_needed is None


def test_failed_runs_lose():
    found = against(runs("copy_10", {"gru": GOOD}), runs("copy_10", {"gru": [None] * 5}))
    assert found.rows[0].verdict == "worse"
    assert found.rows[0].b.score is None
    assert "\N{INFINITY}" in row_texts(found.rows[0])[4]


# ------------------------------------------------------------------ what matches


def test_device_version_and_code_may_differ_but_sizes_rates_and_training_may_not():
    def changed(**config: object) -> list[Record]:
        return [replace(r, cell_id="x", config={**r.config, **config}) for r in runs("copy_10", {"gru": GOOD})]

    base = runs("copy_10", {"gru": POOR})
    model = dict(base[0].config["model"])
    for config in (
        {"device": "cuda"},
        {"precision": "float64"},
        {"model": {**model, "version": 2}},
        {"sources": {"m": "1"}},
    ):
        assert len(against(base, changed(**config)).rows) == 1
    for config in (
        {"model": {**model, "width": 128}},
        {"model": {**model, "learning_rate": 1.0}},
        {"train": {"steps": 9}},
    ):
        found = against(base, changed(**config))
        assert found.rows == ()
        assert found.only == (("before", "copy_10", "gru"), ("after", "copy_10", "gru"))
        assert "The stores share no cell and no time of a training step: nothing can be compared." in told(found)
        assert "before holds 5 runs: gru on copy_10." in told(found)


def test_cells_and_measurements_match_by_their_values_whatever_their_labels():
    def renamed(records: Sequence[Record]) -> list[Record]:
        labels = {"task": "adding_problem length=100", "model": "mine", "variant": ""}
        return [replace(r, labels=labels) for r in records]

    a = [*runs("copy_10", {"gru": POOR}), *timed("gru", 8)]
    found = against(a, renamed([*runs("copy_10", {"gru": GOOD}), *timed("gru", 8, 2.0)]))
    assert (found.only, [row.verdict for row in found.rows]) == ((), ["better"])
    assert [row.verdict for row in found.speeds] == ["slower"]
    assert found.rows[0].task == "copy_10 (b: adding_problem length=100)"
    assert found.rows[0].architecture == "gru (b: mine)"
    assert against(a, a).rows[0].task == "copy_10"


def test_a_task_by_the_same_name_with_other_values_is_another():
    a = [*runs("copy_10", {"gru": POOR}), *timed("gru", 8)]
    b = [replace(r, config={**r.config, "task": {**r.config["task"], "version": 2}}) for r in a]
    found = against(a, b)
    assert found.empty
    assert "after holds 5 runs and 8 cost measurements: gru on copy_10 and gru on adding_50." in told(found)


def test_environments_are_named_and_each_is_compared_apart():
    records = runs("copy_10", {"gru": GOOD})
    found = against(records, [*records, *moved(runs("copy_10", {"gru": POOR}), gpu="H200")])
    assert [row.verdict for row in found.rows] == ["undecided", "worse"]
    assert len({row.b.name for row in found.rows}) == 2
    assert any("H200" in sentence for sentence in told(found))
    assert "[ffffff]" in printed(found)


# ------------------------------------------------------------------ speed


def timed(model: str, rounds: int, factor: float = 1.0, noise: float = 0.02, **asked: int | str) -> list[Record]:
    made = [simulated_costs.sample(model, noise, round=number, **asked)[0] for number in range(rounds)]
    return [
        replace(r, summary={**r.summary, "step_s": {"median": factor * r.summary["step_s"]["median"]}}) for r in made
    ]


@pytest.mark.parametrize(("factor", "verdict"), [(2.0, "slower"), (0.5, "faster"), (1.0, "not told apart")])
def test_speed_of_the_same_measurement_has_a_ratio_with_an_interval(factor: float, verdict: str):
    (row,) = against(timed("gru", 8), moved(timed("gru", 8, factor))).speeds
    assert (row.verdict, row.rounds, row.length) == (verdict, (8, 8), 64)
    assert row.ratio.value == pytest.approx(factor)
    assert row.ratio.interval is not None
    assert row.ratio.interval[0] <= factor <= row.ratio.interval[1]


@pytest.mark.parametrize("rounds", [2, 5, 7])
def test_fewer_than_eight_rounds_decide_no_speed(rounds: int):
    (row,) = against(timed("gru", rounds), timed("gru", rounds, 3.0)).speeds
    assert (row.verdict, row.ratio.interval) == ("undecided", None)
    assert speed_texts(row)[-1] == f"undecided (fewer than 8 rounds: {rounds})"


@pytest.mark.parametrize(("factor", "verdict"), [(1.08, "not told apart"), (0.93, "not told apart"), (1.15, "slower"),
                                                 (0.87, "faster")])  # fmt: skip
def test_what_two_sessions_may_differ_by_is_neither_slower_nor_faster(factor: float, verdict: str):
    (row,) = against(timed("gru", 8, noise=0.001), timed("gru", 8, factor, noise=0.001)).speeds
    assert row.ratio.interval is not None
    assert row.ratio.interval[0] > 1 or row.ratio.interval[1] < 1
    assert row.verdict == verdict


def test_the_more_ratios_there_are_the_surer_is_each_that_all_of_them_hold():
    every = [record for length in range(65) for record in timed("gru", 8, length=8 + length)]
    one, forty = every[: 1 * 8], [*every[: 40 * 8], *timed("rnn", 5)]
    few, many = against(one, one), against(forty, forty)
    assert {row.level for row in few.speeds} == {0.99}
    beside = [*timed("gru", 8, length=8, what="denormals"), *timed("gru", 8, length=8, twin=True)]
    assert against([*one, *beside], [*one, *beside]).speeds == few.speeds  # they are no training steps more
    assert {row.level for row in many.speeds} == {1 - (1 - LEVEL) / 40}  # five rounds have no interval to share
    narrow, wide = (found.speeds[0].ratio.interval for found in (few, many))
    assert narrow is not None
    assert wide is not None
    assert wide[0] < narrow[0] < 1 < narrow[1] < wide[1]
    assert {speed_texts(row)[-1] for row in against(every, every).speeds} == {"undecided (fewer than 9 rounds: 8)"}


def test_times_are_said_to_come_from_two_sessions_and_a_gate_is_named():
    text = " ".join(printed(against(timed("gru", 8), timed("gru", 8))).split())
    assert "a and b were not timed in turns" in text
    assert "b is called faster or slower only beyond 10 %" in text
    assert "seqbench check --against" in text
    assert "turns" not in printed(against(runs("copy_10", {"gru": POOR}), runs("copy_10", {"gru": GOOD})))


def test_a_machine_hundreds_of_times_as_fast_is_read_at_a_glance():
    found = against(timed("gru", 8, noise=0.001), moved(timed("gru", 8, 0.004, noise=0.001), gpu="H200"))
    texts = speed_texts(found.speeds[0])
    assert re.fullmatch(r"0\.00400 \[0\.00\d+, 0\.00\d+\]", texts[3])
    assert texts[-1] == "faster"


# ------------------------------------------------------------------ as text


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    made = []
    for name, level in (("before", 0.5), ("after", 0.8)):
        store = Store(tmp_path / name)
        records = runs("copy_10", {"gru": near(level, 5), "rnn": near(0.3, 5)})
        for record in [*records, *timed("gru", 8, level)]:
            store.publish(replace(record, arrays={}), {})
        made.append(str(store.root))
    return made


def test_numbers_agree_in_table_markdown_csv_and_json():
    low, high = runs("copy_10", {"gru": near(0.5, 5)}), runs("copy_10", {"gru": near(0.8, 5)})
    found = against([*low, *timed("gru", 8)], [*high, *timed("gru", 8, 2.0)])
    row, speed = found.rows[0], found.speeds[0]
    document = json.loads(VIEWS["json"](found))["comparison"]
    assert (document["rows"][0]["p"], document["rows"][0]["low"]) == (row.p, row.low)
    assert document["speeds"][0]["ratio"]["interval"] == list(speed.ratio.interval or ())
    lines = list(csv.DictReader(io.StringIO(VIEWS["csv"](found))))
    assert [float(line["estimate"]) for line in lines] == [row.difference, speed.ratio.value]
    assert [line["verdict"] for line in lines] == ["better", "slower"]
    for text in (printed(found), VIEWS["md"](found).replace("\\", "")):
        assert all(part in text for part in row_texts(row))
        assert "slower" in text


def test_table_fits_120_columns_and_obeys_no_markup():
    name = "[bold]x[/bold]\x1b[31m"
    found = against(runs("copy_10", {name: GOOD}), runs("copy_10", {name: POOR}))
    text = printed(found)
    assert "[bold]x[/bold]?[31m" in text
    assert max(map(len, text.splitlines())) <= 120
    assert "\x1b" not in VIEWS["csv"](found)


def test_command_prints_the_verdicts_and_ends_with_0(folders: list[str], capsys: pytest.CaptureFixture[str]):
    assert cli.main(["compare", *folders]) == 0
    text = capsys.readouterr().out
    assert "better (p = 0.016)" in text
    assert "slower" in text
    assert "Over all 2 rows:" in text
    assert cli.main(["compare", *folders, folders[0], "--format=json"]) == 0
    found = capsys.readouterr().out
    decoder, at = json.JSONDecoder(), 0
    documents = []
    while at < len(found.rstrip()):
        document, at = decoder.raw_decode(found, at)
        documents.append(document)
        at += 1
    assert [document["comparison"]["b"] for document in documents] == ["after", "before (3)"] or len(documents) == 2


def test_stores_that_share_nothing_end_with_4_and_say_what_each_holds(
    folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    other = Store(tmp_path / "other")
    for record in runs("copy_30", {"gru": GOOD}):
        other.publish(replace(record, arrays={}), {})
    assert cli.main(["compare", folders[0], str(other.root)]) == 4
    text = " ".join(capsys.readouterr().out.split())
    assert "nothing can be compared" in text
    assert "before holds 10 runs and 8 cost measurements:" in text
    assert "other holds 5 runs: gru on copy_30." in text
    assert cli.main(["compare", folders[0], folders[1], str(other.root)]) == 4


@pytest.mark.parametrize("form", ["table", "csv", "json"])
@pytest.mark.parametrize(("damaged", "lines"), [(1, 2), (3, 4), (10, 5)])
def test_what_could_not_be_read_is_counted_beside_every_format(
    form: str, damaged: int, lines: int, folders: list[str], capsys: pytest.CaptureFixture[str]
):
    names = [f"{name}-" + "0" * 12 + "-1" for name in "abcdefghij"[:damaged]]
    for name in names:
        (Path(folders[1]) / name).mkdir()
        (Path(folders[1]) / name / "record.json").write_text("{}")
    assert cli.main(["compare", *folders, "--format", form]) == 0
    out, err = capsys.readouterr()
    said = err.splitlines()
    assert len(said) == lines
    assert f"{damaged} thing{'s' * (damaged > 1)} could not be read" in said[0]
    assert all(name in line for name, line in zip(names[:3], said[1:], strict=False))
    assert ("and 7 more; report --store" in said[-1]) == (damaged == 10)
    assert "not be read" not in out


def test_side_of_damaged_records_alone_names_them(folders: list[str], capsys: pytest.CaptureFixture[str]):
    damaged = Path(folders[0]).parent / "damaged"
    (damaged / "some").mkdir(parents=True)
    (damaged / "some" / "record.json").write_text("{}")
    assert cli.main(["compare", folders[0], str(damaged)]) == 2
    assert "damaged' holds none. Not readable: some" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["compare", "report"])
def test_records_that_a_newer_seqbench_reads_are_not_to_be_trained_again(
    command: str, folders: list[str], capsys: pytest.CaptureFixture[str]
):
    newer = Path(folders[0]).parent / "newer"
    record = newer / next(Path(folders[0]).glob("*/record.json")).parent.name / "record.json"
    record.parent.mkdir(parents=True)
    record.write_text('{"schema_version": 1000}')
    words = [folders[0], str(newer)] if command == "compare" else ["--store", str(newer), "--out", f"{newer}-page"]
    assert cli.main([command, *words]) == 2
    assert capsys.readouterr().err.endswith("; read it with a newer seqbench.\n")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ([], "two folders of records or more; got 0"),
        (["before"], "two folders of records or more; got 1"),
        (["before", "nowhere"], "each folder of compare must be an existing folder of records; got 'nowhere'"),
        (["before:gru", "before:lstm"], "compare takes whole folders, for one store holds a configuration once; got"),
        (["before", "empty"], "a comparison needs records on both sides; 'empty' holds none"),
        (["before", "after", "--fast"], "compare takes folders of records and --format NAME, and prints; got '--fast'"),
        (["before", "after", "--format", "html"], "--format must be some of table, md, csv, json; got 'html'"),
    ],
)
def test_wrong_use_of_compare_is_one_message_and_exit_code_2(
    words: list[str], part: str, folders: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    home = Path(folders[0]).parent
    (home / "empty").mkdir()
    monkeypatch.chdir(home)
    assert cli.main(["compare", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert part in err
