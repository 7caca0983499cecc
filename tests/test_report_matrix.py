from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import simulated

from seqbench.report.fairness import Fairness, fairness, fairness_table
from seqbench.report.groups import grouped
from seqbench.report.matrix import MOST, Common, Matrix, joined, matrices
from seqbench.report.matrix_table import matrix_table
from seqbench.report.summaries import architecture_summaries, task_summaries
from seqbench.report.tables import group_rows, kind_of
from seqbench.schema import Record
from tests.test_report_headline import GOOD, POOR, content, most, near, runs, said

NAMES = {simulated.base("copy_10", "gru", 0).env_id: "A"}


def made(records: list[Record], reference: str | None = None) -> list[Matrix]:
    groups = grouped(records)
    return matrices(groups, [group_rows(group, reference) for group in groups], reference)


def ten(centre: float, seed: int = 0) -> list[float]:
    return near(centre, 10, seed)


# ------------------------------------------------------------------ wins, ties and losses


def test_pair_counts_the_tasks_won_undecided_and_lost_and_is_mirrored_from_the_other_side():
    records = runs("copy_10", {"rnn": ten(0.3), "gru": ten(0.9)}) + runs("copy_20", {"rnn": ten(0.3), "gru": ten(0.8)})
    records += runs("copy_30", {"rnn": ten(0.5), "gru": ten(0.5, 1)}) + runs(
        "copy_40", {"rnn": ten(0.6), "gru": ten(0.1)}
    )
    (matrix,) = made(records)
    duel = matrix.between("gru", "rnn")
    assert duel is not None
    assert [(task, found.verdict) for task, found in duel.tasks] == [
        ("copy_10", "better"), ("copy_20", "better"), ("copy_30", "undecided"), ("copy_40", "worse")]  # fmt: skip
    other = matrix.between("rnn", "gru")
    assert other is not None
    counts = [(d.count("better"), d.count("undecided", "unreachable"), d.count("worse")) for d in (duel, other)]
    assert counts == [(2, 1, 1), (1, 1, 2)]
    assert duel.overall.verdict == "better"
    assert other.overall.verdict == "worse"
    assert duel.overall.probability == pytest.approx(1 - (other.overall.probability or 0))
    assert duel.overall.interval == pytest.approx(tuple(1 - end for end in reversed(other.overall.interval or ())))
    assert matrix.between("gru", "gru") is None
    assert other.mirrored() == duel


def test_verdicts_that_only_the_reference_gets_are_counted_and_explained():
    centres = {"rnn": 0.1, "lstm": 0.3, "gru": 0.5, "zen": 0.7, "zoo": 0.9}
    scores = {name: near(centre, 5) for name, centre in centres.items()}
    (matrix,) = made(runs("copy_10", scores), "gru")
    assert matrix_table(matrix, NAMES).lead.endswith(
        " 4 verdicts on one task and 4 on all tasks at once against gru, the reference, are given elsewhere and not "
        "here: those are adjusted over at most 4 comparisons with gru, these over up to 10 pairs."
    )
    (both,) = made(runs("copy_10", {"rnn": ten(0.3), "gru": ten(0.9)}), "gru")
    assert "given elsewhere" not in matrix_table(both, NAMES).lead
    assert "the reference" not in matrix_table(made(runs("copy_10", scores))[0], NAMES).lead


def test_all_pairs_of_five_seeds_are_out_of_reach_on_one_task_and_the_table_says_what_would_do():
    scores = {f"model_{i}": near(0.1 * i, 5) for i in range(1, 6)}
    (matrix,) = made(runs("copy_10", scores) + runs("copy_20", scores))
    assert {found.verdict for duel in matrix.duels for _, found in duel.tasks} == {"unreachable"}
    assert {duel.overall.verdict for duel in matrix.duels} == {"worse"}  # both tasks together decide
    table = matrix_table(matrix, NAMES)
    assert "20 of 20 verdicts on one task are out of reach: the smallest p of 5 seeds in a family of 10" in table.lead
    assert "a verdict takes 6 or more" in table.lead
    assert table.groups[0][2][0].cells[1].text == "0 / 2 / 0"
    assert table.groups[0][2][0].cells[1].note.startswith("worse, 0.00 [0.00, ")


def test_pairs_that_differ_in_nothing_win_and_lose_nothing():
    rows = [runs(f"copy_{n}", {"rnn": ten(0.5, n), "gru": ten(0.5, n + 1)}) for n in range(5)]
    (matrix,) = made([record for records in rows for record in records])
    assert matrix.duels[0].count("better", "worse") == 0
    assert matrix.duels[0].overall.verdict == "undecided"


