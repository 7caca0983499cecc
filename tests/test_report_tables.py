import io
import math
from dataclasses import replace
from typing import Any

import pytest
import simulated
from rich.console import Console

from seqbench.report.groups import grouped
from seqbench.report.row import VerdictRow
from seqbench.report.strips import strips
from seqbench.report.tables import alike, upward, verdict_rows
from seqbench.report.terminal import result_table
from seqbench.report.wording import DASH, MINUS, comparison_text, number, solved_text, steps_text
from seqbench.schema import Record, Status
from seqbench.statistics.intervals import mid_p_interval, t_interval
from tests.test_report_headline import content


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return [record for record, _ in simulated.study()]


def row(rows: list[VerdictRow], task: str, name: str) -> VerdictRow:
    (found,) = [row for row in rows if (row.task, row.name) == (task, name)]
    return found


def runs(*scores: float | None, task: str = "membrane", model: str = "gru", **changes: Any) -> list[Record]:
    """One completed run a score, of a task whose score is an error."""
    made = []
    for seed, score in enumerate(scores):
        skill = None if score is None else (0.51 - score) / 0.51
        summary = {"score": score, "skill": skill, "solved": None, "budget": 1500}
        made.append(replace(simulated.base(task, model, seed), summary=summary, **changes))
    return made


def test_row_agrees_with_its_records(records: list[Record]) -> None:
    found = row(verdict_rows(records), "membrane", "lstm")
    mine = [
        r for r in records if r.kind == "learning" and (r.labels["task"], r.labels["model"]) == ("membrane", "lstm")
    ]
    scores = [record.summary["score"] for record in mine]
    assert found.scores == tuple(scores)
    assert found.score == pytest.approx(sum(scores) / 5)
    assert found.summary is not None
    assert found.summary.interval == t_interval(scores)
    assert found.skill_interval == pytest.approx(t_interval([record.summary["skill"] for record in mine]))
    assert (found.parameters, found.learning_rate, found.budget, found.seeds) == (19_210, 0.003, 1500, (0, 1, 2, 3, 4))


def test_no_interval_leaves_what_a_score_can_be() -> None:
    scores = (1.0, 1.0, 0.997, 0.999, 1.0)
    copying = [
        replace(r, summary={"score": score, "solved": True, "skill": score})
        for r, score in zip((simulated.base("copy_10", "gru", seed) for seed in range(5)), scores, strict=True)
    ]
    erring = runs(0.0001, 0.0, 0.002, 0.0, 0.0)
    for records, limits in ((copying, (0, 1)), (erring, (0, math.inf))):
        found = verdict_rows(records)[0]
        assert found.summary is not None
        cut, skill = found.summary.interval, found.skill_interval
        assert cut is not None
        assert skill is not None
        whole = t_interval([score for score in found.scores if score is not None])
        assert not limits[0] <= whole[0] <= whole[1] <= limits[1]
        assert cut == (max(whole[0], limits[0]), min(whole[1], limits[1]))
        assert skill[1] == 1.0
    assert f"0.999 ± {0.9992 - t_interval(scores)[0]:.3f}" in printed(copying)


def test_runs_that_did_not_complete_stay_in_the_denominator(records: list[Record]) -> None:
    found = row(verdict_rows(records), "copy_30", "transformer")
    assert found.summary is not None
    assert (found.summary.solved, found.summary.runs) == (4, 5)
    assert found.summary.rate_interval == mid_p_interval(4, 5)
    assert found.summary.interval is None
    assert found.remarks[0] == "1 timeout"


def test_diverged_run_that_claims_to_have_solved_does_not_count() -> None:
    record, _ = simulated.learning("copy_10", "gru", 0)
    (found, _) = verdict_rows([replace(record, status="diverged")])
    assert solved_text(found) == "0/1"
    assert steps_text(found) == "> 1,500"


def test_task_without_a_notion_of_solved_has_a_dash(records: list[Record]) -> None:
    found = row(verdict_rows(records), "membrane", "gru")
    assert (solved_text(found), steps_text(found)) == (DASH, DASH)


def test_rows_are_grouped_by_task_architectures_first_in_fixed_order(records: list[Record]) -> None:
    rows = verdict_rows(records)
    assert list(dict.fromkeys(r.task for r in rows)) == ["adding_50", "adding_100", "copy_10", "copy_30", "membrane"]
    last = [r.name for r in rows if r.task == "membrane"]
    assert last == [*simulated.MODELS, "persistence", "seasonal naive", "ridge"]


