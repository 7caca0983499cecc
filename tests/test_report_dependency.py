"""The longest solved dependency in a report: of simulated runs whose solve rates are known."""

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import simulated

from seqbench.record.record import cell_id, run_id
from seqbench.record.store import Store
from seqbench.report import write
from seqbench.report.dependency import dependencies, dependency_sentences, dependency_table
from seqbench.report.dependency_figure import dependency_figure
from seqbench.schema import Record

NAMES = {simulated.base("copy_10", "gru", 0).env_id: "A"}
HALF = {5: 5, 10: 5, 14: 3, 20: 0, 40: 0}


def runs(model: str, solved: Mapping[int, int], seeds: int = 5, solvable: bool = True) -> list[Record]:
    """Length -> how many of the seeds solve it."""
    found = []
    for length, wins in solved.items():
        for seed in range(seeds):
            base = simulated.base("copy_10", model, seed)
            task = {"target": "seqbench.tasks.copy_memory:CopyMemory", "version": 1, "delay": length}
            config = {**base.config, "task": task}
            facts = base.task if solvable else {**base.task, "solved": None}
            found.append(
                replace(
                    base,
                    config=config,
                    task=facts,
                    run_id=run_id(config, seed, "learning"),
                    cell_id=cell_id(config),
                    labels={**base.labels, "task": f"copy_memory delay={length}"},
                    summary={"solved": seed < wins, "score": 0.999 if seed < wins else 0.2, "skill": 0.5},
                )
            )
    return found


def said(records: Sequence[Record]) -> str:
    (sentence,) = dependency_sentences(dependencies(records), NAMES)
    return sentence


def test_the_number_has_its_interval_seeds_and_lengths():
    (made,) = dependencies(runs("gru", HALF))
    assert (made.task, made.name, made.lengths, made.seeds) == ("copy_memory", "gru", (5, 10, 14, 20, 40), (5, 5))
    assert 14 < made.estimate.value < 20
    assert made.estimate.interval == pytest.approx((10, 20))
    text = said(runs("gru", HALF))
    assert text == (
        "On copy_memory within 1,500 training steps, with at least half of the seeds: gru solves dependencies up to 15 "
        "steps (95 % 10 to 20)."
    )


@pytest.mark.parametrize("label", ["copy_memory budget=1500 delay={}", "copy_memory delay={} budget=1500"])
def test_a_budget_in_the_name_of_the_task_is_told_once(label: str):
    records = [
        replace(record, labels={**record.labels, "task": label.format(record.config["task"]["delay"])})
        for record in runs("gru", HALF)
    ]
    assert said(records).startswith(
        "On copy_memory within 1,500 training steps, with at least half of the seeds: gru solves"
    )
    ((title, small, _),) = dependency_table(dependencies(records), NAMES).groups
    assert (title, small) == ("copy_memory", "budget 1,500 training steps")


def test_what_is_solved_everywhere_or_nowhere_gets_a_bound():
    every, none = dict.fromkeys(HALF, 5), dict.fromkeys(HALF, 0)
    text = said(runs("transformer", every) + runs("rnn", none))
    assert "transformer solves dependencies of more than 40 steps, the longest tried (95 % at least 40)" in text
    assert "rnn solves no dependency as long as 5 steps, the shortest tried (95 % at most 5)" in text
    alike = said(runs("lstm", none) + runs("rnn", none))
    assert "rnn and lstm solve no dependency as long as 5 steps, the shortest tried (95 % at most 5)." in alike
    (_, _, rows), *others = dependency_table(dependencies(runs("transformer", every) + runs("rnn", none)), NAMES).groups
    assert others == []
    assert [row.cells[0].text for row in rows] == ["< 5", "> 40"]
    assert [row.cells[0].value for row in rows] == [0.0, "inf"]


def test_a_length_that_some_seeds_solve_is_not_said_to_be_solved_by_none():
    text = said(runs("rnn", {5: 2, 10: 0, 20: 0}))
    assert "with at least half of the seeds: rnn solves no dependency as long as 5 steps" in text


