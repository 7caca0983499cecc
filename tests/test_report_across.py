"""What a report says over several tasks, held against studies whose truth is known."""

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
import simulated
from scipy import stats

from seqbench.record.store import Store
from seqbench.report import write
from seqbench.report.across import SKILLS, Across, across_tasks
from seqbench.report.across_csv import across_csv
from seqbench.report.across_figure import performance_figure
from seqbench.report.across_table import across_sentences, across_table
from seqbench.report.content import Content
from seqbench.report.document import report_json
from seqbench.report.groups import grouped
from seqbench.report.latex import latex
from seqbench.report.markdown import markdown
from seqbench.report.matrix import MOST, matrices
from seqbench.report.page import page
from seqbench.report.tables import group_rows
from seqbench.report.wording import DASH
from seqbench.schema import Record
from seqbench.statistics.aggregate import iqm
from seqbench.statistics.seeds import Interval
from tests.test_report_headline import GOOD, POOR, Runs, content, near, runs

ENVIRONMENT = simulated.base("copy_10", "gru", 0).env_id
NAMES = {ENVIRONMENT: "A"}
STEEP: Runs = {"rnn": near(0.2, 6), "lstm": near(0.5, 6, 1), "gru": near(0.8, 6, 2)}
"""Three architectures of which each run of a later one beats each run of the ones before."""


def study(models: Runs, tasks: int = 5, target: str = "") -> list[Record]:
    return [record for task in range(tasks) for record in runs(f"copy_{task + 1}", models, target=target)]


def across(records: Sequence[Record], reference: str | None = None) -> list[Across]:
    groups = grouped(records)
    rows = [group_rows(group, reference) for group in groups]
    return across_tasks(groups, rows, matrices(groups, rows, reference), reference)


def only(records: Sequence[Record], reference: str | None = None) -> Across:
    (made,) = across(records, reference)
    return made


def said(made: Across) -> str:
    return " ".join(across_sentences(made, NAMES))


def places(made: Across) -> dict[str, tuple[int, int, int]]:
    return {row.label: (row.rank.rank, row.rank.low, row.rank.high) for row in made.rows if row.rank}


def chance(made: Across, label: str) -> tuple[float, Interval]:
    found = next(row.improvement for row in made.rows if row.label == label)
    assert found is not None
    assert found.interval is not None
    return found.value, found.interval


# ------------------------------------------------------------------ known truths


def test_architectures_that_differ_on_every_run_have_certain_ranks_and_beat_the_reference() -> None:
    made = only(study(STEEP), "lstm")
    assert places(made) == {"rnn": (3, 3, 3), "lstm": (2, 2, 2), "gru": (1, 1, 1)}
    value, (low, high) = chance(made, "gru")
    assert (value, high) == (1, 1)
    assert low > 0.8
    assert chance(made, "rnn")[0] == 0
    assert [row.improvement for row in made.rows if row.label == "lstm"] == [None]


def test_few_tasks_separate_less_than_their_seeds_do_and_many_tasks_separate_all() -> None:
    few, many = said(only(study(STEEP))), said(only(study(STEEP, tasks=12)))
    # 3 architectures, ranks 1 2 3: the critical difference of 5 tasks is 1.48, that of 12 is 0.957
    assert few.startswith(
        "On other tasks the order may differ: as a sample, these 5 do not separate gru and lstm, nor "
    )
    assert "lstm and rnn (Friedman's test, p = 0.007; Nemenyi's critical difference of mean ranks: 1.48)." in few
    assert many.startswith("As a sample of others like them, these 12 tasks separate all architectures (")
    assert "0.957" in many


