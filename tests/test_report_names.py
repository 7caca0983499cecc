"""What one configuration is called that was run under several labels, and how its runs come together."""

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import simulated

from seqbench.record.store import Store
from seqbench.report import write
from seqbench.report.canvas import styles
from seqbench.report.compare import compare_stores
from seqbench.report.costs import entries
from seqbench.report.fairness import fairness, tried
from seqbench.report.group import Group
from seqbench.report.groups import grouped
from seqbench.report.latex import latex
from seqbench.report.markdown import markdown
from seqbench.report.names import common_words
from seqbench.report.page import page
from seqbench.report.pareto import pareto_figure
from seqbench.report.row import VerdictRow
from seqbench.report.sections import sections_of
from seqbench.report.tables import group_rows, verdict_rows
from seqbench.schema import Record
from tests.test_report_dependency import HALF
from tests.test_report_dependency import runs as curve
from tests.test_report_headline import content
from tests.test_report_tables import printed

LONG = "adding_problem length=50"


def adding(model: str, seeds: Sequence[int], task: str = "adding_50", **changes: object) -> list[Record]:
    """Runs of the task that is called adding_50, by the name ``task``."""
    made = [simulated.learning("adding_50", model, seed)[0] for seed in seeds]
    labels = {"task": task, "variant": str(changes.pop("variant", "")), "model": str(changes.pop("called", model))}
    return [replace(record, labels=labels, **changes) for record in made]


def models(records: Sequence[Record]) -> list[VerdictRow]:
    return [row for row in verdict_rows(records) if row.kind == "model"]


def study(**gru: object) -> list[Record]:
    """Three architectures by the study's label; the GRU's first three seeds were trained before by another command."""
    before = adding("gru", range(3), LONG, **gru)
    return [*before, *adding("gru", range(3, 5)), *adding("lstm", range(5)), *adding("rnn", range(5))]


def test_runs_of_one_configuration_are_one_row_whatever_they_are_called() -> None:
    (group,) = grouped(study())
    assert (group.task, group.also) == ("adding_50", (LONG,))
    gru = next(row for row in group_rows(group) if row.name == "gru")
    assert (gru.seeds, gru.also) == ((0, 1, 2, 3, 4), {f"gru on {LONG}": 3})
    assert f"3 runs of this configuration called gru on {LONG}" in gru.remarks
    lstm = next(row for row in group_rows(group) if row.name == "lstm")
    assert (lstm.also, "configuration" in "; ".join(lstm.remarks)) == ({}, False)


def test_the_row_says_the_same_as_if_its_runs_had_one_name() -> None:
    def numbers(records: Sequence[Record]) -> list[VerdictRow]:
        return [replace(row, also={}, remarks=(), command="") for row in models(records)]

    one = [replace(record, labels={**record.labels, "task": "adding_50"}) for record in study()]
    assert numbers(study()) == numbers(one)


def test_the_same_run_by_two_names_counts_once() -> None:
    (row,) = models([*adding("gru", range(5)), *adding("gru", range(5), LONG)])
    assert row.seeds == (0, 1, 2, 3, 4)


def test_runs_of_another_environment_are_another_row_by_whatever_name() -> None:
    rows = models([*adding("gru", range(5)), *adding("gru", range(5), LONG, env_id="f" * 12)])
    assert [(row.task, len(row.scores), row.also) for row in rows] == [("adding_50", 5, {}), (LONG, 5, {})]


def test_a_rate_that_was_given_and_one_that_was_chosen_are_one_configuration() -> None:
    gru = next(row for row in models(study(variant="learning_rate=0.003")) if row.name == "gru")
    assert (gru.label, len(gru.scores)) == ("gru", 5)
    assert gru.also == {f"gru (learning_rate=0.003) on {LONG}": 3}


def test_an_alias_of_an_architecture_is_the_row_of_the_one_that_is_known() -> None:
    (row,) = models([*adding("gru", range(2), called="mine"), *adding("gru", range(2, 5))])
    assert (row.label, row.also, row.seeds) == ("gru", {"mine": 2}, (0, 1, 2, 3, 4))


