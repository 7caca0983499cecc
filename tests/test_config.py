"""Cells: how words become cells, how these are labelled, and that each is trained alone again by its command."""

import os
import shlex
from pathlib import Path

import pytest

from seqbench.config import compose
from seqbench.schema import Study, UsageError
from tests import user_folder
from tests.user_folder import MODEL, TASK, my_study, refusal, write

empty_folder = user_folder.empty_folder
mine = user_folder.mine
pytestmark = pytest.mark.usefixtures("empty_folder")


def test_no_words_ask_for_the_default_cell():
    study = compose([])
    (cell,) = study.cells
    assert (cell.labels, cell.seeds, cell.device) == (
        {"task": "copy_memory", "model": "gru", "variant": ""},
        (0,),
        "cpu",
    )
    assert study.name is None
    assert study.options.lanes is None


def test_values_take_the_types_of_the_yaml_file(mine: Path):
    (cell,) = my_study(mine, "model.scale=2", "model.bias=false", "model.sizes=[3]", "task.path=null").cells
    assert (cell.model["scale"], cell.model["bias"], cell.model["sizes"]) == (2.0, False, [3])
    assert isinstance(cell.model["scale"], float)
    for word in ("model.scale=true", "model.bias=1", "model.sizes=3", "model.name=1", "model.sizes=[{a:1}]"):
        assert word.partition("=")[0] in refusal("task=my_task", "model=my_layer", "plugins=[mine]", word, folder=mine)


def test_a_null_takes_numbers_text_and_lists(mine: Path):
    write(mine, "model/nulls.yaml", MODEL + "free: null\n")
    for text, value in (("3", 3), ("0.5", 0.5), ("abc", "abc"), ("[a,1]", ["a", 1]), ("null", None)):
        (cell,) = my_study_of(mine, "nulls", f"model.free={text}").cells
        assert cell.model["free"] == value


def my_study_of(folder: Path, model: str, *words: str) -> Study:
    return compose(["task=my_task", f"model={model}", "plugins=[mine]", *words], folder)


def test_seeds_are_a_count_or_a_list():
    assert compose(["seeds=3"]).cells[0].seeds == (0, 1, 2)
    assert compose(["seeds=[3,0,2147483647]"]).cells[0].seeds == (3, 0, 2**31 - 1)


def test_swept_keys_expand_to_their_product_with_the_task_slowest():
    study = compose(["model.width=8,16", "task=copy_memory,adding_problem"])
    assert [(cell.labels["task"], cell.labels["model"]) for cell in study.cells] == [
        ("copy_memory", "gru width=8"),
        ("copy_memory", "gru width=16"),
        ("adding_problem", "gru width=8"),
        ("adding_problem", "gru width=16"),
    ]


def test_ranges_globs_and_choices_of_hydras_grammar_are_swept():
    assert [c.model["width"] for c in compose(["model.width=range(8,24,8)"]).cells] == [8, 16]
    assert [c.model["width"] for c in compose(["model.width=choice(8,9)"]).cells] == [8, 9]
    assert [c.labels["task"] for c in compose(["task=glob(long/copy_??)"]).cells] == ["copy_15", "copy_30"]


def test_equal_cells_are_kept_once():
    assert len(compose(["model.learning_rate=0.003,3e-3", "model=gru,gru"]).cells) == 1


def test_a_key_that_only_some_models_have_is_refused_by_name():
    assert "model lstm has no model.reset" in refusal("model=gru,lstm", "model.reset=before")


def test_labels_name_what_differs_from_the_yaml_files():
    words = [
        "task=adding_problem",
        "task.length=200",
        "model.width=128",
        "train.batch_size=8",
        "model.learning_rate=0.1",
    ]
    assert compose(words).cells[0].labels == {
        "task": "adding_problem length=200",
        "model": "gru width=128",
        "variant": "learning_rate=0.1 batch_size=8",
    }
    assert compose(["model.width=64", "train.steps=null"]).cells[0].labels["model"] == "gru"
    assert compose(["train=smoke"]).cells[0].labels["variant"] == "train=smoke"


def test_instruments_set_no_cell_apart():
    cells = compose(["+sweep=smoke", "instruments.gradient_profile=true,false", "device=cpu"]).cells
    assert len(cells) == len(compose(["+sweep=smoke", "device=cpu"]).cells)
    (off,) = compose(["instruments.gradient_profile=false", "device=cpu"]).cells
    (on,) = compose(["device=cpu"]).cells
    assert off.identity() == on.identity()
    assert off.labels == on.labels
    assert off.command != on.command