def test_baselines_have_the_skill_that_follows_from_their_loss(records: list[Record]) -> None:
    rows = verdict_rows(records)
    assert row(rows, "membrane", "persistence").skill == 0
    assert row(rows, "membrane", "ridge").skill == pytest.approx((0.51 - 0.291) / 0.51)
    assert row(rows, "copy_10", "memoryless").score == 0.125


def test_network_that_loses_to_ridge_is_said_to_lose() -> None:
    losing, straddling, winning = (
        verdict_rows(runs(*scores))[0].remarks
        for scores in ((0.30, 0.31, 0.30, 0.31, 0.30), (0.28, 0.30, 0.28, 0.30, 0.295), (0.25, 0.26, 0.25, 0.26, 0.25))
    )
    assert "loses to ridge" in losing
    assert "not clearly better than ridge" in straddling
    assert winning == ()


def test_two_runs_on_both_sides_of_ridge_are_said_to_straddle_it() -> None:
    assert verdict_rows(runs(0.28, 0.30))[0].remarks == ("not every run better than ridge",)
    assert verdict_rows(runs(0.30, 0.31))[0].remarks == ("all runs are worse than ridge",)


def test_fewer_runs_than_a_verdict_takes_lose_to_nothing() -> None:
    assert verdict_rows(runs(0.30))[0].remarks == ("its only run is worse than ridge",)
    for seeds in (4, 5):
        found = content(runs(*[0.60] * seeds))
        worse = [said for said in found.details if said.startswith("Worse than")]
        both = ["Worse than seasonal naive: gru on membrane.", "Worse than ridge: gru on membrane."]
        assert worse == (both if seeds == 5 else [])
        assert ("Below the trivial baseline: gru on membrane." in found.banners) == (seeds == 5)


def test_a_run_without_a_score_is_not_better_than_a_trivial_method() -> None:
    assert verdict_rows(runs(0.25, 0.26, 0.25, None, 0.25))[0].remarks == (
        "not every run better than persistence, seasonal naive and ridge",
    )
    assert "loses to ridge" in verdict_rows(runs(0.30, 0.31, 0.30, None, 0.30))[0].remarks


def test_a_trivial_method_that_beats_every_architecture_is_told_before_any_number() -> None:
    poor = runs(0.30, 0.31, 0.30, 0.31, 0.30)
    told = "A trivial method is better than every architecture: ridge on membrane."
    assert told in content(poor).banners
    assert told in content([*poor, *runs(*[None] * 5, model="lstm")]).banners
    better = runs(0.25, 0.26, 0.25, 0.26, 0.25, model="lstm")
    assert not any("trivial method" in banner for banner in content([*poor, *better]).banners)


def test_network_at_the_baseline_is_said_to_stay_there(records: list[Record]) -> None:
    rows = verdict_rows(records)
    assert "stays at the memoryless baseline" in row(rows, "copy_10", "rnn").remarks
    assert row(rows, "copy_10", "gru").remarks == ()


def test_comparison_is_with_the_reference_of_the_same_task(records: list[Record]) -> None:
    rows = verdict_rows(records, "gru")
    assert row(rows, "membrane", "gru").comparison is None
    assert comparison_text(row(rows, "membrane", "gru")) == "reference"
    worse = row(rows, "membrane", "attention").comparison
    assert worse is not None
    assert (worse.verdict, worse.p) == ("worse", pytest.approx(8 / 252))  # an error: higher is worse
    worst = row(rows, "adding_100", "rnn").comparison
    assert worst is not None
    assert worst.verdict == "worse"
    assert row(rows, "membrane", "ridge").comparison is None


@pytest.mark.parametrize(("task", "best", "good", "poor"), [("copy_30", 1.0, 0.991, 0.7), ("adding_100", 0, 9e-4, 0.1)])
def test_scores_beyond_the_threshold_are_equal_to_a_verdict(task: str, best: float, good: float, poor: float) -> None:
    """Training ends at it: how far beyond is the luck of the moment, and no architecture is the better for it."""
    trained = runs(*[good] * 6, task=task) + runs(*[best] * 6, task=task, model="attention")
    rows = verdict_rows([*trained, *runs(*[poor] * 6, task=task, model="lstm")], "gru")
    found = {name: row(rows, task, name).comparison for name in ("attention", "lstm")}
    assert {name: one and one.verdict for name, one in found.items()} == {"attention": "undecided", "lstm": "worse"}
    assert upward(row(rows, task, "attention")) == upward(row(rows, task, "gru"))
    assert row(rows, task, "attention").score == best, "the score itself is told as it is"