def test_tasks_that_tell_that_some_differ_but_not_which_say_just_that() -> None:
    models = ("rnn", "lstm", "gru", "attention")
    ranks = [(4, 3, 2, 1), (4, 3, 2, 1), (4, 3, 1, 2), (2, 4, 3, 1), (4, 2, 1, 3)]
    records = [
        record
        for task, row in enumerate(ranks)
        for record in runs(f"copy_{task}", {m: near(0.9 - 0.1 * rank, 5) for m, rank in zip(models, row, strict=True)})
    ]
    made = only(records)
    assert made.critical is not None
    assert made.critical.p == pytest.approx(float(stats.friedmanchisquare(*zip(*ranks, strict=True)).pvalue))
    assert said(made) == (
        "On other tasks the order may differ: as a sample, these 5 say that not all architectures are alike "
        "(Friedman's test, p = 0.041), but not which differ: no two mean ranks are Nemenyi's critical difference of "
        "2.10 apart."
    )


def test_equal_architectures_are_separated_by_nothing() -> None:
    equal = {name: near(0.5, 6, seed) for seed, name in enumerate(("rnn", "lstm", "gru"))}
    shuffled = [record for task in range(6) for record in runs(f"copy_{task}", {
        name: near(0.5, 6, 10 * task + place) for place, name in enumerate(equal)})]  # fmt: skip
    made = only(shuffled, "gru")
    assert {place[1:] for place in places(made).values()} == {(1, 3)}
    assert re.search(
        r"as a sample, these 6 separate no two architectures \(Friedman's test, p = 0\.\d{3}\)\.", said(made)
    )
    for label in ("rnn", "lstm"):
        _, (low, high) = chance(made, label)
        assert low < 0.5 < high


@pytest.mark.parametrize("seeds", [1, 4])
def test_too_few_seeds_give_neither_interval_nor_ranking_and_one_line_says_so(seeds: int) -> None:
    found = content(study({"rnn": POOR[:seeds], "lstm": POOR[:seeds], "gru": GOOD[:seeds]}), "gru", drawn=("svg",))
    (made,) = found.across
    assert across_sentences(made, NAMES) == ["Fewer than 5 seeds: no interval and no ranking."]
    table = across_table(found.across, NAMES)
    assert table.columns == ["architecture", "IQM of skill", "mean", "median", "runs"]
    assert not any("[" in cell.note for _, _, rows in table.groups for row in rows for cell in row.cells)
    assert table.lead.endswith(
        "the trivial baseline, if that is lower."
    )  # nothing on intervals and ranks that are not there
    assert "across-tasks" not in found.figures
    document = json.loads(report_json(found))["across"][0]
    assert {(row["rank"], row["improvement"], row["profile"]) for row in document["rows"]} == {(None, None, None)}
    assert document["critical"] is None


def test_one_task_short_of_seeds_is_enough_to_rank_nothing_and_takes_no_interval_from_others() -> None:
    made = only(runs("copy_1", {"rnn": POOR, "gru": GOOD}) + runs("copy_2", {"rnn": POOR[:4], "gru": near(0.5, 5)}))
    assert [row.iqm.interval is None for row in made.rows] == [True, False]
    none = "no ranking, and no interval where seeds are too few"
    assert said(made) == f"Fewer than 5 seeds of rnn on copy_2: {none}."


def cells(found: Sequence[Across]) -> dict[str, dict[str, str]]:
    """Row -> column -> text."""
    table = across_table(found, NAMES)
    return {row.name: dict(zip(table.columns[1:], [cell.whole for cell in row.cells], strict=True))
            for _, _, rows in table.groups for row in rows}  # fmt: skip