def test_cells_that_differ_never_share_all_labels(mine: Path, tmp_path: Path):
    write(mine, "task/other/my_task.yaml", TASK + "extra: 1\n")
    study = compose(["task=my_task,other/my_task", "model=my_layer", "plugins=[mine]", "model.name=1x,b"], mine)
    assert len({tuple(cell.labels.values()) for cell in study.cells}) == 4
    for name in ("one", "two"):
        write(tmp_path, f"{name}/data.csv", name)
    paths = f"task.path='{tmp_path}/one/data.csv','{tmp_path}/two/data.csv'"
    cells = my_study(mine, paths).cells
    assert cells[0].labels["task"] == cells[1].labels["task"] == "my_task path=data.csv"
    assert cells[0].labels["variant"] != cells[1].labels["variant"]


def test_the_command_of_a_users_cell_asks_for_the_same_cell(mine: Path):
    values = ["model.name='a b, c'", "model.sizes=[1,null,'x y']", "task.length=7", "model.scale=1e-7"]
    (cell,) = my_study(mine, *values).cells
    (again,) = compose(shlex.split(cell.command)[3:]).cells
    assert again.identity() == cell.identity()
    assert cell.model["name"] == "a b, c"


def test_optional_keys_of_a_users_files_are_filled_in(mine: Path):
    (cell,) = my_study(mine).cells
    assert (cell.model["version"], cell.model["embed"], cell.model["embed_size"]) == (1, "direct", None)
    assert cell.plugins == ("mine",)
    assert set(cell.identity()["sources"]) == {"task", "model"}


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("model/bad.yaml", "width: 3\n", "target, learning_rate is missing"),
        ("model/bad.yaml", "target: 3\nlearning_rate: 1\n", "module:Class"),
        ("model/bad.yaml", MODEL + "x: ${task.length}\n", "must be plain"),
        ("model/bad.yaml", MODEL + "x: {_target_: os.system}\n", "_target_"),
        ("model/bad.yaml", "# @package _global_\n" + MODEL, "its own keys only"),
        ("model/bad.yaml", "defaults: [{override /task: adding_problem}, _self_]\n" + MODEL, "compose"),
        ("model/bad.yaml", MODEL.replace("mine:Mine", "os:system"), "plugins=[os]"),
        ("model/bad.yaml", MODEL + "width: 9\n", "compose"),
        ("model/bad.yaml", "a: [\n", "compose"),
        ("model/gru.yaml", MODEL, "a name of its own"),
    ],
)
def test_a_wrong_file_of_the_users_is_refused(mine: Path, name: str, text: str, part: str):
    write(mine, name, text)
    assert part in refusal("task=my_task", "model=bad", "plugins=[mine]", folder=mine)


def test_a_target_needs_its_plugin(mine: Path):
    assert "plugins=[mine]" in refusal("task=my_task", "model=my_layer", folder=mine)


def test_data_is_hashed_and_its_absence_refused(mine: Path, tmp_path: Path):
    write(tmp_path, "data.csv", "1\n")
    (cell,) = my_study(mine, f"task.path='{tmp_path}/data.csv'").cells
    write(tmp_path, "data.csv", "2\n")
    (changed,) = my_study(mine, f"task.path='{tmp_path}/data.csv'").cells
    assert cell.data_sha256 == "4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865"
    assert changed.data_sha256 != cell.data_sha256
    assert "task.path" in refusal("task=my_task", "model=my_layer", "plugins=[mine]", "task.path=no.csv", folder=mine)


def test_a_time_series_is_checked_before_anything_is_written(empty_folder: Path):
    (empty_folder / "bad.csv").write_text("a\n1\nx\n")
    assert "bad.csv" in refusal("task=time_series", "task.source=csv", "task.path=bad.csv")
    assert "task.window" in refusal("task=time_series", "task.window=0")


def test_auto_becomes_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("seqbench.config.device.cuda_available", lambda: True)
    assert compose(["device=auto"]).cells[0].device == "cuda"
    (cell,) = compose(["device=cpu"]).cells
    assert compose(shlex.split(cell.command)[3:]).cells[0].device == "cpu"
    cells = compose(["device=cpu,cuda"]).cells
    assert [(cell.device, cell.labels["variant"]) for cell in cells] == [("cpu", "device=cpu"), ("cuda", "device=cuda")]


def test_a_folder_with_a_name_that_needs_quotes_is_searched(mine: Path, tmp_path: Path):
    odd = tmp_path / "my 'odd', folder"
    mine.rename(odd)
    (cell,) = my_study(odd).cells
    assert compose(shlex.split(cell.command)[3:]).cells[0].identity() == cell.identity()


@pytest.mark.parametrize("kind", ["url", "pipe", "folder"])
def test_what_is_no_plain_file_is_refused_without_being_opened(tmp_path: Path, kind: str) -> None:
    paths = {"url": "https://example.org/a.csv", "pipe": str(tmp_path / "pipe"), "folder": str(tmp_path)}
    os.mkfifo(tmp_path / "pipe")
    says = {
        "url": "a file on this machine; got the URL",
        "pipe": "is a device, pipe or socket",
        "folder": "is a folder",
    }
    with pytest.raises(UsageError, match=says[kind]):
        compose(["task=time_series", "task.source=csv", f"task.path='{paths[kind]}'"])
