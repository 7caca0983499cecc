"""Skill against cost, and curves of more seeds than one can tell apart."""

import math
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import simulated
from matplotlib.figure import Figure

from seqbench.record.store import Store
from seqbench.report import figures, labels, pareto, write
from seqbench.report.canvas import Style
from seqbench.report.frame import INK

GROUP = "{http://www.w3.org/2000/svg}g"


def drawn(tmp_path: Path, name: str, *entries: tuple) -> ElementTree.Element | None:
    store = Store(tmp_path / "runs")
    for record, arrays in entries:
        store.publish(record, arrays)
    path = write(store, tmp_path / "out").parent / "figures" / f"{name}.svg"
    return ElementTree.fromstring(path.read_bytes()) if path.exists() else None


def panels(root: ElementTree.Element) -> list[ElementTree.Element]:
    return [group for group in root.iter(GROUP) if group.get("class") == "panel"]


def notes(panel: ElementTree.Element, note: str) -> list[str]:
    return [group.get("data-series", "") for group in panel.iter(GROUP) if group.get("data-note") == note]


def learning(models: tuple[str, ...], seeds: int = 5) -> list[tuple]:
    return [simulated.learning("copy_10", model, seed) for model in models for seed in range(seeds)]


def test_a_panel_for_each_cost_with_the_architectures_that_have_it(tmp_path: Path) -> None:
    costs = [simulated.cost_record("copy_10", model) for model in ("rnn", "gru")]
    root = drawn(tmp_path, "pareto", *learning(("rnn", "lstm", "gru")), *costs)
    assert root is not None
    found = {re.sub(r'"|\[| \(.*', "", panel.get("data-names", "")): notes(panel, "mean over seeds")
             for panel in panels(root)}  # fmt: skip
    assert found == {
        "tokens per second": ["rnn", "gru"],
        "peak memory, MiB": ["rnn", "gru"],
        "parameters": ["rnn", "lstm", "gru"],
        "state, floats": ["rnn", "lstm", "gru"],
    }


def test_a_mean_of_survivors_is_hollow_and_the_legend_says_what_that_is(tmp_path: Path) -> None:
    whole, lost = learning(("rnn", "lstm")), learning(("gru",))
    for index in (1, 3):
        record, arrays = lost[index]
        left = {key: value for key, value in record.summary.items() if key not in ("skill", "score")}
        lost[index] = replace(record, status="diverged", reason="the loss is not finite", summary=left), arrays
    root = drawn(tmp_path, "pareto", *whole, *lost)
    assert root is not None
    survivors = "mean over those runs that left a score"
    for panel in panels(root):
        assert (notes(panel, "mean over seeds"), notes(panel, survivors)) == (["rnn", "lstm"], ["gru"])
    assert "mean of those runs that left a score" in ElementTree.tostring(root, encoding="unicode")
    whole_root = drawn(tmp_path / "whole", "pareto", *whole)
    assert whole_root is not None
    assert "that left a score" not in ElementTree.tostring(whole_root, encoding="unicode")


OTHER_TASK = simulated.base("copy_30", "gru", None).config
OTHER_DATA = {**simulated.base("copy_10", "gru", None).config, "data_sha256": "d" * 64}


@pytest.mark.parametrize("other", [{"env_id": "f" * 12}, {"config": OTHER_TASK}, {"config": OTHER_DATA}])
def test_cost_of_another_environment_or_task_is_not_taken_by_whatever_label(tmp_path: Path, other: dict) -> None:
    costs = [simulated.cost_record("copy_10", "rnn"), simulated.cost_record("copy_10", "gru", **other)]
    root = drawn(tmp_path, "pareto", *learning(("rnn", "gru")), *costs)
    assert root is not None
    assert [panel.get("data-names", "")[:4] for panel in panels(root)] == ['["pa', '["st']


OF_TEST = simulated.base("copy_10", "gru", None).config