def test_verdict_at_the_head_has_its_p_in_the_table_and_in_csv() -> None:
    models = {name: near(0.1 + 0.2 * place, 5) for place, name in enumerate(("rnn", "lstm", "gru", "zen", "zoo"))}
    records = study(models, tasks=2, target="seqbench.tasks.copy_memory:CopyMemory")
    more = [
        replace(r, task={**r.task, "baselines": []}, summary={k: v for k, v in r.summary.items() if k != "skill"})
        for r in runs("copy_9", models)
    ]
    for extra, shared, note in (([], 2, "(p = 0.032)"), (more, 3, "(p < 0.001) on 3 tasks")):
        found = content([*records, *extra], "gru")
        (table,) = [table for table in found.tables if table.label == "Across tasks"]
        place = table.columns.index("against gru") - 1
        column = {row.name: row.cells[place].whole for row in table.groups[0][2]}
        assert column == {"rnn": f"worse {note}", "lstm": f"worse {note}", "gru": DASH} | dict.fromkeys(
            ("zen", "zoo"), f"better {note}"
        )
        duels = {duel.a: duel.overall for duel in found.matrices[0].against}
        assert {duels[name].verdict for name in ("rnn", "lstm")} == {"worse"}
        for line in csv.DictReader(io.StringIO(across_csv(found.across, {}, found.matrices))):
            if (duel := duels.get(line["architecture"])) is None:
                assert (line["verdict"], line["p"], line["verdict_tasks"]) == ("", "", "")
            else:
                assert (line["verdict"], float(line["p"])) == (duel.verdict, duel.p)
                assert len(json.loads(line["verdict_tasks"])) == shared


def test_mean_ranks_stand_beside_the_critical_difference_that_is_told_of_them() -> None:
    found = cells(across(study(STEEP)))
    assert {name: row["mean rank"] for name, row in found.items()} == {"rnn": "3.00", "lstm": "2.00", "gru": "1.00"}
    assert {row["runs"] for row in found.values()} == {"30"}
    assert "mean rank" not in cells(across(study(STEEP, tasks=4)))["gru"]


def test_mean_and_median_stand_beside_the_iqm_and_a_run_that_failed_shows_in_the_mean_alone() -> None:
    row = cells(across(study({"rnn": POOR, "gru": [0.9, 0.9, 0.9, 0.9, None]}, tasks=2)))["gru"]
    assert (row["IQM of skill"].split()[0], row["mean"], row["median"]) == ("0.90", "0.72", "0.90")


def test_the_reference_is_named_where_there_are_too_many_for_ranks() -> None:
    models = {f"model_{i}": near(0.1 * i, 5, i) for i in range(MOST)} | {"gru": near(0.5, 5, 77)}
    found = cells(across(study(models, tasks=2), "gru"))
    assert found["gru"]["P(beats gru)"] == "reference"
    assert "[" in found["model_3"]["P(beats gru)"]
    assert "rank" not in found["gru"]


def test_two_architectures_or_four_tasks_say_nothing_of_other_tasks() -> None:
    text = "Whether other tasks would order them alike takes 5 tasks and 3 architectures to say; there are {} and {}."
    assert said(only(study({"rnn": POOR, "gru": GOOD}, tasks=6))) == text.format(6, 2)
    assert said(only(study(STEEP, tasks=4))) == text.format(4, 3)


def test_tasks_of_one_kind_are_said_to_make_it_surer_than_it_is() -> None:
    made = only(study(STEEP, target="seqbench.tasks.copy_memory:CopyMemory"))
    assert said(made).endswith(" They are of 1 kind only: what they separate is less sure than it looks.")
    assert "kind" not in said(only(study(STEEP)))


def test_one_architecture_or_one_task_has_no_section() -> None:
    for records in (study({"gru": GOOD}), runs("copy_1", {"rnn": POOR, "gru": GOOD})):
        found = content(records)
        assert found.across == []
        assert "Across tasks" not in page(found) + markdown(found) + latex(found)


def test_all_failed_has_no_section() -> None:
    assert across(study({"rnn": [None] * 5, "gru": [None] * 5})) == []


# ------------------------------------------------------------------ which tasks, which architectures


def test_the_largest_block_of_tasks_and_architectures_is_compared_and_the_rest_is_named() -> None:
    records = study(STEEP, tasks=3) + runs("copy_9", {"gru": GOOD}) + runs("copy_1", {"mine": POOR})
    made = only(records)
    assert (made.tasks, made.labels, made.left_out) == (
        ("copy_1", "copy_2", "copy_3"),
        ["rnn", "lstm", "gru"],
        ("mine",),
    )
    assert said(made).endswith(
        " Not trained alike, in one configuration, on all of these tasks, and left out: mine. Tasks that give no "
        "skill, or on which not all of these architectures were trained alike, and left out: copy_9."
    )


