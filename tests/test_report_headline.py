"""What the report says in words, held against studies whose truth is known."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import simulated
import simulated_costs

from seqbench.report.content import Content, collect
from seqbench.report.markdown import markdown
from seqbench.report.wording import comparison_text
from seqbench.schema import Record
from tests.test_report_dependency import HALF
from tests.test_report_dependency import runs as at_lengths

Runs = Mapping[str, Sequence[float | None]]
"""Model -> one accuracy a seed; None for a run that failed. From 0.99 on it counts as solved."""
CLAIMS = r"\b(is|are) (better|worse)\b"


def runs(task: str, models: Runs, *, length: int = 30, target: str = "", **config: Any) -> list[Record]:
    """Learning records of one task whose score is an accuracy."""
    made = []
    for model, scores in models.items():
        for seed, score in enumerate(scores):
            base = simulated.base(task, model, seed)
            changed = dict(base.config)
            changed["task"] = {**base.config["task"], "target": target or base.config["task"]["target"]}
            changed |= config.get(model, {})
            solved = score is not None and score >= 0.99
            summary = {} if score is None else {"score": score, "skill": score, "solved": solved, "budget": 1500}
            summary |= {"steps_to_solve": 100} if solved else {}
            lost = {"status": "failed", "reason": "ValueError: x"} if score is None else {}
            facts = {**base.task, "length": length}
            made.append(replace(base, config=changed, task=facts, summary=summary, **lost))
    return made


def content(records: Sequence[Record], reference: str | None = None, **changes: Any) -> Content:
    fields: dict[str, Any] = {"problems": [], "study": None, "tuning": "", "missing": 0, "drawn": ()} | changes
    return collect(records=records, arrays={}, reference=reference, **fields)


def said(found: Content) -> str:
    assert len(found.summary) <= 3
    return "\n".join(found.summary)


def near(centre: float, seeds: int, seed: int = 0) -> list[float]:
    return np.random.default_rng(seed).normal(centre, 0.01, seeds).round(4).tolist()


GOOD, POOR = [0.995, 0.996, 0.997, 0.998, 0.999], [0.2, 0.21, 0.22, 0.23, 0.24]


# ------------------------------------------------------------------ known truths


def test_better_architecture_is_said_to_be_better_and_the_other_way_round_it_is_not():
    found = said(content(runs("copy_10", {"gru": GOOD, "rnn": POOR})))
    assert "copy_10 (30 steps) by gru (5/5 [0.55, 1.00])." in found
    assert "On copy_10: gru is better than rnn." in found
    assert "rnn is better" not in found
    assert "by gru (5/5 [0.55, 1.00])" in found
    mirrored = said(content(runs("copy_10", {"rnn": GOOD, "gru": POOR})))
    assert "rnn is better than gru" in mirrored


def test_of_an_error_the_lower_one_is_better():
    records = [
        replace(record, labels={**record.labels, "task": "adding_50"}, task=simulated.base("adding_50", "x", 0).task,
                metrics=simulated.base("adding_50", "x", 0).metrics)
        for record in runs("adding_50", {"gru": POOR, "rnn": [x + 1 for x in POOR]})
    ]  # fmt: skip
    assert "gru is better than rnn" in said(content(records))


def test_equal_architectures_are_told_apart_by_nothing_and_the_seeds_needed_are_named():
    found = said(content(runs("copy_10", {"gru": near(0.5, 8), "rnn": [score + 0.006 for score in near(0.5, 8)]})))
    assert not re.search(CLAIMS, found)
    assert "nothing is told apart (rnn and gru)" in found
    assert re.search(
        r"about [0-9]+ seeds each would decide a difference as large as the one seen, 8 times in 10\.", found
    )


def test_the_same_scores_need_no_number_of_seeds():
    found = said(content(runs("copy_10", {"gru": [0.5] * 5, "rnn": [0.5] * 5})))
    assert "nothing is told apart" in found
    assert "seeds each" not in found


@pytest.mark.parametrize("seeds", [1, 2, 4])
def test_too_few_seeds_decide_nothing_however_large_the_difference(seeds: int):
    found = content(runs("copy_10", {"gru": GOOD[:seeds], "rnn": POOR[:seeds]}))
    assert not re.search(CLAIMS, said(found))
    assert "no order can be told with these seeds: fewer than 5 seeds; a verdict takes 5 or more" in said(found)
    assert "[" not in said(found)  # no interval either
    assert found.banners[0].startswith("All rows have fewer than 5 seeds: no interval is given")


def test_all_failed_leaves_nothing_to_say():
    found = content(runs("copy_10", {"gru": [None] * 5, "rnn": [None] * 5}))
    assert found.summary == ["No run left a score (10 failed): nothing can be said of any architecture."]
    assert any("Of 10 runs 10 failed: these count as not solved" in banner for banner in found.banners)


def test_one_architecture_alone_is_compared_with_nothing():
    found = said(content(runs("copy_10", {"gru": GOOD})))
    assert "There is but one architecture with results, gru: nothing to compare it with." in found
    assert "by gru (5/5" in found
    assert not re.search(CLAIMS, found)


def test_where_nothing_is_solved_nobody_is_said_to_solve():
    found = said(content(runs("copy_10", {"gru": POOR, "rnn": near(0.125, 5)})))
    assert "No architecture solves copy_10: 0 of 10 runs." in found
    assert " by " not in found
    assert "gru is better than rnn" in found  # of which one can speak all the same


def test_solving_with_fewer_than_half_of_the_seeds_is_not_solving():
    found = said(content(runs("copy_10", {"gru": [*POOR[:3], *GOOD[:2]], "rnn": POOR})))
    assert "No architecture is seen to solve a task with at least half of its seeds." in found


def test_failed_runs_lose_and_are_named():
    found = content(runs("copy_10", {"gru": GOOD, "rnn": [None] * 5}))
    assert "gru is better than rnn" in said(found)
    assert any("5 failed" in banner for banner in found.banners)


def false_claims(reference: str | None, studies: int) -> int:
    """Studies with a claim, of three architectures that differ in nothing on two tasks."""
    rng, wrong = np.random.default_rng(7), 0
    for _ in range(studies):
        records: list[Record] = []
        for task in ("copy_10", "copy_20"):
            solves = rng.random((3, 6)) < 0.5
            scores = np.where(solves, rng.normal(0.995, 0.001, (3, 6)), rng.normal(0.2, 0.02, (3, 6)))
            records += runs(task, dict(zip(("rnn", "lstm", "gru"), scores.tolist(), strict=True)))
        wrong += bool(re.search(CLAIMS, said(content(records, reference))))
    return wrong


def most(studies: int) -> float:
    """5 percent of the studies, and two standard errors."""
    return 0.05 * studies + 2 * (0.05 * 0.95 * studies) ** 0.5


def test_false_claims_are_rare_where_nothing_differs():
    assert false_claims(None, 25) <= most(25)


@pytest.mark.soak
@pytest.mark.timeout(900)  # on a busy machine
@pytest.mark.parametrize("reference", [None, "gru"])
def test_false_claims_are_made_in_at_most_5_percent_of_1000_studies(reference: str | None):
    assert false_claims(reference, 1000) <= most(1000)


# ------------------------------------------------------------------ how far back


def test_the_longest_of_a_family_is_named_with_what_was_tried():
    records = []
    for length, fates in {20: (near(0.995, 5), GOOD), 50: (POOR, GOOD), 120: (POOR, near(0.5, 5))}.items():
        models: Runs = {"rnn": fates[0], "gru": fates[1]}
        records += runs(f"copy_{length}", models, length=length, target="seqbench.tasks.copy_memory:CopyMemory")
    found = said(content(records))
    assert "copy_50 (50 steps, of up to 120 tried) by gru (5/5 [0.55, 1.00])." in found
    assert "copy_20" not in found
    assert "Over 3 common tasks: gru is better than rnn." in found


def test_many_tasks_of_one_length_are_counted_not_listed():
    records = [record for i in range(6) for record in runs(f"copy_{i}", {"gru": GOOD}, target="seqbench.tasks.c:C")]
    assert "seeds: copy_0, copy_1, copy_2, copy_3 and 2 more (30 steps) by gru (5/5" in said(content(records))


def test_longest_tried_is_said_to_be_no_more_than_that():
    records = [r for n in (20, 50) for r in runs(f"t_{n}", {"gru": GOOD}, length=n, target="seqbench.tasks.t:T")]
    assert "t_50 (50 steps, the longest tried) by gru" in said(content(records))


def test_curves_over_length_and_other_tasks_share_the_first_paragraph():
    both = [*at_lengths("gru", HALF), *at_lengths("rnn", dict.fromkeys(HALF, 0))]
    found = content([*both, *runs("adding_50", {"gru": GOOD, "rnn": POOR}), *costs(8, models=("rnn", "gru"))])
    assert len(found.summary) == 3
    assert found.summary[0].startswith("On copy_memory within 1,500 training steps, with at least half of the seeds: ")
    assert "adding_50 (30 steps) by gru (5/5 [0.55, 1.00])." in found.summary[0]


def test_many_families_and_architectures_are_counted_not_listed():
    models = {f"model_{i}": GOOD for i in range(6)}
    records = [record for i in range(6) for record in runs(f"copy_{i}0", models)]
    found = said(content(records))
    assert "; 2 other kinds of task below." in found
    assert "by model_0, model_1, model_2, model_3 and 2 more (5/5 [0.55, 1.00])" in found


def test_kinds_of_task_with_several_results_are_counted_beyond_the_fourth_result():
    mixed = {"rnn": [*POOR[:2], *GOOD[:3]], "lstm": [*POOR[:1], *GOOD[:4]], "gru": GOOD}
    found = said(content([record for i in range(3) for record in runs(f"copy_{i}0", mixed)]))
    assert "copy_00 (30 steps) by rnn (3/5 [0.18, 0.93]), lstm (4/5" in found
    assert "copy_10" not in found.splitlines()[0]
    assert found.splitlines()[0].endswith("; 2 other kinds of task below.")


def test_tasks_that_cannot_be_solved_have_their_skill_told():
    records = [replace(r, task={**r.task, "solved": None}, summary={**r.summary, "solved": None})
               for r in runs("copy_10", {"gru": GOOD})]  # fmt: skip
    assert "Skill on copy_10, 0 being the trivial baseline and 1 perfect: gru 1.00 [1.00, 1.00]." in said(
        content(records)
    )


def unrated(models: Runs) -> list[Record]:
    """Runs of a task without a notion of solved."""
    return [
        replace(r, task={**r.task, "solved": None}, summary={**r.summary, "solved": None} if r.summary else {})
        for r in runs("copy_10", models)
    ]


def test_a_mean_of_those_that_survived_says_so_and_who_left_no_score_is_named():
    found = said(content(unrated({"rnn": [None] * 5, "lstm": near(0.9, 5), "gru": [0.95, None, None, None, None]})))
    assert re.search(
        r"1 perfect: lstm 0\.90 \[0\.\d\d, 0\.\d\d\], gru 0\.95 \(1 of 5 runs\) and rnn none \(0 of 5 runs\)\.", found
    )
    alone = content(unrated({"lstm": near(0.9, 5)}))
    assert "runs)" not in said(alone)
    assert re.search(r"\*\*lstm\*\* \| [^|]+ \| [^|]+ \| \N{EN DASH} \| 5 \| \N{EN DASH} \|", markdown(alone))


def test_runs_that_are_all_equal_are_given_no_interval_anywhere():
    found = content(runs("copy_10", {"gru": [1.0] * 5}))
    (row,) = [row for row in found.sections[0].rows if row.kind == "model"]
    assert row.summary is not None
    assert (row.summary.interval, row.skill_interval) == (None, None)
    assert "1.000 | 1.00 | 5/5 [0.55, 1.00] | 5 |" in markdown(found)
    assert "there is none where only some runs solve, whose scores may form two groups, nor where all are equal" in (
        markdown(found)
    )


def test_of_many_skills_the_best_are_named_and_where_they_come_from_is_said():
    skills = {f"model_{place}": near(0.1 * place, 5) for place in range(1, 8)}
    found = content(unrated(skills))
    named = re.search(r"1 perfect: (.*)\.", said(found).splitlines()[0])
    assert named is not None
    assert re.findall(r"model_\d", named[1]) == ["model_7", "model_6", "model_5", "model_4"]
    assert "3 more" in named[1]
    assert "of a classification the loss is the cross-entropy" in markdown(found)


def test_reference_is_the_family_where_one_is_declared():
    models = {"rnn": POOR, "gru": near(0.6, 5), "lstm": GOOD, "attention": near(0.6, 5, seed=2)}
    found = said(content(runs("copy_10", models), reference="gru"))
    assert "On copy_10, against gru, the reference: lstm is better; rnn is worse; " in found
    assert "; not told apart from gru: attention" in found
    # All six pairs at once are more than five seeds against five can decide in a family: 6 x 0.0079 = 0.048 < 0.05.
    assert "lstm is better than rnn" in said(content(runs("copy_10", models)))


# ------------------------------------------------------------------ speed


def costs(rounds: int, **options: Any) -> list[Record]:
    return [record for record, _ in simulated_costs.study(rounds=rounds, lengths=(64,), **options)]


def test_speed_has_its_ratio_with_an_interval():
    found = said(content(costs(8, models=("rnn", "gru"))))
    match = re.search(r"rnn takes least time .*; gru takes ([0-9.]+) \[([0-9.]+), ([0-9.]+)\] times", found)
    assert match is not None
    ratio, low, high = map(float, match.groups())
    truth = simulated_costs.seconds("gru", 64) / simulated_costs.seconds("rnn", 64)
    assert low < ratio < high
    assert low <= truth <= high


def test_speed_of_another_environment_is_said_to_be_that_of_another():
    records = runs("copy_10", {"gru": GOOD, "rnn": POOR})
    elsewhere = [replace(record, env_id="f" * 12) for record in costs(8, models=("rnn", "gru"))]
    assert "\nSpeed in environment B on adding_50 (64 steps): rnn takes" in said(content([*records, *elsewhere]))


def test_speeds_of_two_days_are_not_compared():
    rnn, gru = costs(8, models=("rnn",)), costs(8, models=("gru",))
    tomorrow = [replace(record, started_at=record.started_at.replace("-24T", "-25T")) for record in gru]
    assert "Speed: not compared, each was measured in other rounds" in said(content([*rnn, *tomorrow]))


def chained(common: int) -> list[Record]:
    """The lstm has so many rounds in common with the rnn, the fastest, and as many others with the gru."""
    made = costs(2 * common, models=("rnn", "lstm", "gru"))
    lost = {"rnn": range(common, 2 * common), "lstm": (), "gru": range(common)}
    return [record for record in made if record.config["cost"]["round"] not in lost[record.labels["model"]]]


def test_what_has_no_round_in_common_with_the_fastest_is_named():
    found = said(content(chained(8)))
    assert "rnn takes least time for a training step; lstm takes" in found
    assert "as long; not compared, as no round holds both: rnn with gru." in found


def test_the_fastest_is_so_of_what_was_measured_together():
    rnn, gru = costs(8, models=("gru", "lstm")), costs(8, models=("rnn",))
    tomorrow = [replace(record, started_at=record.started_at.replace("-24T", "-25T")) for record in gru]
    found = said(content([*rnn, *tomorrow]))
    assert "Speed on adding_50 (64 steps), of what was measured together: lstm takes least time" in found
    assert "together" not in said(content(rnn))


def test_rounds_that_decide_nothing_are_those_that_there_are():
    found = said(content(chained(3)))
    why = "not decided, 3 rounds of measurement where 8 give an interval (python -m seqbench cost … rounds=8)"
    assert f"{why}; not compared, as no round holds" in found


def test_two_rounds_decide_no_speed():
    found = said(content(costs(2, models=("rnn", "gru"))))
    assert "not decided, 2 rounds of measurement where 8 give an interval" in found
    assert "least time" not in found


def test_equal_speeds_are_not_told_apart(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(simulated_costs.LAWS, "gru", simulated_costs.LAWS["lstm"])
    found = said(content(costs(8, models=("lstm", "gru"))))
    assert re.search(r"(lstm|gru) takes least time for a training step, not told apart from (lstm|gru)\.", found)
    assert "times as long" not in found


@pytest.mark.parametrize(
    ("slower", "left"), [(4, ""), (5, "; 1 other takes longer too"), (7, "; 3 others take longer too")]
)
def test_only_the_first_of_many_slower_ones_are_given_their_ratio(
    monkeypatch: pytest.MonkeyPatch, slower: int, left: str
):
    start, linear, quadratic = simulated_costs.LAWS["rnn"]
    names = [f"m{place}" for place in range(slower)]
    for place, name in enumerate(names, 2):
        monkeypatch.setitem(simulated_costs.LAWS, name, (place * start, place * linear, quadratic))
        monkeypatch.setitem(simulated_costs.simulated.MODELS, name, 10_000)
    found = said(content(costs(8, models=("rnn", *names))))
    assert re.search(rf"m2 takes [^;]* and m3 takes [0-9.]+ \[[^]]*\] times as long{left}\.", found)


# ------------------------------------------------------------------ banners


def test_score_beyond_the_best_possible_is_flagged_in_the_banner_and_in_its_row():
    records = [replace(r, summary={**r.summary, "skill": 1.2}) if r.seed == 0 else r
               for r in runs("copy_10", {"gru": GOOD})]  # fmt: skip
    found = content(records)
    assert found.banners[0].startswith("Better than the best possible: gru on copy_10.")
    assert found.sections[0].rows[0].remarks[0] == "1 of 5 runs beyond the best possible score"
    assert "beyond" not in "".join(content(runs("copy_10", {"gru": GOOD})).sections[0].rows[0].remarks)


def test_score_below_the_trivial_baseline_is_flagged():
    below = content(runs("copy_10", {"gru": [0.03, 0.04, 0.05, 0.04, 0.03], "rnn": GOOD}))
    assert "Below the trivial baseline: gru on copy_10." in below.banners


@pytest.mark.parametrize(("gru", "warns"), [(6, False), (0, True), (12, True)])
def test_unequal_tuning_is_flagged(gru: int, warns: bool):
    trials = {("copy_10", "rnn"): 6, ("copy_10", "gru"): gru}
    found = content(runs("copy_10", {"gru": GOOD, "rnn": GOOD}), trials=trials)
    banner = f"Unequal tuning, so that the comparison is not fair: copy_10 (rnn 6 and gru {gru} trials)."
    assert (banner in found.banners) == warns


def test_more_configurations_of_one_architecture_are_flagged():
    more = [replace(r, cell_id="wide", run_id=f"wide {r.seed}", labels={**r.labels, "variant": "width 128"})
            for r in runs("copy_10", {"gru": GOOD})]  # fmt: skip
    assert not [b for b in content(runs("copy_10", {"gru": GOOD, "rnn": GOOD})).banners if "Unequal" in b]
    found = content([*runs("copy_10", {"gru": GOOD, "rnn": GOOD}), *more])
    assert any("Unequal numbers of configurations: copy_10 (rnn 1 and gru 2)" in banner for banner in found.banners)


def test_unequal_training_is_flagged_and_never_compared():
    long = {"train": {"batch_size": 64, "steps": 9000}}
    found = content(runs("copy_10", {"gru": GOOD, "rnn": POOR}, gru=long))
    assert "Unequal training budgets: copy_10 (rnn 1,500 and gru 9,000 steps)." in found.banners
    assert not re.search(CLAIMS, said(found))


def test_environments_are_never_pooled_and_the_one_with_most_runs_speaks():
    records = runs("copy_10", {"gru": GOOD, "rnn": POOR})
    other = [replace(record, env_id="0" * 12) for record in records if record.seed != 4]
    found = content([*records, *other])
    assert found.summary[0].startswith("In environment B: Longest sequences")
    assert "gru (5/5" in found.summary[0]
    assert any("2 environments; they are shown apart" in banner for banner in found.banners)
    assert [matrix.env_id for matrix in found.matrices] == ["0" * 12, records[0].env_id]


def test_missing_runs_are_flagged():
    found = content(runs("copy_10", {"gru": GOOD}), missing=3)
    assert any(banner.startswith("3 planned runs left no record yet") for banner in found.banners)


def test_low_power_is_told_of_the_study_and_of_every_open_verdict():
    ten = near(0.5, 10)
    one = content(runs("copy_10", {"rnn": ten, "gru": ten[:5]}), "rnn")
    assert one.banners[0].startswith("1 row of 2 has 5 to 9 seeds, which is of low power")
    few = content(runs("copy_10", {"rnn": near(0.5, 5), "gru": near(0.5, 5, 1)}), "rnn")
    assert few.banners[0].startswith("All rows have 5 to 9 seeds, which is of low power")
    enough = content(runs("copy_10", {"rnn": ten, "gru": near(0.5, 10, 1)}), "rnn")
    texts = [comparison_text(study.sections[0].rows[1]).partition(" (")[0] for study in (few, enough)]
    assert texts == ["undecided at low power", "undecided"]


def test_a_difference_that_is_decided_but_small_is_said_to_be_little():
    many = near(0.5, 45)
    small, large = (
        content(runs("copy_10", {"rnn": many, "gru": [score + by for score in many]}), "rnn") for by in (0.006, 0.03)
    )
    texts = [comparison_text(study.sections[0].rows[1]).partition(" (")[0] for study in (small, large)]
    assert texts == ["better by little", "better"]
    assert "On copy_10, against rnn, the reference: gru is better by little." in said(small)
    assert "On copy_10, against rnn, the reference: gru is better." in said(large)


def test_pairs_that_are_better_by_little_and_clearly_stand_apart():
    many = near(0.5, 45)
    models = {"rnn": many, "gru": [score + 0.006 for score in many], "lstm": [score - 0.05 for score in many]}
    whole = content(runs("copy_10", models))
    found = said(whole)
    assert "On copy_10: rnn is better than lstm; gru is better by little than rnn; gru is better than lstm." in found
    told = {made.label: made.said.rpartition("; over all common tasks ")[2] for made in whole.architectures}
    assert told["gru"] == "better than lstm, better by little than rnn."
    assert told["rnn"] == "better than lstm, worse by little than gru."
    assert told["lstm"] == "worse than rnn and gru."
    reverse = said(content(runs("copy_10", models), "gru"))
    assert "against gru, the reference: lstm is worse; rnn is worse by little." in reverse


def test_a_fair_and_whole_study_has_no_banner():
    assert list(content(runs("copy_10", {"gru": 2 * GOOD, "rnn": 2 * GOOD})).banners) == []


# ------------------------------------------------------------------ budgets too short to solve


def scheduled(records: Sequence[Record], steps: int) -> list[Record]:
    """The same, evaluated every 25 steps of ``steps``."""
    train = {"steps": steps, "evaluate_every": 25, "evaluate_growth": 1.05}
    return [replace(record, config={**record.config, "train": train}) for record in records]


OPEN = "the budget ended too soon to tell whether the task is solved"


@pytest.mark.parametrize(("steps", "is_open"), [(50, True), (51, False)])
def test_a_budget_that_ends_too_soon_makes_nobody_solve_nothing(steps: int, is_open: bool):
    found = content(scheduled(runs("copy_10", {"gru": POOR, "rnn": near(0.125, 5)}), steps))
    assert ("No architecture solves copy_10" in said(found)) != is_open
    assert any(banner.startswith(f"In 2 rows of 2 {OPEN}") for banner in found.banners) == is_open
    (row,) = [row for row in found.sections[0].rows if row.name == "gru"]
    assert (row.left_open, row.summary and row.summary.solved) == (is_open, None if is_open else 0)
    assert not any("not solve" in sentence or "solve none" in sentence for sentence in found.details) or not is_open


def test_rows_that_had_time_are_judged_beside_those_that_had_none():
    early = scheduled(runs("copy_10", {"gru": POOR}), 50)
    found = content(scheduled(runs("copy_10", {"lstm": POOR}), 1500) + early)
    assert "No run that had time for it solves copy_10: 0 of 5 runs; the budget ended too soon to tell of gru." in said(
        found
    )
    assert "solved by none; too short a budget to tell of gru." in found.tasks[0].said
    assert any(banner.startswith(f"In 1 row of 2 {OPEN}") for banner in found.banners)
    models = [row for row in found.sections[0].rows if row.kind == "model"]
    assert {row.name: row.left_open for row in models} == {"lstm": False, "gru": True}


def test_the_first_paragraph_tells_no_more_results_over_lengths_than_a_person_reads():
    models = [record for i in range(1, 8) for record in at_lengths(f"m{i}", {4 * i: 5, 4 * i + 4: 5, 4 * i + 8: 0})]
    (first, *_) = content(models).summary
    assert first.count("solves dependencies") == 4
    assert first.endswith("; 3 other architectures below.")


def test_where_a_trivial_method_is_as_good_as_perfect_there_is_no_skill_and_the_page_says_so():
    def exact(seed: int) -> Record:
        record = simulated.learning("membrane", "gru", seed)[0]
        known = record.task["skill_metric"]
        baselines = [
            {**b, "values": {**b["values"], known: 1e-17 if b.get("skill") else b["values"][known]}}
            for b in record.baselines
        ]
        return replace(record, baselines=tuple(baselines), summary={**record.summary, "skill": None})

    found = content([exact(seed) for seed in range(5)])
    (told,) = [banner for banner in found.banners if "as good as perfect" in banner]
    assert told == "A trivial method is as good as perfect, so that there is no skill: membrane (persistence)."
    assert {row.skill for row in found.sections[0].rows} == {None}
    assert not any("as good as perfect" in banner for banner in content(runs("copy_10", {"gru": GOOD})).banners)