@pytest.mark.parametrize(
    ("part", "changes", "same"),
    [
        ("model", {"width": 128}, False),
        ("model", {"version": 2}, False),
        ("train", {"batch_size": 8}, False),
        ("model", {"learning_rate": 0.1}, True),
        ("train", {"steps": 9}, True),
    ],
)
def test_cost_is_taken_of_the_same_training_step_and_of_no_other_one_of_that_name(
    tmp_path: Path, part: str, changes: dict, same: bool
) -> None:
    config = {**OF_TEST, part: {**OF_TEST[part], **changes}}
    costs = [simulated.cost_record("copy_10", "rnn"), simulated.cost_record("copy_10", "gru", config=config)]
    root = drawn(tmp_path, "pareto", *learning(("rnn", "gru")), *costs)
    assert root is not None
    found = [notes(panel, "mean over seeds") for panel in panels(root)]
    assert found == [["rnn", "gru"]] * (4 if same else 2)


def test_two_configurations_of_one_name_have_each_its_own_skill_and_cost(tmp_path: Path) -> None:
    config = {**OF_TEST, "model": {**OF_TEST["model"], "width": 128}}
    skills, sizes = (0.4, 0.9), (1000, 9000)
    made = []
    for number, (skill, size) in enumerate(zip(skills, sizes, strict=True)):
        for record, arrays in learning(("gru",)):
            own = {"summary": {**record.summary, "skill": skill}, "run_id": f"{record.seed}{number}" * 8}
            own |= {"architecture": {"parameters": size}, "cell_id": f"{number}" * 16}
            own |= {"config": config} if number else {}
            made.append((replace(record, **own), arrays))
    speeds = (100.0, 900.0)
    for speed, setting in zip(speeds, (OF_TEST, config), strict=True):
        record, arrays = simulated.cost_record("copy_10", "gru", config=setting, run_id=f"{speed:016.0f}")
        summary = {"tokens_per_s": {"median": speed}}
        made.append((replace(record, cell_id=f"{speed:016.0f}", summary=summary), arrays))
    root = drawn(tmp_path, "pareto", *made)
    assert root is not None
    for panel, costs in zip(panels(root), (speeds, sizes), strict=True):
        assert values(panel, "mean over seeds") == pytest.approx(
            [number for pair in zip(costs, skills, strict=True) for number in pair], rel=0.01
        )


@pytest.mark.parametrize(
    ("skill", "interval", "bar", "bottom"),
    [
        (0.3, (-0.6, 1.0), (-0.6, 1.0), -0.7),
        (-0.5, (-0.9, -0.1), (-0.9, -0.1), -1.0),
        (0.3, (-2.0, 1.0), (-1.0, 1.0), -1.0),
        (0.5, (0.4, 0.6), (0.4, 0.6), -0.08),
    ],
)
def test_a_bar_is_drawn_from_end_to_end_as_far_as_the_axis_may_reach(
    skill: float, interval: tuple[float, float], bar: tuple[float, float], bottom: float
) -> None:
    axes = Figure().subplots()
    pareto._draw(
        axes,
        [pareto.Point(name="gru", cost=10.0, skill=skill, interval=interval, lost=False)],
        True,
        {"gru": Style(INK)},
    )
    (drawn_bar,) = [line for line in axes.lines if len(line.get_xdata()) == 2]  # type: ignore[arg-type]
    assert tuple(drawn_bar.get_ydata()) == bar  # type: ignore[arg-type]
    assert axes.get_ylim()[0] == pytest.approx(bottom)


def values(panel: ElementTree.Element, note: str) -> list[float]:
    """x and y of every mark that says so, read off the panel's axes: across logarithmic, upward linear."""
    left, top, width, height = map(float, panel.get("data-box", "").split())
    low, high = (math.log10(float(end)) for end in panel.get("data-x", "").split()[1:])
    bottom, most = map(float, panel.get("data-y", "").split()[1:])
    found = []
    for group in panel.iter(GROUP):
        if group.get("data-note") == note:
            path = next(group.iter("{http://www.w3.org/2000/svg}path")).get("d", "")
            x, y = map(float, re.findall(r"-?[\d.]+", path)[:2])
            found += [10 ** (low + (x - left) / width * (high - low)),
                      bottom + (top + height - y) / height * (most - bottom)]  # fmt: skip
    return found


def with_skills(skills: dict[str, float], sizes: dict[str, int]) -> list[tuple]:
    """Runs with these skills, of architectures with so many parameters."""
    made = []
    for (record, arrays), model in ((simulated.learning("copy_10", m, s), m) for m in skills for s in range(2)):
        summary = {**record.summary, "skill": skills[model]}
        architecture = {**record.architecture, "parameters": sizes[model], "state_size": None}
        made.append((replace(record, summary=summary, architecture=architecture), arrays))
    return made