def test_matrix_is_bounded_and_names_what_it_leaves_out():
    (matrix,) = made(runs("copy_10", {f"model_{i}": POOR for i in range(MOST + 3)}))
    assert len(matrix.labels) == MOST
    assert len(matrix.duels) == MOST * (MOST - 1) // 2
    assert matrix.left_out == ("model_12", "model_13", "model_14")
    assert "left out: model_12, model_13 and model_14" in matrix_table(matrix, NAMES).lead


def test_the_reference_is_compared_however_many_architectures_come_before_it():
    names = [f"model_{i:02}" for i in range(MOST + 2)]
    records = runs("copy_10", {name: 2 * (GOOD if name == names[-1] else POOR) for name in names})
    (matrix,) = made(records, names[-1])
    assert matrix.labels == (*names[: MOST - 1], names[-1])
    assert matrix.left_out == (names[MOST - 1], names[MOST])
    assert {(duel.b, duel.overall.verdict) for duel in matrix.against} == {(names[-1], "worse")}
    assert len(matrix.against) == MOST - 1
    assert f"the first {MOST - 1} and the reference are compared" in matrix_table(matrix, NAMES).lead
    found = said(content(records, names[-1]))
    assert f"against {names[-1]}, the reference: {names[0]}, {names[1]}, {names[2]}, {names[3]} and 7 more are" in found
    assert f"not compared: {names[MOST - 1]} and {names[MOST]}" in found


def test_each_reason_why_verdicts_are_out_of_reach_is_told_of_its_own_pairs():
    (matrix,) = made(runs("copy_10", {"rnn": POOR[:2], "lstm": near(0.5, 5), "gru": near(0.6, 5), "zen": near(0.7, 5),
                                      "zoo": GOOD}))  # fmt: skip
    lead = matrix_table(matrix, NAMES).lead
    reasons = Counter(found.why for duel in matrix.duels for _, found in duel.tasks)
    assert sorted(reasons.values()) == [4, 6]
    assert all(f"{number} ({why})" in lead for why, number in reasons.items())
    assert "10 of 10 verdicts on one task are out of reach: 6 (the smallest p" in lead


def test_two_configurations_of_one_label_take_no_part_and_unequal_training_is_no_duel():
    twice = [replace(r, cell_id="other", run_id=f"other {r.seed}") for r in runs("copy_10", {"gru": GOOD})]
    assert made([*runs("copy_10", {"gru": GOOD, "rnn": POOR}), *twice]) == []
    assert made(runs("copy_10", {"gru": GOOD, "rnn": POOR}, gru={"train": {"steps": 9}})) == []


def test_a_name_of_two_configurations_is_told_beside_the_matrix_with_the_task_where_it_takes_no_part():
    models = {"gru": GOOD, "rnn": POOR, "lstm": POOR}
    twice = [replace(r, cell_id="other", run_id=f"other {r.seed}") for r in runs("copy_20", {"gru": GOOD})]
    (matrix,) = made([*runs("copy_10", models), *runs("copy_20", models), *twice])
    told = " In more than one configuration, and not compared there: gru on copy_20."
    assert matrix_table(matrix, NAMES).lead.endswith(told)
    assert {(d.a, d.b): len(d.tasks) for d in matrix.duels} == {
        ("rnn", "lstm"): 2,
        ("rnn", "gru"): 1,
        ("lstm", "gru"): 1,
    }
    assert "configuration" not in matrix_table(made(runs("copy_10", models))[0], NAMES).lead


def variant(task: str, name: str) -> list[Record]:
    """Runs of a gru that is called so, of a configuration of its own."""
    return [
        replace(r, cell_id=name, run_id=f"{name} {task} {r.seed}", labels={**r.labels, "variant": name})
        for r in runs(task, {"gru": GOOD})
    ]


def test_the_matrix_compares_with_the_reference_just_where_the_tables_do():
    records = [r for task in ("copy_10", "copy_20") for r in runs(task, {"rnn": POOR, "lstm": near(0.5, 5)})]
    records += variant("copy_10", "wide") + variant("copy_10", "slim") + variant("copy_20", "wide")
    groups = grouped(records)
    compared = {row.task for group in groups for row in group_rows(group, "gru") if row.comparison}
    assert compared == {"copy_20"}  # two variants are no reference
    (matrix,) = made(records, "gru")
    assert {(d.a, d.b): [task for task, _ in d.tasks] for d in matrix.against} == {
        ("rnn", "gru (wide)"): ["copy_20"],
        ("lstm", "gru (wide)"): ["copy_20"],
    }
    (plain,) = made([*records, *runs("copy_10", {"gru": GOOD})], "gru")  # by two names on two tasks: the plain one
    assert {(d.b, *(task for task, _ in d.tasks)) for d in plain.against} == {("gru", "copy_10")}