def test_a_task_that_one_architecture_lacks_is_named() -> None:
    more: Runs = {**STEEP, "attention": near(0.9, 6, 5), "transformer": near(0.95, 6, 6)}
    but_rnn = {label: scores for label, scores in more.items() if label != "rnn"}
    made = only(study(more, tasks=5) + runs("copy_6", but_rnn) + runs("copy_7", {"gru": [None] * 6}))
    assert (len(made.tasks), len(made.labels), made.tasks_left_out) == (5, 5, ("copy_6", "copy_7"))
    assert said(made).endswith("were trained alike, and left out: copy_6 and copy_7.")


@pytest.mark.parametrize("most_alike", [1, 2])
def test_an_architecture_in_two_configurations_is_two_or_left_out_where_they_are_too_many_to_be_told_apart(
    most_alike: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqbench.report.groups._MOST_ALIKE", most_alike)
    wide = [
        replace(record, cell_id="w" + record.cell_id, run_id="w" + record.run_id)
        for task in (1, 2, 3)
        for record in runs(f"copy_{task}", {"mine": POOR}, mine={"model": {"width": 9}})
    ]
    made = only(study({**STEEP, "mine": GOOD}, tasks=3) + wide)
    if most_alike == 2:
        assert [label.partition(" (")[0] for label in made.labels] == ["rnn", "lstm", "gru", "mine", "mine"]
        assert (len({*made.labels}), made.left_out) == (5, ())
        return
    assert (made.labels, made.left_out) == (["rnn", "lstm", "gru"], ("mine",))
    assert "in one configuration, on all of these tasks, and left out: mine." in said(made)


@pytest.mark.parametrize(("most", "alone"), [(1000, True), (0, False)])
def test_what_many_share_is_found_where_every_two_of_them_share_more(
    monkeypatch: pytest.MonkeyPatch, most: int, alone: bool
) -> None:
    """Six on two tasks: with another one elsewhere, or with too many sets, where only what all share is looked at."""
    monkeypatch.setattr("seqbench.report.block._MOST_SETS", most)
    six: Runs = {f"model_{i}": near(0.1 * i, 5, i) for i in range(6)}
    records = study(six, tasks=2) + (runs("copy_90", {"alone": GOOD}) if alone else [])
    for place, (a, b) in enumerate(combinations(six, 2)):
        records += runs(f"copy_{place + 10}", {a: GOOD, b: POOR})
    made = only(records)
    assert (made.tasks, made.labels) == (("copy_1", "copy_2"), list(six))
    assert f"and left out: copy_10, copy_11, copy_12, copy_13 and {12 if alone else 11} more." in said(made)


def test_one_task_under_two_names_counts_once() -> None:
    longer = [
        replace(record, cell_id="t" + record.cell_id, run_id="t" + record.run_id,
                labels={**record.labels, "task": "mine"}, config={**record.config, "train": {"steps": 9}})
        for record in runs("copy_1", STEEP)
    ]  # fmt: skip
    made = only(study(STEEP, tasks=4) + longer)
    assert (made.tasks, made.again, made.tasks_left_out) == (
        ("copy_1", "copy_2", "copy_3", "copy_4"),
        ("mine",),
        (),
    )
    assert said(made) == (
        "Whether other tasks would order them alike takes 5 tasks and 3 architectures to say; there are 4 and 3. "
        "Counted once, being the same as one of these tasks: mine."
    )


def test_an_architecture_that_was_trained_otherwise_is_left_out() -> None:
    longer = [
        record for task in (1, 2, 3) for record in runs(f"copy_{task}", {"mine": GOOD}, mine={"train": {"steps": 9}})
    ]
    made = only(study(STEEP, tasks=3) + longer)
    assert (made.labels, made.left_out) == (["rnn", "lstm", "gru"], ("mine",))


def test_ranks_are_told_of_as_many_architectures_as_the_matrix_holds() -> None:
    made = only(study({f"model_{i}": near(0.1 * i, 5, i) for i in range(MOST + 1)}, tasks=2))
    assert said(made) == "Ranks are told of at most 12 architectures; there are 13."
    assert {(row.rank, row.profile) for row in made.rows} == {(None, None)}
    assert all(row.iqm.interval for row in made.rows)


def test_two_environments_are_told_apart() -> None:
    here = study(STEEP)
    there = [replace(record, env_id="f" * 12) for record in study({"rnn": GOOD[:2], "gru": POOR[:2]})]
    found = content(here + there, "gru")
    table = across_table(found.across, found.environments)
    assert [title for title, _, _ in table.groups] == ["5 common tasks [A]", "5 common tasks [B]"]
    assert table.said[0].startswith("Environment A: on other tasks the order may differ")
    assert table.said[1] == "Environment B: fewer than 5 seeds: no interval and no ranking."


def test_references_of_other_configurations_in_other_environments_are_no_one_name() -> None:
    here = called(study(STEEP), "lr=1")
    there = [replace(record, env_id="f" * 12) for record in called(study(STEEP), "lr=2")]
    found = content(here + there, "gru")
    assert [made.reference for made in found.across] == ["gru (lr=1)", "gru (lr=2)"]
    table = across_table(found.across, found.environments)
    assert "P(beats the reference)" in table.columns
    assert "P(beats the reference): the chance that a run scores better than one of the reference" in table.lead


def called(records: Sequence[Record], variant: str) -> list[Record]:
    """The same with every gru as a variant, of a configuration of its own."""
    return [
        replace(r, cell_id=variant + r.cell_id, run_id=variant + r.run_id, labels={**r.labels, "variant": variant})
        if r.labels["model"] == "gru" else r for r in records
    ]  # fmt: skip


def test_a_reference_that_is_there_as_one_variant_only_is_the_reference() -> None:
    found = content(called(study(STEEP), "lr=1"), "gru")
    (made,), (matrix,) = found.across, found.matrices
    assert made.reference == "gru (lr=1)"
    assert cells([made])["rnn"]["P(beats gru (lr=1))"].startswith("0.00 [")
    assert {(duel.a, duel.b) for duel in matrix.against} == {("rnn", "gru (lr=1)"), ("lstm", "gru (lr=1)")}
    two = only(study(STEEP) + called(study({"gru": GOOD}), "lr=1") + called(study({"gru": POOR}), "lr=2"), "gru")
    assert two.reference == "gru"


def test_of_two_variants_none_is_the_reference() -> None:
    records = [r for r in study(STEEP) if r.labels["model"] != "gru"]
    both = called(study({"gru": GOOD}), "lr=1") + called(study({"gru": POOR}), "lr=2")
    assert only(records + both, "gru").reference is None


# ------------------------------------------------------------------ the numbers


@pytest.fixture(scope="module")
def whole() -> Content:
    """The simulated study, some of whose runs diverged or failed."""
    records = [record for record, _ in simulated.study(cost=False)]
    return content(records, "gru")


NEGATIVE = [-0.3, -0.31, -0.32, -0.33, -0.34, -0.35]


def test_run_without_skill_counts_as_the_worst_of_its_task_and_never_above_the_baseline(whole: Content) -> None:
    found = {row.label: row for row in whole.across[0].rows}
    worst: dict[str, float] = {}
    for record in whole.records:
        task = record.labels["task"]
        worst[task] = min(worst.get(task, 0.0), record.summary.get("skill") or 0.0)
    mine = [r for r in whole.records if r.labels["model"] == "transformer"]
    skills = [r.summary.get("skill", worst[r.labels["task"]]) for r in mine]
    assert len(mine) == found["transformer"].runs == 25
    assert sum("skill" not in r.summary for r in mine) == 1
    assert found["transformer"].mean == pytest.approx(sum(skills) / 25)
    assert found["transformer"].iqm.value == pytest.approx(iqm(skills))
    assert found["transformer"].iqm.interval is not None


def test_runs_that_failed_are_never_better_than_runs_that_trained_below_the_baseline() -> None:
    made = only(study({"rnn": NEGATIVE, "lstm": [None] * 6, "gru": near(0.8, 6, 2)}, tasks=12), "rnn")
    assert places(made) == {"rnn": (2, 2, 2), "lstm": (3, 3, 3), "gru": (1, 1, 1)}
    assert made.critical is not None
    assert dict(zip(made.labels, made.critical.mean_ranks, strict=True)) == {"rnn": 2, "lstm": 3, "gru": 1}
    found = {row.label: row for row in made.rows}
    assert found["lstm"].mean == pytest.approx(-0.35) == found["lstm"].iqm.value < found["rnn"].iqm.value
    assert (found["lstm"].iqm.interval, found["lstm"].iqm.why) == (None, "no skill on 12 of 12 tasks")
    assert found["rnn"].iqm.interval is not None
    assert "separate all architectures" in said(made)


def test_mean_ranks_follow_the_ranks_where_failed_and_worst_runs_have_the_same_skill() -> None:
    made = only(study({"rnn": [-0.35] * 6, "lstm": [None] * 6, "gru": near(0.8, 6, 2)}))
    assert made.critical is not None
    assert dict(zip(made.labels, made.critical.mean_ranks, strict=True)) == {"rnn": 2, "lstm": 3, "gru": 1}


def test_one_run_that_failed_takes_no_interval_away_and_counts_as_the_baseline_where_all_are_above() -> None:
    made = only(study({"rnn": [0.5] * 5 + [None], "gru": [0.8] * 6}, tasks=2))
    rnn = next(row for row in made.rows if row.label == "rnn")
    assert rnn.mean == pytest.approx(2.5 / 6)
    assert rnn.iqm.interval is not None


def test_seeds_that_were_spent_on_one_task_more_than_on_another_decide_nothing() -> None:
    easy = runs("copy_1", {"rnn": [0.9] * 30, "gru": [0.9] * 5})
    made = only(easy + runs("copy_2", {"rnn": [0.1] * 5, "gru": [0.1] * 30}))
    assert [row.runs for row in made.rows] == [35, 35]
    assert [row.iqm.value for row in made.rows] == pytest.approx([0.5, 0.5])
    assert [row.mean for row in made.rows] == pytest.approx([0.5, 0.5])


def test_ranks_and_chances_are_those_that_the_matrix_shows(whole: Content) -> None:
    (made,), (matrix,) = whole.across, whole.matrices
    for row in made.rows:
        duels = [duel.overall for other in made.labels if (duel := matrix.between(row.label, other))]
        better, worse = (sum(d.verdict == verdict for d in duels) for verdict in ("better", "worse"))
        assert row.rank is not None
        assert (row.rank.low, row.rank.high) == (1 + worse, len(made.rows) - better)
        duel = matrix.between(row.label, "gru")
        if duel and row.improvement:
            assert row.improvement.value == pytest.approx(duel.overall.probability)
            assert row.improvement.interval == pytest.approx(duel.overall.interval)


def test_profile_is_the_share_of_runs_above_each_skill(whole: Content) -> None:
    for row in whole.across[0].rows:
        skills = [r.summary.get("skill") or 0.0 for r in whole.records if r.labels["model"] == row.label]
        assert row.profile is not None
        assert row.profile.thresholds == SKILLS
        shares = [sum(skill > point for skill in skills) / len(skills) for point in SKILLS]
        assert row.profile.fraction == pytest.approx(shares)  # as many seeds on every task


def test_numbers_are_the_same_in_every_format(whole: Content) -> None:
    made = json.loads(report_json(whole))["across"][0]
    lines = list(csv.DictReader(io.StringIO(across_csv(whole.across))))
    html = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page(whole)))
    text, tex = markdown(whole), latex(whole)
    for row, line, mean_rank in zip(made["rows"], lines, made["critical"]["mean_ranks"], strict=True):
        assert (line["architecture"], json.loads(line["tasks"])) == (row["label"], made["tasks"])
        assert float(line["iqm"]) == row["iqm"]["value"]
        assert [float(line[end]) for end in ("iqm_low", "iqm_high")] == row["iqm"]["interval"]
        assert [int(line[name]) for name in ("rank", "rank_low", "rank_high")] == list(
            row["rank"][name] for name in ("rank", "low", "high")
        )
        assert float(line["mean_rank"]) == mean_rank
        low, high = row["iqm"]["interval"]
        shown = f"{row['iqm']['value']:.2f} [{low:.2f}, {high:.2f}]"
        ranked = f"{row['rank']['rank']} [{row['rank']['low']}, {row['rank']['high']}]"
        assert shown in html
        assert f"{mean_rank:.2f}" in html
        for part in (shown, ranked):
            assert part.replace("[", "\\[").replace("]", "\\]") in text
            assert part.replace("[", "{[}").replace("]", "{]}") in tex
        if row["improvement"]:
            assert float(line["improvement"]) == row["improvement"]["value"]
    assert whole.across[0].critical is not None
    sentence = across_sentences(whole.across[0], NAMES)[0].replace("'", "&#39;")
    assert sentence in page(whole)


