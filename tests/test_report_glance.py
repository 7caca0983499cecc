"""The small table on top of a report: what it says of studies whose truth is known."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import simulated

from seqbench.record.store import Store
from seqbench.report import write
from seqbench.report.glance import Glance
from seqbench.schema import Record
from tests.test_report_headline import GOOD, POOR, content, near, runs, scheduled


def seen(records: list[Record]) -> tuple[Glance, dict[str, dict[str, str]]]:
    """The table, and its texts by task and architecture; what is bold is between stars."""
    found = content(records).glance
    assert found is not None
    texts = {
        task: {label: f"*{s.whole}*" if s.best else s.whole for label, s in zip(found.labels, cells, strict=True)}
        for task, cells in found.rows
    }
    return found, texts


def test_seeds_that_solve_with_median_steps_or_mean_skill_with_its_interval():
    some = [0.999, 0.999, 0.999, 0.2, 0.2]
    unrated = [replace(r, task={**r.task, "solved": None}) for r in runs("membrane", {"gru": near(0.5, 5)})]
    found, texts = seen([*runs("copy_10", {"gru": some, "rnn": POOR, "lstm": GOOD}), *unrated])
    assert found.labels == ("rnn", "lstm", "gru")
    assert texts["copy_10"] == {"rnn": "0/5", "lstm": "5/5 (100)", "gru": "3/5 (100)"}
    assert texts["membrane"]["rnn"] == texts["membrane"]["lstm"] == "\N{EN DASH}"
    assert texts["membrane"]["gru"] == "0.50 [0.50, 0.51]"
    few = [0.999, *POOR[1:]]
    assert seen(runs("copy_10", {"gru": few}))[1]["copy_10"]["gru"] == "1/5"  # an infinite median is not printed


def test_a_mean_of_those_that_survived_says_of_how_many_it_is():
    models = {"rnn": [None] * 5, "lstm": near(0.5, 5), "gru": [0.95, None, None, None, None]}
    unrated = [replace(r, task={**r.task, "solved": None}) for r in runs("membrane", models)]
    found, texts = seen(unrated)
    assert texts["membrane"]["gru"] == "0.95 (1 of 5 runs)"
    assert texts["membrane"]["rnn"] == "\N{EN DASH} (0 of 5 runs)"
    assert re.fullmatch(r"0\.\d\d \[0\.\d\d, 0\.\d\d\]", texts["membrane"]["lstm"].strip("*"))
    assert "(k of n runs): the mean of those that left a score." in found.said
    assert "k of n" not in seen(runs("copy_10", models))[0].said  # rated: its rates are of all runs


def test_bold_is_what_a_verdict_says_is_better_than_every_other_one():
    _, texts = seen(runs("copy_10", {"gru": GOOD * 2, "rnn": POOR * 2, "lstm": near(0.3, 10)}))
    assert texts["copy_10"] == {"rnn": "0/10", "lstm": "0/10", "gru": "*10/10 (100)*"}
    tied, texts = seen(runs("copy_10", {"gru": near(0.8, 10), "rnn": near(0.8, 10, 1), "lstm": near(0.3, 10)}))
    assert not any("*" in text for text in texts["copy_10"].values())
    assert tied.said.endswith("No verdict over all pairs names a best one on any task.")
    _, texts = seen(runs("copy_10", {"gru": GOOD[:4], "rnn": POOR[:4]}))  # no verdict within reach
    assert not any("*" in text for text in texts["copy_10"].values())


def test_what_was_trained_with_another_budget_is_no_better_by_any_verdict():
    records = runs("copy_10", {"gru": GOOD * 2, "rnn": POOR * 2}, rnn={"train": {"steps": 9}})
    assert not any("*" in text for text in seen(records)[1]["copy_10"].values())


def test_a_row_that_is_left_open_says_so_beside_one_that_is_solved():
    found, texts = seen(scheduled(runs("copy_10", {"gru": POOR}), 50) + runs("copy_10", {"rnn": GOOD}))
    assert texts["copy_10"] == {"rnn": "5/5 (100)", "gru": "open"}
    assert "open: the budget ended too soon to tell." in found.said


@pytest.mark.parametrize(("tasks", "models", "shown"), [(24, 1, True), (25, 1, False), (1, 12, True), (1, 13, False)])
def test_a_table_that_would_be_too_large_is_a_sentence(tasks: int, models: int, shown: bool):
    some = {f"m{number}": [0.5] for number in range(models)}
    base = runs("copy_10", some)
    records = [
        replace(r, labels={**r.labels, "task": f"t{n}"}, cell_id=f"{n}-{r.cell_id}", run_id=f"{n}-{r.run_id}",
                config={**r.config, "task": {**r.config["task"], "n": n}})
        for n in range(tasks) for r in base
    ]  # fmt: skip
    found = content(records).glance
    assert found is not None
    assert bool(found.rows) == shown
    assert ("too many for a table at a glance; see Verdicts" in found.said) != shown


def test_page_and_markdown_show_it_below_the_verdict(tmp_path: Path):
    store = Store(tmp_path / "runs")
    for record, arrays in simulated.study(tasks=("copy_10",), seeds=(0, 1), cost=False):
        store.publish(record, arrays)
    page = write(store, tmp_path / "out")
    text, plain = page.read_text(), (tmp_path / "out" / "report.md").read_text()
    assert text.index('<section id="summary"') < text.index('class="glance"') < text.index('role="note"')
    table = text[text.index('class="glance"') : text.index("</table>")]
    assert table.count('scope="col"') == 5
    assert table.count('class="swatch"') == 5
    assert '<th scope="row">copy_10</th>' in table
    assert re.search(r'data-series="gru">(<strong>)?2/2(</strong>)? <small>\([\d,]+\)</small></td>', table)
    assert table.count('data-series="gru"') == 2  # so that the boxes on top hide head and cell
    assert "|  | rnn | lstm | gru | attention | transformer |" in plain
    assert plain.index("|  | rnn |") < plain.index("- All rows have fewer than 5 seeds")
