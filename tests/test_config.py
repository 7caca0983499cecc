"""Words to studies: what is refused and how, how cells are made, labelled, and trained alone again."""

import shlex
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqbench.config import compose, composer, device
from seqbench.config.folder import Folders, own_folder
from seqbench.config.words import Word, parse, render
from seqbench.schema import Study, UsageError

SWEEPS = sorted(Folders(own=own_folder()).choices("sweep"))
MODEL = """\
# A layer of mine.
target: mine:Mine
learning_rate: 0.01
width: 8
scale: 1.0
name: a
bias: true
sizes: [1, 2]
"""
TASK = "# A task of mine.\ntarget: mine:Mine\nbudget: 10\npath: null\nlength: 4\n"
HEADER = "# @package _global_\n"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with nothing in it but what a test puts there."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(device, "NODES", ())  # the same answers on a machine with a GPU
    return here


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's configuration folder with one model and one task of the module ``mine``."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "mine.py").write_text("class Mine:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path / "code")
    write(tmp_path / "user", "model/my_layer.yaml", MODEL)
    write(tmp_path / "user", "task/my_task.yaml", TASK)
    return tmp_path / "user"


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def my_study(folder: Path, *words: str) -> Study:
    return compose(["task=my_task", "model=my_layer", "plugins=[mine]", *words], folder)