def test_the_reference_is_found_by_its_own_name_whatever_else_its_runs_are_called() -> None:
    mine = [*adding("gru", range(2)), *adding("gru", range(2, 5), called="mine")]
    records = [*mine, *adding("lstm", range(5)), *adding("rnn", range(5))]
    found = content(records, "mine")
    rows = {row.label: row for row in found.sections[0].rows if row.kind == "model"}
    assert {name: row.comparison is not None for name, row in rows.items()} == {
        "rnn": True,
        "lstm": True,
        "mine": False,
    }
    assert (rows["mine"].also, rows["mine"].seeds) == ({"gru": 2}, (0, 1, 2, 3, 4))
    assert "against mine, the reference" in "; ".join(found.summary)
    assert "is compared" not in "; ".join(found.banners)
    assert [row.label for row in verdict_rows(records, "mine") if row.comparison] == ["rnn", "lstm"]


def test_curves_and_costs_of_the_reference_have_its_name_too() -> None:
    def renamed(records: Sequence[Record]) -> list[Record]:
        return [replace(r, labels={**r.labels, "model": "mine" if r.seed else "gru"}) for r in records]

    costs = [replace(simulated.cost_record("adding_50", "gru")[0], seed=n, run_id=f"cost{n}") for n in range(2)]
    records = [*renamed(curve("gru", HALF)), *renamed(costs)]
    found = content(records, "mine")
    assert [made.name for made in found.dependencies] == [entry.name for entry in found.costs] == ["mine"]
    assert [made.name for made in content(records).dependencies] == ["gru"]


def test_the_page_says_where_nothing_is_compared_with_the_reference() -> None:
    def said(records: Sequence[Record], reference: str | None) -> list[str]:
        return [text for text in content(records, reference).banners if "is compared" in text]

    wide = [
        replace(r, run_id=f"wide{r.seed}", cell_id="d" * 16, config={**r.config, "model": {"width": 9}})
        for r in adding("gru", range(2))
    ]
    assert said(study(), "gru") == said([*study(), *wide], None) == []
    assert said([*study(), *(replace(r, labels={**r.labels, "variant": "width=9"}) for r in wide)], "gru") == []
    assert said([*study(), *wide], "gru") == [
        "Nothing is compared with gru, the reference, on adding_50 (there as 2 configurations)."
    ]
    elsewhere = [replace(r, env_id="f" * 12) for r in adding("lstm", range(2))]
    assert said([*study(), *elsewhere], "gru") == []
    elsewhere += [replace(r, env_id="f" * 12) for r in adding("rnn", range(2))]
    (text,) = said([*study(), *wide, *elsewhere], "gru")
    assert "on adding_50 [A] (there as 2 configurations) and adding_50 [B] (not there)." in text


def test_of_one_name_the_configuration_trained_as_the_others_were_keeps_it_and_is_the_reference() -> None:
    def retrained(made: Sequence[Record], steps: int = 100) -> list[Record]:
        config = {**made[0].config, "train": {**made[0].config["train"], "steps": steps}}
        name = f"{made[0].cell_id[:8]}{steps}"
        return [replace(r, run_id=f"{name}{r.seed}", cell_id=name, config=config) for r in made]

    five = [record for model in ("rnn", "lstm", "gru") for record in adding(model, range(5))]
    first = [*retrained(adding("gru", range(2))), *retrained(adding("lstm", range(2)))]
    found = content([*first, *five], "gru")
    rows = {row.label: row for row in found.sections[0].rows if row.kind == "model"}
    assert [*rows] == ["rnn", "lstm", "lstm (train.steps=100)", "gru", "gru (train.steps=100)"]
    assert [name for name, row in rows.items() if row.comparison] == ["rnn", "lstm"]
    assert rows["gru"].is_reference
    assert "is compared" not in "; ".join(found.banners)
    assert "not compared: lstm (train.steps=100) and gru (train.steps=100)." in "; ".join(found.summary)
    assert found.sections[0].subtitle.endswith("budget 100 to 1,500 training steps")
    # as many names in both, but more runs of the others in one
    both = content([*first, *(r for r in five if r.labels["model"] != "rnn")], "gru").sections[0].rows
    assert [row.label for row in both if row.is_reference] == ["gru"]
    # nothing tells which of two is the usual one
    again = [*retrained(adding("gru", range(5))), *retrained(adding("lstm", range(5)))]
    even = content([*again, *(r for r in five if r.labels["model"] != "rnn")], "gru")
    names = [row.label for row in even.sections[0].rows if row.kind == "model" and row.name == "gru"]
    assert names == ["gru (train.steps=100)", "gru (train.steps=1500)"]
    assert "Nothing is compared with gru" in "; ".join(even.banners)