def test_family_against_the_reference_is_smaller_than_that_of_all_pairs():
    models = {"rnn": POOR, "lstm": near(0.3, 5), "gru": near(0.5, 5), "attention": near(0.7, 5), "transformer": GOOD}
    (matrix,) = made(runs("copy_10", models), reference="gru")
    assert {duel.b for duel in matrix.against} == {"gru"}
    verdicts = {duel.a: duel.overall.verdict for duel in matrix.against}
    assert verdicts == {"rnn": "worse", "lstm": "worse", "attention": "better", "transformer": "better"}
    assert {duel.overall.verdict for duel in matrix.duels} == {"unreachable"}


# ------------------------------------------------------------------ what each was given


def rows(records: list[Record], **trials: int) -> dict[str, Fairness]:
    found = fairness(grouped(records), {("copy_10", model): number for model, number in trials.items()})
    return {row.label: row for row in found}


def test_fairness_counts_parameters_seeds_trials_and_failures():
    records = runs("copy_10", {"gru": [*GOOD, None], "rnn": GOOD}) + runs("copy_20", {"gru": GOOD}, length=60)
    found = rows(records, gru=6)
    gru = found["gru"]
    assert (gru.tasks, gru.runs, gru.seeds, gru.configurations) == (2, 11, (5, 6), 1)
    assert (gru.parameters, gru.trials, gru.budget) == ((14_410, 14_410), (6, 6), (1500, 1500))
    assert gru.flops == (10**7 / 60, 10**7 / 30)  # of one time step
    assert gru.not_completed == {"failed": 1}
    assert found["rnn"].trials is None
    texts = [cell.text for cell in fairness_table([gru], NAMES).groups[0][2][0].cells]
    assert texts[-1] == "1 failed"
    assert texts[3] == "14,410"


# ------------------------------------------------------------------ by name


def test_summaries_of_an_architecture_and_a_task_say_what_the_records_say():
    target = "seqbench.tasks.copy_memory:CopyMemory"
    records = runs("copy_10", {"gru": GOOD, "rnn": POOR}, length=30, target=target)
    records += runs("copy_40", {"gru": [*GOOD[:3], *near(0.5, 2)], "rnn": POOR}, length=60, target=target)
    records += runs("copy_90", {"gru": [*GOOD[:2], *near(0.5, 3)], "rnn": POOR}, length=110, target=target)
    groups = grouped(records)
    each = [group_rows(group) for group in groups]
    rnn, gru = architecture_summaries([row for rows in each for row in rows], made(records))
    assert (gru.solved, gru.rated, gru.longest) == (("copy_10", "copy_40"), 3, {"copy_memory": 60})
    assert (gru.better_than, rnn.worse_than, rnn.longest) == (("rnn",), ("gru",), {})
    assert "at least half of the seeds solve 2 of 3: copy_10 and copy_40" in gru.said
    task = task_summaries(groups, each)[1]
    assert (task.family, task.length, task.threshold, task.skill_source) == (
        "copy_memory",
        60,
        0.99,
        ("memoryless", "derived"),
    )
    assert task.solved == {"rnn": (0, 5), "gru": (3, 5)}
    assert "skill is measured from memoryless (derived)" in task.said


def test_what_is_said_by_name_of_the_reference_agrees_with_the_head_where_the_matrix_is_silent():
    scores = {name: near(0.1 + 0.2 * place, 5) for place, name in enumerate(("rnn", "lstm", "gru", "zen", "zoo"))}
    records, copies = runs("copy_10", scores), []
    for length in (10, 20):
        copies += runs(f"copy_{length}", scores, length=length, target="seqbench.tasks.copy_memory:CopyMemory")
    for found in (content(records, "gru"), content(copies, "gru")):
        assert {duel.overall.verdict for duel in found.matrices[0].duels} == {"unreachable"}
        assert "against gru, the reference: zen and zoo are better; rnn and lstm are worse." in said(found)
        told = {made.label: made.said.rpartition("; ")[2] for made in found.architectures}
        alone = "among the comparisons with gru, the reference, alone"
        assert {told["rnn"], told["lstm"]} == {f"{alone} worse (p = 0.032)."}
        assert told["zoo"] == f"{alone} better (p = 0.032)."
        assert "comparisons with" not in told["gru"]
    both = content(runs("copy_10", {"rnn": ten(0.3), "gru": ten(0.9)}), "gru")
    assert next(made.said for made in both.architectures).endswith("; over all common tasks worse than gru.")