def test_a_run_that_ended_beyond_the_threshold_unsolved_comes_right_after_those_that_are_solved() -> None:
    row = VerdictRow(kind="model", env_id="e", task="t", name="gru", better="lower", threshold=0.001,
                     scores=(0.0005, 0.0004, 0.01, None), steps=(100, None, None, None))  # fmt: skip
    solved, there, short, lost = upward(row)
    assert solved == -0.001 > there > short == -0.01 > lost == -math.inf
    one, other = (replace(row, scores=(0.0005,) * 2, steps=steps) for steps in ((100, 90), (None, None)))
    assert alike(one, other) == "all beyond the threshold"
    assert alike(row, other) is None
    assert alike(replace(row, scores=(None,), steps=(None,)), replace(row, scores=(None,), steps=(None,))) == (
        "no run left a score"
    )
    assert upward(replace(row, left_open=True))[:2] == [-0.001, -0.001]  # nobody knows of any whether it solves


def test_scores_without_a_notion_of_solved_have_no_cap() -> None:
    made = VerdictRow(kind="model", env_id="here", task="any", name="gru", better="higher", scores=(0.5, 2.0, None))
    assert upward(made) == [0.5, 2.0, -math.inf]
    assert upward(replace(made, better="lower")) == [-0.5, -2.0, -math.inf]


def test_no_verdict_is_passed_on_three_seeds() -> None:
    rows = verdict_rows(runs(0.1, 0.1, 0.1) + runs(0.4, 0.4, 0.4, model="lstm"), "gru")
    assert comparison_text(rows[0]) == "no verdict reachable, takes 5 seeds against 5"


def test_a_verdict_out_of_reach_blames_no_row_that_has_enough_seeds() -> None:
    rows = verdict_rows(runs(0.1, 0.1) + runs(*[0.4] * 5, model="lstm"), "gru")
    assert comparison_text(row(rows, "membrane", "lstm")) == "no verdict reachable, takes 5 seeds against 5"


def test_only_what_others_are_compared_with_is_called_the_reference() -> None:
    def other(name: str, **config: Any) -> list[Record]:
        labels = {"task": "membrane", "model": "gru", "variant": name}
        return [replace(r, run_id=f"{name}{r.seed}", cell_id=name, labels=labels, config={**r.config, **config})
                for r in runs(*[0.3] * 5)]  # fmt: skip

    def texts(records: list[Record]) -> dict[str, str]:
        return {r.label: comparison_text(r) for r in verdict_rows(records, "gru") if r.kind == "model"}

    plain, lstm = runs(*[0.4] * 5), runs(*[0.1] * 5, model="lstm")
    long = other("steps=9", train={"steps": 9})
    assert texts(plain + lstm + long) == {"gru": "reference", "gru (steps=9)": DASH, "lstm": "better (p = 0.008)"}
    assert set(texts(other("a=1") + other("a=2") + lstm).values()) == {DASH}


def test_nothing_is_compared_where_no_reference_is_declared_or_trained(records: list[Record]) -> None:
    assert {row.comparison for row in verdict_rows(records)} == {None}
    assert {row.comparison for row in verdict_rows(records, "mamba")} == {None}


def test_cells_trained_under_another_budget_are_not_compared() -> None:
    longer = runs(0.1, 0.1, 0.1, 0.1, 0.1, model="lstm")
    config = {**longer[0].config, "train": {"steps": 9}}
    rows = verdict_rows(runs(*[0.4] * 5) + [replace(r, config=config) for r in longer], "gru")
    assert row(rows, "membrane", "lstm").comparison is None


def test_environments_are_never_pooled() -> None:
    rows = verdict_rows(runs(0.2, 0.2) + runs(0.4, 0.4, 0.4, env_id="f" * 12))
    models = [row for row in rows if row.kind == "model"]
    assert sorted((len(row.scores), row.score) for row in models) == [(2, 0.2), (3, pytest.approx(0.4))]