def test_banners_tell_what_each_of_two_configurations_of_one_name_was_given() -> None:
    def longer(*made: Record) -> list[Record]:
        config = {**made[0].config, "train": {**made[0].config["train"], "steps": 3000}}
        return [replace(r, run_id=f"longer{r.seed}", cell_id="d" * 16, config=config) for r in made]

    records = [*adding("gru", range(3)), *adding("gru", range(3, 5), called="mine"), *longer(*adding("gru", range(3)))]
    records += longer(*adding("gru", range(3, 5), LONG))
    told = content(records, trials={("adding_50", "mine"): 50, (LONG, "gru"): 5}).banners
    short, long = "gru (train.steps=1500)", "gru (train.steps=3000)"
    assert f"Unequal training budgets: adding_50 ({short} 1,500 and {long} 3,000 steps)." in told
    assert "Unequal tuning, so that the comparison is not fair: adding_50 (gru 50 and gru 5 trials)." in told


def test_rows_of_one_name_whose_source_or_settings_were_edited_are_told_apart_by_what_differs() -> None:
    def runs(cell_id: str, sha256: str, clip: float) -> list[Record]:
        made = adding("mine", range(2))
        train = {**made[0].config["train"], "clip": clip}
        configs = [{**record.config, "sources": {"model": sha256}, "train": train} for record in made]
        return [
            replace(record, cell_id=cell_id, run_id=f"{cell_id}{record.seed}", config=config)
            for record, config in zip(made, configs, strict=True)
        ]

    before, after = runs("a", "91ffc276" + "0" * 56, 1.0), runs("b", "c3e2e780" + "0" * 56, 1.0)
    found = [row.label for row in models([*before, *after, *adding("gru", range(2))])]
    assert found == ["gru", "mine (sources.model=91ffc276)", "mine (sources.model=c3e2e780)"]
    edited = runs("c", "91ffc276" + "0" * 56, 2.0)
    assert [row.variant for row in models([*before, *edited])] == ["train.clip=1", "train.clip=2"]
    assert [row.variant for row in models([*before, *adding("gru", range(2))])] == ["", ""]


def test_who_solves_a_task_of_two_labels_is_named_once_or_with_its_tasks() -> None:
    def said(seeds: int) -> str:
        names = ("rnn", "lstm", "gru")
        again = [
            replace(r, run_id=f"again{r.run_id}", cell_id=f"again{r.cell_id}", config={**r.config, "train": {}})
            for r in (r for model in names for r in adding(model, range(seeds if model == "gru" else 5), LONG))
        ]
        return content([*(r for model in names for r in adding(model, range(5))), *again]).summary[0]

    both = "adding_50 and adding_problem length=50 (50 steps) by"
    assert f"{both} rnn, lstm and gru (5/5 [0.55, 1.00])." in said(5)
    assert f"{both} rnn, lstm and gru on adding_50 (5/5 [0.55, 1.00]) and gru on {LONG} (1/1)." in said(1)


def test_other_configurations_of_one_task_keep_their_sections_which_say_that_it_is_one() -> None:
    longer = adding("gru", range(5), LONG, cell_id="c" * 16)
    longer = [replace(r, run_id=f"longer{r.seed}", config={**r.config, "train": {"steps": 9}}) for r in longer]
    groups = grouped([*adding("gru", range(5)), *longer])
    assert [(g.task, g.also, len(g.cells)) for g in groups] == [("adding_50", (LONG,), 1), (LONG, ("adding_50",), 1)]
    subtitles = [section.subtitle for section in sections_of(groups, [g.task for g in groups], None)]
    assert subtitles[0].startswith(f"the same task as {LONG} · ")
    assert subtitles[1].startswith("the same task as adding_50 · ")


