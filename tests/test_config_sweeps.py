"""Sweeps: ours ask for what they say, wrong ones are refused by name, tuned rates are applied."""

import shlex
from pathlib import Path

import pytest

from seqbench.config import compose, composer
from seqbench.config.about import about_sweep
from seqbench.config.folder import Folders, own_folder
from tests import user_folder
from tests.user_folder import HEADER, MODEL, refusal, write

empty_folder = user_folder.empty_folder
mine = user_folder.mine
pytestmark = pytest.mark.usefixtures("empty_folder")
SWEEPS = sorted(Folders(own=own_folder()).choices("sweep"))


@pytest.mark.parametrize("sweep", SWEEPS)
def test_the_command_of_every_cell_of_every_sweep_asks_for_the_same_cell(sweep: str, monkeypatch: pytest.MonkeyPatch):
    known: dict[object, object] = {}  # what Hydra made of equal choices is made once, for speed
    original = composer.Composer.__init__
    monkeypatch.setattr(
        composer.Composer, "__init__", lambda self, *a: original(self, *a) or setattr(self, "_known", known)
    )
    for cell in compose([f"+sweep={sweep}"]).cells:
        words = shlex.split(cell.command)
        assert words[:3] == ["python", "-m", "seqbench"]
        (again,) = compose(words[3:]).cells
        assert again.identity() == cell.identity()
        assert again.command == cell.command


@pytest.mark.parametrize("sweep", SWEEPS)
def test_every_cell_of_every_sweep_has_labels_of_its_own(sweep: str):
    cells = compose([f"+sweep={sweep}"]).cells
    assert len({tuple(cell.labels.values()) for cell in cells}) == len(cells) > 1


def test_a_model_on_the_command_line_narrows_a_sweep():
    study = compose(["+sweep=long_seq", "model=gru", "seeds=2"])
    assert {cell.labels["model"] for cell in study.cells} == {"gru"}
    assert [len(study.cells), study.cells[0].seeds, study.cells[0].study] == [5, (0, 1), "long_seq"]
    assert (study.name, study.reference) == ("long_seq", "gru")


def test_long_seq_is_five_models_on_five_tasks_with_five_seeds_and_ten_at_large_scale():
    small, large = compose(["+sweep=long_seq"]), compose(["+sweep=long_seq", "scale=large", "model=gru"])
    assert len(small.cells) == 25
    assert {cell.seeds for cell in small.cells} == {(0, 1, 2, 3, 4)}
    assert {len(cell.seeds) for cell in large.cells} == {10}
    assert "copy_1000" in {cell.labels["task"] for cell in large.cells}


def test_tuning_never_sees_the_seeds_of_the_study_or_its_store():
    tune = compose(["+sweep=tune_long_seq", "model=gru"])
    study = compose(["+sweep=long_seq", "scale=large", "model=gru"])
    assert {seed for cell in tune.cells for seed in cell.seeds} == {1000, 1001}
    assert not {1000, 1001} & {seed for cell in study.cells for seed in cell.seeds}
    assert tune.options.store != study.options.store
    assert {cell.model["learning_rate"] for cell in tune.cells} == {0.001, 0.003, 0.01}
    assert compose(["+sweep=tune_long_seq", "scale=large", "model=gru"]).cells[0].seeds == (1000, 1001)


def test_cells_of_a_sweep_cost_few_compositions(monkeypatch: pytest.MonkeyPatch):
    """Hydra takes 50 ms a composition: 25 cells need one for the sweep and one a task-and-model pair in step."""
    made: list[object] = []
    original = composer.compose
    monkeypatch.setattr(composer, "compose", lambda *a, **k: made.append(a) or original(*a, **k))
    compose(["+sweep=long_seq"])
    assert len(made) == 6


def sweep_words(folder: Path, text: str, *words: str) -> tuple[str, ...]:
    write(folder, "sweep/my_sweep.yaml", text)
    return ("+sweep=my_sweep", "task=my_task", "model=my_layer", "plugins=[mine]", *words)