def texts(panel: ElementTree.Element) -> list[str]:
    return ["".join(element.itertext()).strip() for element in panel.iter("{http://www.w3.org/2000/svg}text")]


def test_every_architecture_of_the_front_is_named_however_near_they_lie(tmp_path: Path) -> None:
    models = ("rnn", "lstm", "gru", "attention", "transformer")
    sizes = {model: 10_000 + 100 * number for number, model in enumerate(models)}
    skills = {model: 0.9 + 0.01 * number for number, model in enumerate(models)}
    root = drawn(tmp_path, "pareto", *with_skills(skills, sizes))
    assert root is not None
    (panel,) = panels(root)
    assert {text for text in texts(panel) if text in models} == set(models)


def test_names_lie_on_no_other_name_and_on_no_mark() -> None:
    marks = [(50.0 + 4 * i, 40.0 + 2 * i, 56.0 + 4 * i, 46.0 + 2 * i) for i in range(5)]
    names = ["transformer", "attention", "gru", "lstm", "rnn"]
    boxes = labels.placed(names, marks, [(0.0, 0.0, 6.0, 6.0)], (160.0, 110.0))
    for number, box in enumerate(boxes):
        assert box[0] >= 0 and box[1] >= 0 and box[2] <= 160 and box[3] <= 110  # noqa: PT018
        assert box[2] - box[0] > 4 * len(names[number])
        assert not any(labels._overlap(box, other) for other in (*boxes[:number], *marks))
    assert any(labels.is_far(box, mark) for box, mark in zip(boxes, marks, strict=True))
    (alone,) = labels.placed(["gru"], [(50.0, 50.0, 56.0, 56.0)], [], (160.0, 110.0))
    assert alone[1] > 56
    assert not labels.is_far(alone, (50.0, 50.0, 56.0, 56.0))


def test_what_lies_too_low_to_be_drawn_is_named_also_where_nothing_else_is_left(tmp_path: Path) -> None:
    sizes = {"rnn": 1000, "gru": 9000}
    root = drawn(tmp_path, "pareto", *with_skills({"rnn": -7.0, "gru": -3.0}, sizes))
    assert root is not None
    assert "below \N{MINUS SIGN}1.00: rnn and gru" in texts(panels(root)[0])
    (tmp_path / "one").mkdir()
    root = drawn(tmp_path / "one", "pareto", *with_skills({"rnn": -7.0, "gru": 0.5}, sizes))
    assert root is not None
    assert "below \N{MINUS SIGN}1.00: rnn" in texts(panels(root)[0])
    assert [text for text in texts(panels(root)[0]) if text in sizes] == ["gru"]


def test_one_architecture_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    assert drawn(tmp_path, "pareto", *learning(("gru",)), simulated.cost_record("copy_10", "gru")) is None


def test_above_fifty_curves_a_band_and_a_sample_that_the_axis_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "MOST_CURVES", 8)
    root = drawn(tmp_path, "learning", *learning(("rnn", "gru"), 6))
    assert root is not None
    (panel,) = panels(root)
    assert "training step (4 of 6 seeds; band: 80 % of seeds)" in panel.get("data-names", "")
    assert [len(notes(panel, f"seed {seed}")) for seed in range(6)] == [2, 2, 2, 2, 0, 0]
    assert notes(panel, "median over seeds") == ["rnn", "gru"]
    root = drawn(tmp_path / "profiles", "profile", *learning(("rnn", "gru"), 6))
    assert root is not None
    assert "lag (steps before the answer) (4 of 6 seeds)" in panels(root)[0].get("data-names", "")


def test_up_to_fifty_curves_every_seed_is_seen(tmp_path: Path) -> None:
    root = drawn(tmp_path, "learning", *learning(("rnn", "gru"), 6))
    assert root is not None
    (panel,) = panels(root)
    assert panel.get("data-names", "").startswith('["training step", ')
    assert [len(notes(panel, f"seed {seed}")) for seed in range(6)] == [2] * 6
    assert notes(panel, "median over seeds") == []