def test_two_configurations_of_one_task_are_never_pooled() -> None:
    other = [
        replace(r, run_id="c" * 16, config={**r.config, "task": {"delay": 99}}, cell_id="c" * 16) for r in runs(0.4)
    ]
    groups = grouped(runs(0.2) + other)
    assert len(groups) == 2


def test_labels_that_differ_in_naming_the_length_are_of_one_task() -> None:
    plain = [simulated.learning("copy_30", "gru", seed)[0] for seed in range(3)]
    named = [simulated.learning("copy_30", "lstm", seed)[0] for seed in range(3)]
    named = [replace(r, labels={**r.labels, "task": "copy_30 delay=30"}) for r in named]
    (group,) = grouped(plain + named)
    assert (group.task, [cell.model for cell in group.cells]) == ("copy_30 delay=30", ["lstm", "gru"])


def test_superseded_attempts_do_not_count() -> None:
    first = replace(runs(None)[0], status="killed", summary={})
    rows = verdict_rows([first, replace(runs(0.2)[0], attempt=2)])
    assert rows[0].scores == (0.2,)
    assert rows[0].not_completed == {}


@pytest.mark.parametrize("status", ["interrupted", "killed"])
def test_runs_that_the_same_command_continues_are_not_there_yet(status: Status) -> None:
    whole = runs(0.2, 0.3, 0.4)
    stopped = [replace(record, status=status, summary={}) for record in whole[1:]]
    assert verdict_rows([whole[0], *stopped]) == verdict_rows(whole[:1])
    assert grouped(stopped) == []
    again = [replace(record, attempt=2) for record in stopped]
    assert verdict_rows([*whole, *again]) == verdict_rows(whole)  # what is done stays so while it is trained once more


def test_user_metric_without_direction_is_shown_and_never_judged() -> None:
    plain = [replace(r, metrics={}, task={"score": "mine"}, baselines=()) for r in runs(0.2, 0.3)]
    (found,) = verdict_rows(plain)
    assert (found.better, found.remarks, found.metric) == ("neither", (), "mine")


def printed(records: list[Record], width: int = 100) -> str:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(result_table(records, "gru", width))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_terminal_table_is_readable_at_100_columns(records: list[Record]) -> None:
    text = printed(records)
    assert max(map(len, text.splitlines())) <= 100
    assert "…" not in text
    line = next(line for line in text.splitlines() if "membrane" in line)
    assert line.split()[1:4] == ["rnn", "0.316", "±"]


def test_terminal_table_loses_nothing_but_parameters_at_80_columns(records: list[Record]) -> None:
    lines = printed(records, 80).splitlines()
    assert max(map(len, lines)) <= 80
    wide, narrow = (
        {word for line in text for word in line.split()} for text in (printed(records, 300).splitlines(), lines)
    )
    parameters = {f"{n:,}" for n in simulated.MODELS.values()}
    assert wide - narrow <= parameters | {"task", "parameters", "remarks"}
    assert narrow <= wide
    (place,) = (number for number, line in enumerate(lines) if line.strip() == "membrane")
    assert lines[place + 1].split()[:3] == ["rnn", "0.316", "±"]
    assert lines[place + 2].strip() == "loses to ridge"


def test_markup_in_a_name_is_printed_not_obeyed() -> None:
    (record,) = runs(0.2)
    text = printed([replace(record, labels={"task": "[red]t\x1b[1m", "model": "[/]m"})])
    assert "[red]t?[1m" in text
    assert "[/]m" in text


def test_strip_has_a_dot_for_every_score_with_better_to_the_right() -> None:
    rows = verdict_rows(runs(0.2, 0.3, None))
    svg = strips(rows, ["red"] * len(rows))[0]
    places = [float(part.split('"')[0]) for part in svg.split('cx="')[1:]]
    assert len(places) == 2
    assert places[0] > places[1]  # 0.2 is the smaller error


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (math.inf, "∞"),
        (1234.6, "1,235"),
        (99.96, "100"),
        (0.00009996, "1.0e-4"),
        (-2.5e-7, f"{MINUS}2.5e-7"),
    ],
)
def test_numbers_are_written_with_three_digits(value: float, text: str) -> None:
    assert number(value) == text