def test_csv_and_json_say_a_bound_as_a_bound_and_an_estimate_with_its_interval(tmp_path: Path):
    store = Store(tmp_path / "runs")
    every, none = dict.fromkeys(HALF, 5), dict.fromkeys(HALF, 0)
    for record in runs("transformer", every) + runs("rnn", none) + runs("gru", HALF):
        store.publish(replace(record, arrays={}), {})
    write(store, tmp_path / "out", formats=("csv", "json"))
    with (tmp_path / "out" / "dependency.csv").open(newline="") as file:
        lines = {line["architecture"]: line for line in csv.DictReader(file)}
    said = {name: [line[key] for key in ("bound", "longest", "low", "high")] for name, line in lines.items()}
    assert said["rnn"] == ["at most", "5", "", "5"]
    assert said["transformer"] == ["at least", "40", "40", ""]
    assert (said["gru"][0], said["gru"][2:]) == ("", ["10", "20"])
    assert 14 < float(said["gru"][1]) < 20
    assert [lines["gru"][key] for key in ("task", "seeds", "budget", "lengths", "solved", "runs")] == [
        "copy_memory", "5", "1500", "5; 10; 14; 20; 40", "5; 5; 3; 0; 0", "5; 5; 5; 5; 5",
    ]  # fmt: skip
    made = {row["name"]: row for row in json.loads((tmp_path / "out" / "report.json").read_text())["dependencies"]}
    for name, row in made.items():
        assert ["" if row[key] is None else str(row[key]) for key in ("bound", "longest", "low", "high")] == said[name]
        assert row["low_power"]
        assert "estimate" not in row


def test_a_headline_tells_some_results_of_many_and_counts_the_others():
    solve = {f"m{i:02}": runs(f"m{i:02}", {4 * i: 5, 4 * i + 4: 5, 4 * i + 8: 0, 4 * i + 9: 0}) for i in range(1, 8)}
    alike = [record for i in range(6) for record in runs(f"all{i}", dict.fromkeys((4, 8, 12), 5))]
    made = dependencies([*alike, *(record for own in solve.values() for record in own)])
    (whole,) = dependency_sentences(made, NAMES)
    (short,) = dependency_sentences(made, NAMES, 4)
    assert whole.count("solve") == 8
    assert short.count("solve") == 4
    assert "all0, all1, all2, all3 and 2 more solve dependencies of more than 12 steps" in short
    assert short.endswith("; 4 other architectures below.")
    assert "below" not in whole


def test_a_headline_of_many_tasks_over_lengths_counts_those_that_it_does_not_tell():
    records = []
    for task in range(5):
        for model in ("gru", "lstm"):
            for record in runs(model, HALF if model == "gru" else dict.fromkeys(HALF, 5)):
                length = record.config["task"]["delay"]
                config = {**record.config, "task": {**record.config["task"], "num_symbols": task}}
                labels = {**record.labels, "task": f"copy_memory num_symbols={task} delay={length}"}
                names = {"run_id": run_id(config, record.seed, "learning"), "cell_id": cell_id(config)}
                records.append(replace(record, config=config, labels=labels, **names))
    found = dependency_sentences(dependencies(records), NAMES, 4)
    assert len(found) == 3
    assert found[2] == "For 3 other comparisons over lengths see below."
    assert len(dependency_sentences(dependencies(records), NAMES)) == 5


def test_four_seeds_give_the_number_and_no_interval():
    text = said(runs("gru", {5: 4, 10: 4, 20: 0}, seeds=4))
    assert "up to 14 steps (fewer than 5 seeds: no interval)" in text


def test_what_cannot_be_solved_or_has_two_lengths_only_is_no_curve():
    assert dependencies(runs("gru", HALF, solvable=False)) == []
    assert dependencies(runs("gru", {5: 5, 10: 0})) == []
    assert dependencies([simulated.learning("copy_10", "gru", 0)[0]]) == []


@pytest.mark.parametrize("task", ["text", None, {"delay": "20"}, {"delay": True}, {"delay": -3}, {"delay": 10**400}])
def test_a_record_whose_length_is_none_hides_no_other(task: object):
    odd = [replace(r, config={**r.config, "task": task}, cell_id=f"{r.seed}") for r in runs("lstm", {5: 5})]
    (made,) = dependencies(odd + runs("gru", HALF))
    assert made.name == "gru"