def test_names_are_text_and_nothing_else() -> None:
    hostile = """<img src=x onerror=alert(1)>{0}{x}"'"""
    tasks = ("copy_1", f"copy_{hostile}")
    records = [record for task in tasks for record in runs(task, {hostile: GOOD, "gru": POOR})]
    found = content(records, hostile, drawn=("svg",))
    section = page(found).split('<section id="across-tasks">')[1].split("</section>")[0]
    assert "<img" not in section
    assert "P(beats &lt;img src=x onerror=alert(1)&gt;{0}{x}&#34;&#39;)" in section
    assert "copy_&lt;img src=x" in section


def test_names_of_tasks_are_read_back_from_csv_whatever_they_hold() -> None:
    names = ['copy_a; "b", [c]', "copy_d; e\n", "copy_\N{GREEK SMALL LETTER ALPHA}"]
    found = across([record for name in names for record in runs(name, {"rnn": POOR, "gru": GOOD})])
    lines = list(csv.DictReader(io.StringIO(across_csv(found))))
    assert {tuple(json.loads(line["tasks"])) for line in lines} == {found[0].tasks}
    assert set(found[0].tasks) == set(names)


def test_section_stands_once_after_the_matrix(whole: Content) -> None:
    found = re.findall(r"<h2>(.+?)</h2>", page(whole))
    assert found.count("Across tasks") == 1
    assert found[found.index("Across tasks") - 1] == "Wins, ties and losses"
    assert markdown(whole).count("## Across tasks") == 1
    assert latex(whole).count(r"\caption{Across tasks") == 1