PARAMS = HEADER + "hydra: {sweeper: {params: %s}}\n"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("study: {name: a}\n", "# @package _global_"),
        (PARAMS % "{model: [gru, lstm]}", '"gru,lstm"'),
        (PARAMS % "{sead: 3}", "sead (in sweep my_sweep)"),
        (PARAMS % "{seeds: 0}", "seeds must be 1"),
        (PARAMS % "{model.width: x}", "(in sweep my_sweep)"),
        (PARAMS % "{hydra.run.dir: x}", "Hydra's own"),
        (PARAMS % "{model.width: '${x}'}", "interpolation"),
        (HEADER + "hydra: {launcher: {n_jobs: 3}}\n", "hydra.launcher.n_jobs"),
        (HEADER + "model: {widht: 3}\n", "'model.width'"),
        (HEADER + "model: {width: x}\n", "whole number"),
        (HEADER + "sead: 3\n", "'seeds'"),
        (HEADER + "store: 3\n", "store must be text"),
        (HEADER + "study: {sclaes: {}}\n", "'study.scales'"),
        (HEADER + "study: {scales: {big: 3}}\n", "scale must be one of default, big"),
        (HEADER + "study: [\n", "must be YAML"),
        (HEADER + "defaults: [nothing]\n", "nothing"),
    ],
)
def test_a_wrong_sweep_file_is_refused_by_name(mine: Path, text: str, part: str):
    words = [word for word in sweep_words(mine, text, "scale=bog") if "big" in text or word != "scale=bog"]
    words = [word for word in words if not (word.startswith("model=") and "gru" in text)]
    assert part in refusal(*words, folder=mine)


def test_values_in_a_sweep_file_apply_to_every_model_and_give_way_to_the_command_line(mine: Path):
    write(mine, "model/wide.yaml", MODEL.replace("width: 8", "width: 16").replace("scale: 1.0", "scale: 2.0"))
    words = sweep_words(mine, HEADER + "model: {width: 16}\nseeds: 2\n")
    cells = compose([word for word in words if "model=" not in word] + ["model=my_layer,wide"], mine).cells
    assert [cell.model["width"] for cell in cells] == [16, 16]
    assert [cell.labels["model"] for cell in cells] == ["my_layer width=16", "wide"]
    assert cells[0].seeds == (0, 1)
    assert compose([*words, "model.width=4", "seeds=1"], mine).cells[0].model["width"] == 4


def test_a_sweep_file_may_choose_groups_in_its_defaults(mine: Path):
    words = sweep_words(mine, HEADER + "defaults: [{override /train: smoke}, _self_]\n")
    assert compose(words, mine).cells[0].train.steps == 20


TUNED = """\
source: test
grid: [0.1, 0.5]
trials: 2
learning_rate: {my_task: {my_layer: 0.5}}
steps: {my_task: {my_layer: 7}}
"""


def test_tuned_rates_are_applied_without_a_label_unless_one_is_given(mine: Path):
    write(mine, "tuned/my_rates.yaml", TUNED)
    words = sweep_words(mine, HEADER + "study: {tuned: my_rates}\n")
    study = compose(words, mine)
    (cell,) = study.cells
    assert (cell.model["learning_rate"], cell.labels["variant"]) == (0.5, "")
    assert study.expected_steps == {("my_task", "my_layer"): 7}
    assert "0.1, 0.5, 2 trials each" in study.tuning
    assert "model.learning_rate=0.5" in cell.command
    given = compose([*words, "model.learning_rate=0.25"], mine)
    assert given.cells[0].labels["variant"] == "learning_rate=0.25"
    assert given.tuning == ""


def test_a_rate_tuned_at_other_sizes_is_not_claimed(mine: Path):
    write(mine, "tuned/my_rates.yaml", TUNED)
    study = compose(sweep_words(mine, HEADER + "study: {tuned: my_rates}\n", "model.width=8,16"), mine)
    assert [cell.model["learning_rate"] for cell in study.cells] == [0.5, 0.01]
    assert "1 of 2 pairs" in study.tuning


def test_a_broken_table_of_rates_is_refused(mine: Path):
    words = sweep_words(mine, HEADER + "study: {tuned: my_rates}\n")
    for text in ("grid: []\n", TUNED.replace("0.5}}", "x}}"), TUNED.replace("my_layer: 0.5", "my_layer: -1"), "a: ["):
        write(mine, "tuned/my_rates.yaml", text)
        message = refusal(*words, folder=mine)
        assert "tuned" in message or "my_rates" in message


def test_a_report_of_several_sweeps_has_what_they_agree_on():
    both, one = about_sweep({"long_seq", "dependency", None}), about_sweep({"long_seq"})
    assert (both["study"], both["reference"], both["tuning"]) == (None, "gru", "")
    assert both["trials"].items() > one["trials"].items()
    assert (one["study"], one["reference"]) == ("long_seq", "gru")
    assert about_sweep({"long_seq", "elsewhere"}) == {}
    assert about_sweep({"elsewhere"}) == {"study": "elsewhere"}
    assert about_sweep({None}) == {}