def sweep(*strays: Record) -> list[Record]:
    """Three architectures by the study's label, and by another one a GRU that was trained for 9 steps; and more."""
    shorter = [
        replace(r, run_id=f"shorter{r.seed}", cell_id="c" * 16, config={**r.config, "train": {"steps": 9}})
        for r in adding("gru", range(2), LONG)
    ]
    return [*(r for model in ("rnn", "lstm", "gru") for r in adding(model, range(5))), *shorter, *strays]


@pytest.mark.parametrize("turned", [False, True])
def test_one_run_by_another_label_takes_nothing_from_the_study_that_it_belongs_to(turned: bool) -> None:
    records = sweep(*adding("gru", range(5, 6), LONG))
    rows = verdict_rows(records[::-1] if turned else records, "gru")
    study = [row for row in rows if row.kind == "model" and row.task == "adding_50"]
    assert [(row.label, row.seeds[-1], row.also) for row in study] == [
        ("rnn", 4, {}),
        ("lstm", 4, {}),
        ("gru", 5, {f"gru on {LONG}": 1}),
    ]
    assert [row.comparison is not None for row in study] == [True, True, False]
    apart = [row for row in rows if row.kind == "model" and row.task != "adding_50"]
    assert [(row.task, row.label, row.seeds, row.also) for row in apart] == [(LONG, "gru", (0, 1), {})]


@pytest.mark.parametrize("seeds", [(), (5,), (0,), range(9)])
def test_no_run_is_lost_or_counted_twice_whichever_labels_share_a_cell(seeds: Sequence[int]) -> None:
    records = sweep(*adding("gru", seeds, LONG), *adding("lstm", seeds, "mine"), *adding("rnn", seeds, LONG))
    held = [record for group in grouped(records) for cell in group.cells for record in cell.records]
    assert sorted(r.run_id for r in held) == sorted({r.run_id for r in records})
    cells = [cell.records[0].cell_id for group in grouped(records) for cell in group.cells]
    assert len(cells) == len(set(cells))


def test_a_cell_of_two_labels_goes_where_it_has_most_to_be_compared_with() -> None:
    def places(*records: Record) -> list[tuple[str, str, int]]:
        return [(g.task, cell.name, len(cell.records)) for g in grouped(records) for cell in g.cells]

    shared = [*adding("gru", range(4), LONG), *adding("gru", range(4, 5))]
    assert places(*shared) == [(LONG, "gru", 5)]
    assert places(*shared, *adding("rnn", range(1))) == [("adding_50", "rnn", 1), ("adding_50", "gru", 5)]
    assert places(*adding("gru", range(2), LONG), *adding("gru", range(2, 4))) == [("adding_50", "gru", 4)]
    others = [r for model in ("rnn", "lstm", "attention", "transformer") for r in adding(model, range(1), LONG)]
    shorter = [
        replace(r, run_id=f"short{r.run_id}", cell_id=f"short{r.cell_id}", config={**r.config, "train": {"steps": 9}})
        for r in others
    ]
    assert places(*shared, *others)[-1] == (LONG, "transformer", 1)
    assert (LONG, "gru", 5) in places(*shared, *adding("rnn", range(1)), *others)
    assert ("adding_50", "gru", 5) in places(*shared, *adding("rnn", range(1)), *shorter)


def _with_task(records: Sequence[Record], name: str, **config: object) -> list[Record]:
    return [replace(r, run_id=f"{name}{r.seed}", cell_id=name, config={**r.config, **config}) for r in records]


@pytest.mark.parametrize("config", [{"task": {"delay": 99}}, {"data_sha256": "d" * 64}])
def test_different_tasks_by_one_name_are_named_by_what_sets_them_apart(config: dict) -> None:
    groups = grouped([*adding("gru", range(5)), *_with_task(adding("gru", range(5)), "other", **config)])
    names = {group.task for group in groups}
    assert len(names) == len(groups) == 2
    word = "delay=99" if "task" in config else "data=dddddddd"
    assert any(word in name for name in names)
    assert [row.also for group in groups for row in group_rows(group) if row.kind == "model"] == [{}, {}]


