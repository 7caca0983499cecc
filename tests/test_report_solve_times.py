"""When runs solve, as curves: of simulated runs whose steps are known."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
import simulated

from seqbench.report.content import Content
from seqbench.report.document import report_json
from seqbench.report.groups import grouped
from seqbench.report.page import page
from seqbench.report.solve_times import SolveTimes, solve_times
from seqbench.report.solve_times_figure import solve_times_figure
from seqbench.schema import Record
from seqbench.statistics.intervals import wilson_interval
from tests.test_report_headline import GOOD, POOR, content, runs

Steps = Mapping[str, Sequence[int | None]]
"""Model -> the step at which each seed solves; None where it does not, in 1,500 steps."""


def records(task: str, models: Steps) -> list[Record]:
    found = runs(task, {model: [0.2 if step is None else 0.999 for step in steps] for model, steps in models.items()})
    steps = [step for mine in models.values() for step in mine]
    return [
        replace(record, summary={**record.summary, "steps_to_solve": step})
        for record, step in zip(found, steps, strict=True)
    ]


def times(found: Content) -> dict[str, SolveTimes]:
    (task,) = found.solving
    return {one.label: one for one in task.architectures}


def figure(found: Content) -> str:
    figure = solve_times_figure(found.solving, found.look)
    assert figure is not None
    return figure.svg()


SOME: Steps = {"gru": [100, 100, 200, 300, None], "rnn": [None] * 5}


def test_share_falls_where_runs_solve_and_stays_where_they_do_not() -> None:
    found = times(content(records("copy_10", SOME)))
    assert found["gru"].curve.steps == (0, 100, 200, 300)
    assert found["gru"].curve.unsolved == pytest.approx((1, 0.6, 0.4, 0.2))
    assert (found["gru"].budget, found["gru"].curve.end) == (1500, 1500)
    assert (found["rnn"].curve.unsolved, found["rnn"].curve.low) == ((1,), (wilson_interval(5, 5)[0],))


def test_curves_are_those_of_what_is_shown_in_whatever_order_it_comes() -> None:
    made = [*records("copy_10", SOME), *records("copy_30", {"gru": [400] * 5, "lstm": [500] * 5})]
    groups, sections = grouped(made), content(made).sections
    shown = [replace(group, cells=group.cells[-1:]) for group in groups][::-1]
    found = [(task.task, [one.label for one in task.architectures]) for task in solve_times(shown, sections)]
    assert found == [("copy_10", ["gru"]), ("copy_30", ["gru"])]
    assert [task.task for task in solve_times(shown[:1], sections)] == ["copy_30"]


@pytest.mark.parametrize("status", ["failed", "diverged", "timeout", "oom"])
def test_runs_that_did_not_complete_stay_unsolved_to_the_end(status: str) -> None:
    lost = [replace(r, status=status, reason="x") if r.seed == 0 else r for r in records("copy_10", SOME)]
    assert times(content(lost))["gru"].curve.unsolved == pytest.approx((1, 0.8, 0.6, 0.4))


def test_share_at_the_end_is_what_the_table_says() -> None:
    found = content([record for record, _ in simulated.study(cost=False)])
    rows = {(row.task, row.label): row for section in found.sections for row in section.rows if row.kind == "model"}
    checked = 0
    for task in found.solving:
        for one in task.architectures:
            summary = rows[task.task, one.label].summary
            assert summary is not None
            assert summary.solved is not None
            assert one.curve.unsolved[-1] == pytest.approx(1 - summary.solved / summary.runs)
            checked += summary.solved > 0
    assert checked >= 10
    assert {task.task for task in found.solving} == {"copy_10", "copy_30", "adding_50", "adding_100"}  # not membrane


def test_budget_too_short_to_tell_and_a_run_without_its_step_have_no_curve() -> None:
    short = {"train": {"steps": 50, "evaluate_every": 25, "evaluate_growth": 1.1}}
    assert content(runs("copy_10", {"gru": POOR}, gru=short)).solving == []
    untold = [replace(r, summary={**r.summary, "steps_to_solve": None}) for r in runs("copy_10", {"gru": GOOD})]
    assert content(untold).solving == []


def test_nothing_solved_has_no_figure_and_one_task_that_none_solves_says_so() -> None:
    none = content(runs("copy_10", {"gru": POOR, "rnn": POOR}), drawn=("svg",))
    assert "solving" not in none.figures
    assert "Steps to solve" not in page(none)
    one = figure(content(records("copy_10", SOME) + runs("copy_20", {"gru": POOR, "rnn": POOR})))
    assert one.count("no run solves it in 1,500 steps") == 1


def test_bar_has_both_ends_of_the_interval_in_the_table_or_is_not_there() -> None:
    five, ten = {"gru": [100, 110, 120, 130, 140]}, {"gru": [*range(100, 200, 10)]}
    for none in (five, {"gru": [*ten["gru"][:6], *[None] * 4]}):  # the median of the second has no upper end
        assert "95 % interval of the median" not in figure(content(records("copy_10", none)))
    found = content(records("copy_10", ten))
    summary = found.sections[0].rows[0].summary
    assert summary is not None
    assert times(found)["gru"].median_interval == summary.median_interval == (110, 180)
    assert figure(found).count("95 % interval of the median") == 2  # the bar and the legend


def test_bands_are_drawn_of_three_architectures_and_not_of_more() -> None:
    three = {name: SOME["gru"] for name in ("rnn", "lstm", "gru")}
    for models, bands in ((three, 1), ({**three, "attention": SOME["gru"]}, 0)):
        svg = figure(content(records("copy_10", models)))
        assert svg.count('<g data-series="gru">') == 2 + bands  # the legend's line and its text
        assert svg.count('data-series="gru" data-note="share of runs not solved yet"') == 1
    four_seeds = figure(content(records("copy_10", {"gru": SOME["gru"][:4]})))
    assert four_seeds.count('<g data-series="gru">') == 2


def test_every_curve_of_a_panel_of_many_lies_within_it_and_apart_from_the_others() -> None:
    models = {f"m{number:02}": [None] * 5 for number in range(14)}
    svg = figure(content(records("copy_10", {**models, "m03": SOME["gru"]})))
    _, top, _, height = map(float, re.findall(r'data-box="(.*?)"', svg)[0].split())
    curve = r'data-note="share of runs not solved yet"( data-shift="\S+")?>\s*<path d="M[\d.]+ ([\d.]+)'
    heights = [float(y) for _, y in re.findall(curve, svg)]
    assert len(set(heights)) == 14
    assert all(top + 0.8 <= y <= top + height - 0.8 for y in heights)  # half the width of a line
    assert np.diff(sorted(heights)).min() > 1


def test_json_holds_the_curves_with_their_bands() -> None:
    (task,) = json.loads(report_json(content(records("copy_10", SOME))))["solving"]
    gru = next(one for one in task["architectures"] if one["label"] == "gru")
    assert (task["task"], gru["curve"]["steps"], gru["curve"]["at_risk"]) == (
        "copy_10",
        [0, 100, 200, 300],
        [5, 5, 3, 2],
    )
    assert len(gru["curve"]["low"]) == len(gru["curve"]["high"]) == 4