def refusal(*words: str, folder: Path | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        compose(words, folder)
    return str(caught.value)


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


REFUSED = {
    "sead=3": ("sead", "seeds"),
    "+sead=3": ("+sead", "seeds"),
    "++sead=3": ("++sead", "seeds"),
    "~sead": ("~sead", "seeds"),
    "~seeds": ("removed",),
    "~model": ("removed",),
    "~sweep": ("+sweep",),
    "+seeds=3": ("without the plus",),
    "model.widht=3": ("model gru", "'model.width'"),
    "width=3": ("'model.width'",),
    "model=gruu": ("lstm", "'model=gru'"),
    "model=null": ("model must be one of",),
    "model=": ("model must be one of",),
    "model=[gru,lstm]": ("model must be one of",),
    "task=long": ("task must be one of",),
    "model.width=abc": ("whole number", "abc"),
    "model.width=3.5": ("whole number", "3.5"),
    "model.width=true": ("whole number", "true"),
    "model.width=null": ("whole number", "null"),
    "model.width=9223372036854775808": ("whole number",),
    "model.learning_rate=x": ("finite number",),
    "model.learning_rate=nan": ("finite number",),
    "model.learning_rate=1e400": ("finite number",),
    "model.learning_rate=0": ("above 0",),
    "model.embed=3": ("text", "\"'3'\""),
    "model.embed_size=true": ("null", "true"),
    "model.target=os:system": ("YAML file",),
    "task.version=2": ("YAML file",),
    "task.budget=0": ("at least 1",),
    "train.clip=x": ("number or null",),
    "train.clip=-1": ("above 0",),
    "train.batch_size=1.5": ("whole number",),
    "cost=1": ("true or false",),
    "seeds=0": ("1 to 10000",),
    "seeds=-2": ("1 to 10000",),
    "seeds=99999999999": ("1 to 10000",),
    "seeds=1.5": ("whole number",),
    "seeds=true": ("whole number",),
    "seeds=[]": ("whole numbers from 0",),
    "seeds=[0,0]": ("different",),
    "seeds=[-1]": ("from 0 to 2147483647",),
    "seeds=[2147483648]": ("from 0 to 2147483647",),
    "seeds=[0.5]": ("whole numbers",),
    "seeds=[true]": ("whole numbers",),
    "seeds=0,1": ("one value", "seeds=[0,1]"),
    "store=a,b": ("one value",),
    "store=": ("store", "folder"),
    "device=tpu": ("auto, cpu or cuda", "tpu"),
    "device=cuda": ("none", "device=cpu"),
    "lanes=0": ("at least 1",),
    "lanes=true": ("whole number",),
    "rerun=x": ("missing, failed, all",),
    "scale=x": ("default", "x"),
    "plugins=mine": ("a list",),
    "plugins=[a-b]": ("module names",),
    "plugins=[1]": ("module names",),
    "sweep=smoke": ("'+sweep=smoke'",),
    "+sweep=smok": ("'+sweep=smoke'",),
    "+sweep=smoke,long_seq": ("one value",),
    "+sweep=[smoke,long_seq]": ("one sweep",),
    "study.tuned=nothing": ("tuned must be one of",),
    "study.reference=grru": ("'model=gru'",),
    "study.scales=x": ("study.scales",),
    "hydra.run.dir=x": ("Hydra's own",),
    "hydra/launcher=joblib": ("Hydra's own",),
    "+hydra.job.name=x": ("Hydra's own",),
    "model._target_=os.system": ("_target_",),
    "model.width=${oc.env:HOME}": ("interpolation",),
    "model@x=gru": ("package",),
    "model={width:3}": ("plain value",),
    "model.width=interval(0,1)": ("finite set",),
    "model.width=range(0,9,0)": ("range",),
    "model.width=range(9,1)": ("none",),
    "model.width=range(1,99999)": ("10000",),
    "model.width=range(1,9000) model.depth=1,2": ("at most 10000 cells",),
    "model=gru model=lstm": ("twice",),
    "gru": ("'model=gru'",),
    "smoke": ("'+sweep=smoke'",),
    "--seed 3": ("seeds=3",),
    "--seed=3": ("seeds=3",),
    "--steps 9": ("train.steps=9",),
    "--multirun": ("not needed",),
    "--config-dir": ("followed by a folder",),
    "--config-dir nowhere": ("existing folder", "nowhere"),
    "task.delay=-1 model.width=a'b": ("grammar",),
    "=3": ("Name the key",),
}


@pytest.mark.parametrize("words", REFUSED)
def test_a_wrong_word_is_refused_in_one_line_that_says_what_to_do(words: str, empty_folder: Path):
    message = refusal(*words.split(" "))
    assert "\n" not in message
    assert len(message) < 1000
    for part in REFUSED[words]:
        assert part in message
    assert list(empty_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("word", "part"),
    [
        ("", "empty"),
        (" ", "empty"),
        ("seeds=\x00", "control"),
        ("seeds=3\n", "control"),
        ("seeds=\x1b[31m", "control"),
        ("store=\udcff", "UTF-8"),
        ("store=" + "x" * 30_000, "20000"),
        ("x" * 5_000 + "=1", "at most 100 characters"),
        ("seeds=" + "[" * 9_000, "brackets"),
        ("seeds=" + "[" * 90, "grammar"),
    ],
)
def test_words_that_no_terminal_should_print_are_refused(word: str, part: str):
    message = refusal(word)
    assert part in message
    assert message.isprintable()
    assert len(message) < 400


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=12), st.sampled_from(["", "seeds=", "+", "~", "model.width=[", "model.width=range("]))
def test_any_text_is_parsed_or_refused_and_nothing_else(text: str, start: str):
    try:
        words = parse([start + text], lambda group: ["gru"])
    except UsageError:
        return
    assert all(isinstance(word, Word) for word in words.values())


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["C", "Z"]), max_size=6),
        st.lists,
        max_leaves=4,
    )
)
@settings(max_examples=100, deadline=None)
def test_rendered_values_are_read_back_as_they_were(value: object):
    if "${" in str(value) or "_target_" in str(value):
        return
    assert parse([f"key={render(value)}"], lambda group: [])["key"].values == (value,)


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


def test_the_command_of_a_users_cell_asks_for_the_same_cell(mine: Path):
    values = ["model.name='a b, c'", "model.sizes=[1,null,'x y']", "task.length=7", "model.scale=1e-7"]
    (cell,) = my_study(mine, *values).cells
    (again,) = compose(shlex.split(cell.command)[3:]).cells
    assert again.identity() == cell.identity()
    assert cell.model["name"] == "a b, c"


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