# ------------------------------------------------------------------ runs of one seed on one kind of task


def on(task: str, seeds: Sequence[int | None], others: Sequence[int | None] = (), kind: str = "copy_memory") -> Common:
    """A task whose scores tell the seed: of the second architecture 100 more."""
    a, b = tuple(seeds), tuple(others or seeds)
    return Common(task, kind, (a, [float(seed or 0) for seed in a]), (b, [100.0 + (seed or 0) for seed in b]))


def test_tasks_of_a_kind_are_one_stratum_of_all_seeds_that_are_on_some_of_them():
    ((a, b),) = joined([on("copy_10", range(8)), on("copy_30", [7, *range(1, 6)])])
    assert np.array_equal(a, [range(8), [np.nan, 1, 2, 3, 4, 5, np.nan, 7]], equal_nan=True), "a column is a seed"
    assert np.array_equal(b, 100 + np.asarray(a), equal_nan=True)


def test_seeds_of_either_side_make_one_stratum_of_the_tasks_that_they_link():
    copies = [on("copy_10", [0, 1], [5, 6]), on("copy_20", [2, 3], [6, 7]), on("copy_40", [2, 4], [8, 9])]
    found = joined([*copies, on("copy_80", [10, 11])])
    assert [np.shape(side) for pair in found for side in pair] == [(3, 5), (3, 5), (1, 2), (1, 2)]


def test_tasks_of_other_kinds_or_without_seeds_in_common_are_strata_of_their_own():
    apart = [
        [on("copy_10", range(5)), on("adding_50", range(5), kind="adding_problem")],
        [on("copy_10", range(5)), on("copy_30", range(5, 10))],
        [on("copy_10", [None] * 5), on("copy_30", [None] * 5)],
    ]
    for found in apart:
        assert [np.shape(side) for pair in joined(found) for side in pair] == [(1, 5)] * 4
    group = grouped(runs("copy_10", {"gru": GOOD}))[0]  # without a file that tells its kind it is one of its own
    alike = [kind_of(replace(row, family=kind)) for row in group_rows(group) for kind in ("", "copy_10", "other")]
    assert len({*alike}) == 3


def copies(seeds: Sequence[Sequence[int]], **scores: Sequence[float]) -> list[Record]:
    """Runs of a kind of task at several lengths, each with the seeds given; a seed scores the same at all of them."""
    target = "seqbench.tasks.copy_memory:CopyMemory"
    each = [(10 * 2**place, mine) for place, mine in enumerate(seeds)]
    return [
        record
        for length, mine in each
        for record in runs(f"copy_{length}", dict(scores), length=length, target=target)
        if record.seed in mine
    ]


def test_runs_whose_seed_is_not_on_all_lengths_count_in_the_chance_to_win_and_in_the_verdict():
    gru = [*near(0.9, 5), 0.1, 0.11, 0.12]
    records = copies([range(8), range(5)], gru=gru, rnn=near(0.5, 8))
    (matrix,) = made(records, "rnn")
    duel = matrix.between("gru", "rnn")
    assert duel is not None
    assert [found.probability for _, found in duel.tasks] == [40 / 64, 1.0]
    assert (duel.overall.verdict, duel.overall.probability) == ("undecided", pytest.approx((40 / 64 + 1) / 2))
    assert duel.overall.interval is not None
    assert duel.overall.interval[0] < 0.5
    kept = [record for record in records if (record.seed or 0) < 5]
    assert [found.overall.verdict for found in made(kept, "rnn")[0].against] == ["better"]


LACKING = [[seed for seed in range(6) if seed != length] for length in range(6)]
"""Six lengths, of which each lacks another one of six seeds."""


@pytest.mark.parametrize("seeds", [LACKING, [range(5, 10), *[range(5)] * 5]])
def test_lengths_whose_seeds_differ_are_no_independent_tasks(seeds: Sequence[Sequence[int]]):
    wrong = 0
    for study in range(20):
        gru, rnn = near(0.5, 10, 2 * study), near(0.5, 10, 2 * study + 1)
        (matrix,) = made(copies(seeds, gru=gru, rnn=rnn))
        wrong += matrix.duels[0].overall.verdict in ("better", "worse")
    assert wrong <= most(20)
    (matrix,) = made(copies(seeds, gru=near(0.9, 10), rnn=near(0.5, 10)))
    assert matrix.duels[0].overall.verdict in ("better", "worse")
