"""What one configuration is called that was run under several labels, and how its runs come together."""

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
from seqbench.report.groups import Group, grouped
from seqbench.report.pareto import pareto_figure
from seqbench.report.row import VerdictRow
from seqbench.report.sections import sections_of
from seqbench.report.tables import group_rows, verdict_rows
from seqbench.schema import Record
from tests.test_report_headline import content

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


def test_other_configurations_of_one_task_keep_their_sections_which_say_that_it_is_one() -> None:
    longer = adding("gru", range(5), LONG, cell_id="c" * 16)
    longer = [replace(r, run_id=f"longer{r.seed}", config={**r.config, "train": {"steps": 9}}) for r in longer]
    groups = grouped([*adding("gru", range(5)), *longer])
    assert [(g.task, g.also, len(g.cells)) for g in groups] == [("adding_50", (LONG,), 1), (LONG, ("adding_50",), 1)]
    subtitles = [section.subtitle for section in sections_of(groups, [g.task for g in groups], None)]
    assert subtitles[0].startswith(f"the same task as {LONG} · ")
    assert subtitles[1].startswith("the same task as adding_50 · ")


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
    assert group.task == "adding_50"
    assert tried({("adding_50", "gru"): 50, (LONG, "gru"): 5}, group, gru) == [5]
    assert tried({("adding_50", "gru"): 50}, group, gru) == [50]
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