def test_tuning_and_cost_are_found_by_any_name_of_a_configuration() -> None:
    records = study()
    (fair, *_) = [f for f in fairness(grouped(records), {(LONG, "gru"): 12}) if f.label == "gru"]
    assert fair.trials == (12, 12)
    costs = [simulated.cost_record("adding_50", model)[0] for model in ("gru", "lstm", "rnn")]
    named = [replace(r, labels={**r.labels, "task": LONG}) if r.labels["model"] == "gru" else r for r in costs]
    assert _pareto(grouped(records), [*records, *named]) == _pareto(grouped(records), [*records, *costs])


@pytest.mark.parametrize(("other", "span", "told"), [(50, (50, 50), None), (5, (5, 50), "lstm 50 and gru 5 to 50")])
def test_unequal_tuning_within_one_row_is_told(other: int, span: tuple[int, int], told: str | None) -> None:
    trials = {("adding_50", "gru"): 50, (LONG, "gru"): other, ("adding_50", "lstm"): 50}
    found = content(study(), trials=trials)
    assert next(fair for fair in found.fairness if fair.label == "gru").trials == span
    banner = f"Unequal tuning, so that the comparison is not fair: adding_50 ({told} trials)."
    assert [said for said in found.banners if "tuning" in said] == ([banner] if told else [])


def test_tuning_of_a_name_that_no_run_of_the_row_has_is_not_that_of_the_row() -> None:
    (group,) = grouped([*adding("gru", range(2), LONG), *adding("lstm", range(5)), *adding("lstm", range(5, 6), LONG)])
    gru = next(cell for cell in group.cells if cell.name == "gru")
    assert group.task == LONG
    assert tried({("adding_50", "gru"): 50, (LONG, "gru"): 5}, group, gru) == [5]
    assert tried({("adding_50", "gru"): 50}, group, gru) == []
    assert tried({}, group, gru) == []


def _pareto(groups: Sequence[Group], records: Sequence[Record]) -> str | None:
    look = styles(groups)
    rows, titles = [group_rows(group) for group in groups], [group.task for group in groups]
    figure = pareto_figure(groups, rows, entries(records), titles, look)
    return figure and figure.svg()


def test_two_stores_are_compared_once_where_one_of_them_has_two_labels() -> None:
    found = compare_stores(("before", study()), ("after", adding("gru", range(5))))
    assert [(row.architecture, row.a.runs, row.b.runs) for row in found.rows] == [("gru", 5, 5)]