def test_runs_that_did_not_complete_stay_in_the_rate():
    records = runs("gru", dict.fromkeys(HALF, 5))
    failed = [replace(record, status="failed", task={}) if record.config["task"]["delay"] > 10 else record
              for record in records]  # fmt: skip
    (made,) = dependencies(failed)
    assert [sum(flags) for flags in made.solved] == [5, 5, 0, 0, 0]
    assert made.seeds == (5, 5)


def test_other_learning_rates_and_environments_are_curves_of_their_own():
    records = runs("gru", HALF)
    other = [replace(record, env_id="f" * 12) for record in records]
    assert len(dependencies(records + other)) == 2
    sentences = dependency_sentences(dependencies(records + other), {records[0].env_id: "A", "f" * 12: "B"})
    assert ["environment A" in sentences[i] or "environment B" in sentences[i] for i in (0, 1)] == [True, True]
    faster = [replace(r, config={**r.config, "model": {**r.config["model"], "learning_rate": 0.1}}) for r in records]
    faster = [replace(r, run_id=run_id(r.config, r.seed, "learning"), cell_id=cell_id(r.config)) for r in faster]
    assert len(dependencies(records + faster)) == 2


def test_page_and_markdown_show_the_section_and_one_sentence_speaks_for_all_lengths(tmp_path: Path):
    store = Store(tmp_path / "runs")
    for record in runs("gru", HALF) + runs("lstm", {5: 5, 10: 0, 20: 0}):
        store.publish(replace(record, arrays={}), {})
    page = write(store, tmp_path / "out", study="dependency").read_text()
    text = (tmp_path / "out" / "report.md").read_text()
    assert 'id="dependency"' in page
    assert "5: 5/5, 10: 5/5, 14: 3/5, 20: 0/5, 40: 0/5" in page
    assert "## Longest solved dependency" in text
    assert "| gru | 15 | 10 to 20 | 5 |" in text
    assert "gru solves dependencies up to 15 steps" in text
    assert "with every seed" not in text
    assert "![Longest solved dependency](figures/dependency.svg)" in text
    assert "95 % interval of the crossing" in (tmp_path / "out" / "figures" / "dependency.svg").read_text()
    again = write(store, tmp_path / "again", study="dependency")
    assert again.read_text() == page


def test_the_figure_explains_no_interval_where_none_is_drawn():
    few = dependencies(runs("gru", {5: 2, 10: 2, 20: 0}, seeds=2))
    figure = dependency_figure(few, {}, NAMES)
    assert figure is not None
    svg = figure.svg()
    assert "one half" in svg
    assert "95 % interval" not in svg


def test_the_bar_of_an_interval_says_what_the_table_says_also_of_open_ends():
    found = dependencies(runs("gru", {5: 5, 10: 5, 20: 3}) + runs("lstm", HALF))
    figure = dependency_figure(found, {}, NAMES)
    assert figure is not None
    bar = r'data-series="(\w+)" data-note="95 % interval of the crossing"[^>]* data-told="([^"]*)"'
    told = dict(re.findall(bar, figure.svg()))
    assert told == {made.name: made.interval_text for made in found}
    assert told["gru"].startswith("at least ")


def test_every_rate_of_many_architectures_lies_within_the_panel_and_apart_from_the_others():
    many = [record for number in range(14) for record in runs(f"m{number:02}", {5: 5, 10: 5, 20: 0})]
    figure = dependency_figure(dependencies(many), {}, NAMES)
    assert figure is not None
    svg = figure.svg()
    _, top, _, height = map(float, re.findall(r'data-box="(.*?)"', svg)[0].split())
    lines = re.findall(r'data-note="fitted rate"[^>]*>\s*<path d="M[\d.]+ ([\d.]+)l\S+ \S+ \S+ (\S+?)"', svg)
    first = [float(y) for y, _ in lines]
    assert len(set(first)) == 14
    assert all(top + 0.7 <= float(y) and float(y) + float(down) <= top + height - 0.7 for y, down in lines)


def test_a_hostile_name_stays_text(tmp_path: Path):
    store = Store(tmp_path / "runs")
    for record in runs("<script>x</script>", HALF):
        store.publish(replace(record, arrays={}), {})
    page = write(store, tmp_path / "out").read_text()
    assert "<script>x" not in page