def test_figure_has_a_curve_and_a_band_of_each_architecture(whole: Content) -> None:
    figure = performance_figure(whole.across, whole.look, NAMES)
    assert figure is not None
    svg = figure.svg()
    for label in whole.across[0].labels:
        assert svg.count(f'data-series="{label}" data-note="share of runs"') == 1
        assert svg.count(f'<g data-series="{label}">') == 3  # the band, the legend's line and its text


@pytest.mark.parametrize(("architectures", "opacity"), [(2, 0.13), (3, 0.13), (12, 0.0325)])
def test_bands_of_many_architectures_together_hide_no_more_than_those_of_three(
    architectures: int, opacity: float
) -> None:
    records = study({f"model_{i}": near(0.05 * i, 5, i) for i in range(architectures)}, tasks=2)
    figure = performance_figure(across(records), {}, NAMES)
    assert figure is not None
    assert {float(found) for found in re.findall(r'fill-opacity="([\d.]+)"', figure.svg())} == {opacity}


def test_csv_is_written_where_there_is_something_to_write(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    for record in study(STEEP, tasks=2):
        store.publish(record, {})
    write(store, tmp_path / "two", reference="gru", formats=("csv",))
    found = content(store.records(), "gru")
    text = (tmp_path / "two" / "across.csv").read_text()
    assert text == across_csv(found.across, {}, found.matrices)
    assert ",worse," in text