def test_page_and_markdown_name_all_labels_of_a_row(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    for record in study(variant="learning_rate=0.003"):
        store.publish(replace(record, arrays={}), {})
    page = write(store, tmp_path / "report").read_text()
    said = f"3 runs of this configuration called gru (learning_rate=0.003) on {LONG}"
    assert said in page
    assert page.count('<h3 id="task-') == 1
    assert said in (tmp_path / "report" / "report.md").read_text().replace("\\_", "_")
    write(store, tmp_path / "report", formats=("latex",))
    caption = (tmp_path / "report" / "report.tex").read_text().replace("\\_", "_")
    assert f"gru: {said}." in caption


# ------------------------------------------------------------------ what all names have in common


def smoke(**variants: str) -> list[Record]:
    """Two tasks of architectures that all have ``train=smoke``, and costs; ``variants`` say what else they have."""
    told = {model: f"{variants.get(model, '')} train=smoke".strip() for model in ("gru", "lstm", "mine")}
    made = [simulated.learning(task, model, n)[0] for task in simulated.TASKS[:2] for model in told for n in range(5)]
    made += [simulated.cost_record("copy_10", model)[0] for model in told]
    return [replace(r, labels={**r.labels, "variant": told[r.labels["model"]]}) for r in made]


def test_what_all_names_share_is_said_once_and_stands_after_none_of_them() -> None:
    first, *others = smoke()
    found = content([replace(first, status="failed", reason="x"), *others], "gru", drawn=("svg",))
    assert found.common == "train=smoke"
    assert "Everything was run with train=smoke, which no name repeats." in found.banners
    assert all(section.subtitle.endswith(" · all architectures: train=smoke") for section in found.sections)
    assert list(found.look) == ["lstm", "gru", "mine"]
    assert [row.label for row in found.sections[0].rows if row.kind == "model"] == ["lstm", "gru", "mine"]
    assert [entry.name for entry in found.costs] == ["lstm", "gru", "mine"]
    for text in (page(found), markdown(found), latex(found)):
        assert "(train=smoke)" not in text.replace("\\", "")
        assert "train=smoke" in text.replace("\\", "")
    assert all("smoke" not in svg for svg in found.figures.values())


def test_the_colours_are_those_of_names_that_share_nothing() -> None:
    plain = [replace(record, labels={**record.labels, "variant": ""}) for record in smoke()]
    assert content(smoke()).look == content(plain).look


def test_tables_of_two_reports_may_be_joined_as_they_hold_names_in_full(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    curves = [replace(r, labels={**r.labels, "variant": "train=smoke"}) for r in curve("gru", HALF)]
    for record in [*smoke(), *curves]:
        store.publish(replace(record, arrays={}), {})
    write(store, tmp_path / "out", formats=("csv", "json"))
    tables = {name: read(tmp_path / "out" / f"{name}.csv") for name in ("runs", "verdicts", "costs")}
    assert all({line["variant"] for line in lines if line.get("kind") != "baseline"} == {"train=smoke"}
               for lines in tables.values())  # fmt: skip
    for name in ("across", "dependency"):
        assert {line["architecture"] for line in read(tmp_path / "out" / f"{name}.csv")} <= {
            f"{model} (train=smoke)" for model in ("gru", "lstm", "mine")
        }
    document = json.loads((tmp_path / "out" / "report.json").read_text())
    assert document["common"] == "train=smoke"
    assert {row["variant"] for row in document["sections"][0]["rows"] if row["kind"] == "model"} == {"train=smoke"}


def read(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(file.read_text().splitlines()))


def test_what_sets_names_apart_stays_wherever_it_stands() -> None:
    found = content(smoke(gru="learning_rate=0.1", mine="clip=[1, 2]"))
    names = [row.label for row in found.sections[0].rows if row.kind == "model"]
    assert names == ["lstm", "gru (learning_rate=0.1)", "mine (clip=[1, 2])"]
    alike = content(smoke(gru="clip=[1, 2]", lstm="clip=[1, 3]", mine="clip=[1, 4]"))
    assert (alike.common, [*alike.look][1]) == ("train=smoke", "gru (clip=[1, 2])")
    one = smoke()
    one[0] = replace(one[0], labels={**one[0].labels, "variant": "train=other"})
    assert content(one).common == ""


def test_words_are_left_where_names_would_be_the_same_without_them() -> None:
    labels = [{"task": "adding_50", "model": "gru", "variant": variant} for variant in ("a=1 b=2", "b=2 a=1")]
    two = [replace(record, labels=own) for record, own in zip(adding("gru", range(2)), labels, strict=True)]
    assert common_words(two) == ""
    assert common_words([]) == ""


def test_the_reference_is_plain_where_others_of_its_name_have_more_words() -> None:
    plain = [
        replace(r, run_id=f"plain{r.run_id}", cell_id=f"plain{r.cell_id}")
        for r in smoke()
        if r.kind == "learning" and r.labels["model"] == "gru"
    ]
    records = [*smoke(gru="learning_rate=0.1"), *plain]
    rows = {row.label: row for row in content(records, "gru").sections[0].rows if row.kind == "model"}
    assert {name: row.comparison is None for name, row in rows.items()} == {
        "lstm": False, "gru": True, "gru (learning_rate=0.1)": False, "mine": False,
    }  # fmt: skip


def test_what_a_command_prints_says_it_once_below_the_table() -> None:
    text = printed(smoke())
    assert text.count("train=smoke") == 1
    assert text.rstrip().endswith("all models: train=smoke")


def test_two_stores_are_compared_by_names_in_full() -> None:
    found = compare_stores(("a", smoke()[:5]), ("b", [simulated.learning("copy_10", "rnn", n)[0] for n in range(5)]))
    assert ("a", "copy_10", "gru (train=smoke)") in found.only
