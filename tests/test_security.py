"""What a stranger's text, file or folder must never do, and what must never be written down."""

import ast
import csv
import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import simulated

from seqbench import cli
from seqbench.config import compose
from seqbench.record.store import Store
from seqbench.registry import build
from seqbench.report import write as write_report
from seqbench.report.runs_table import runs_csv
from seqbench.schema import UsageError
from tests import fuzz, user_folder
from tests.test_fuzz import Structure
from tests.user_folder import HEADER, MODEL, TASK, refusal, write

ROOT = Path(__file__).parents[1]
PYTHON_FILES = sorted((ROOT / "seqbench").rglob("*.py"))
IMPORTS_BY_NAME = {"seqbench/registry.py", "seqbench/config/device.py"}
"""The first resolves classes below seqbench and the user's plugins only, the second imports torch."""
STARTS_PROGRAMS = {
    "seqbench/check/commits.py": "git",
    "seqbench/check/programs.py": "Python in the two trees that are compared",
    "seqbench/record/environment.py": "asks git for the commit",
    "seqbench/record/second.py": "starts this Python again to read half of a large store",
    "seqbench/sweep/launch_process.py": "starts this Python again as a Hydra launcher",
}
OPENS_SOCKETS = {"seqbench/config/launcher.py"}
"""Asks whether the Ray cluster that the user names answers."""
FIGURES = ("learning", "norm", "profile", "flow", "states", "saliency", "gates")
"""What the report draws of a simulated GRU."""
empty_folder, mine = user_folder.empty_folder, user_folder.mine


# ------------------------------------------------------------------ no way from data to code


def violations(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            if node.attr in ("system", "popen") or node.attr.startswith(("exec", "spawn", "posix_spawn")):
                yield f"os.{node.attr}"
        elif isinstance(node, ast.keyword) and node.arg == "shell":
            yield "shell"
        elif isinstance(node, ast.keyword) and node.arg == "weights_only":
            yield "torch.load"
        elif isinstance(node, ast.Attribute) and node.attr in ("import_module", "exec_module", "load_module"):
            yield "import by name"
        elif isinstance(node, ast.Attribute) and node.attr in (
            "UnsafeLoader",
            "FullLoader",
            "Loader",
            "unsafe_load_all",
        ):
            yield "unsafe YAML"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            yield from (f"program {name}" for name in names if name in ("subprocess", "pty", "commands"))
            yield from (
                f"network {name}"
                for name in names
                if name.partition(".")[0] in ("socket", "urllib", "http", "requests")
            )


ALLOWED = {"import by name": IMPORTS_BY_NAME, "program subprocess": STARTS_PROGRAMS, "network socket": OPENS_SOCKETS}


@pytest.mark.parametrize("path", PYTHON_FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_file_starts_programs_opens_the_network_or_imports_by_name_but_for_the_named_ones(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    assert [found for found in violations(path.read_text()) if name not in ALLOWED.get(found, ())] == []


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.system('x')",
        "import os\nos.popen('x')",
        "run('x', shell=True)",
        "import subprocess",
        "from subprocess import run",
        "import importlib\nimportlib.import_module(x)",
        "import yaml\nyaml.parse(x, Loader=yaml.UnsafeLoader)",
        "from urllib.request import urlopen",
    ],
)
def test_the_search_finds_what_it_looks_for(source: str) -> None:
    assert list(violations(source))


def build_model(*words: str, folder: Path) -> Any:
    (cell,) = compose(words, folder).cells
    return build(cell.model, "model", cell.plugins)


@pytest.mark.parametrize(
    "target", ["os:system", "subprocess:Popen", "builtins:eval", "seqbench_evil:X", "seqbench:cli", "seqbench.cli:main"]
)
def test_a_yaml_file_reaches_no_code_but_classes_of_ours_and_of_the_plugins(
    mine: Path, target: str, empty_folder: Path
) -> None:
    write(mine, "model/evil.yaml", MODEL.replace("mine:Mine", target))
    with pytest.raises(UsageError):
        build_model("task=my_task", "model=evil", "plugins=[mine]", folder=mine)
    assert list(empty_folder.iterdir()) == []


# ------------------------------------------------------------------ YAML that asks for gigabytes

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 10)
)
PAIRS = "a0: &a0 [x, x]\n" + "".join(f"a{level}: &a{level} [*a{level - 1}, *a{level - 1}]\n" for level in range(1, 40))
MERGES = "a0: &a0 {k: 1}\n" + "".join(
    f"a{level}: &a{level} {{<<: *a{level - 1}, k{level}: *a{level - 1}}}\n" for level in range(1, 40)
)
YAML = {
    "ten times ten aliases": (BOMB, "use at most 20 aliases"),
    "pairs of aliases": (PAIRS, "use at most 20 aliases"),
    "merged mappings": (MERGES, "use at most 20 aliases"),
    "deep lists": ("a: " + "[" * 20_000 + "]" * 20_000 + "\n", "nest at most 20 deep"),
    "deep mappings": ("".join(" " * level + "a:\n" for level in range(200)), "nest at most 20 deep"),
    "open brackets": ("a: " + "[" * 30_000, "nest at most 20 deep"),
    "large": ("# " + "x" * 70_000 + "\n", "have at most 65536 bytes"),
    "sparse": (None, "have at most 65536 bytes"),
}


@pytest.mark.parametrize("where", ["model/evil.yaml", "task/deep/evil.yaml", "sweep/evil.yaml", "tuned/evil.yaml"])
@pytest.mark.parametrize("kind", YAML)
@pytest.mark.usefixtures("empty_folder")
def test_a_yaml_file_that_asks_for_gigabytes_is_refused_at_once(mine: Path, kind: str, where: str) -> None:
    text, rule = YAML[kind]
    start = {"model": MODEL, "task": TASK, "sweep": HEADER, "tuned": ""}[where.partition("/")[0]]
    write(mine, where, start + (text or ""))
    if text is None:
        os.truncate(mine / where, 10 << 30)
    words = {
        "model": ["model=evil"],
        "task": ["task=deep/evil"],
        "sweep": ["+sweep=evil"],
        "tuned": ["study.tuned=evil"],
    }
    began = time.process_time()
    told = refusal(*words[where.partition("/")[0]], "plugins=[mine]", folder=mine)
    assert time.process_time() - began < 1
    assert rule in told
    assert str(mine / where) in told


@pytest.mark.usefixtures("empty_folder")
def test_aliases_in_moderation_are_accepted(mine: Path) -> None:
    write(
        mine,
        "model/twice.yaml",
        "# x\ntarget: mine:Mine\nlearning_rate: &rate 0.1\nother: *rate\nsame: [*rate, *rate]\n",
    )
    (cell,) = compose(["task=my_task", "model=twice", "plugins=[mine]"], mine).cells
    assert (cell.model["other"], cell.model["same"]) == (0.1, [0.1, 0.1])


@pytest.mark.parametrize(
    "line", ["day: 2021-13-45", "x: 0b_", "x: !!int abc", "x: !!timestamp soon", "x: !!float [1]", "x: &a [*a]"]
)
@pytest.mark.usefixtures("empty_folder")
def test_a_value_that_yaml_cannot_make_is_refused_where_it_is_used_and_only_there(line: str, mine: Path) -> None:
    write(mine, "model/odd.yaml", MODEL + line + "\n")
    assert len(compose(["task=my_task", "model=gru", "plugins=[mine]"], mine).cells) == 1
    with suppress(UsageError):  # a text that only looks like a date is a value like any other
        compose(["task=my_task", "model=odd", "plugins=[mine]"], mine)


@pytest.mark.usefixtures("empty_folder")
def test_what_is_no_file_in_the_users_folder_is_no_choice_and_is_never_opened(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(mine / "model" / "pipe.yaml")
    (mine / "model" / "zero.yaml").symlink_to("/dev/zero")
    (mine / "model" / "loop.yaml").symlink_to("loop.yaml")
    (mine / "model" / "folder.yaml").mkdir()
    write(mine, "model/odd\x1b[31m.yaml", MODEL)
    write(mine, "model/loud.yaml", "# \x1b[31mred\x07\n" + MODEL)
    assert cli.main(["ls", "models", "--config-dir", str(mine)]) == 0
    listed = capsys.readouterr().out
    assert listed.replace("\n", "").isprintable()
    assert "?[31mred?" in listed
    assert not {"pipe", "zero", "loop", "folder"} & set(listed.split())
    assert "model must be one of" in refusal("model=pipe", folder=mine)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("model/evil.yaml", MODEL + 'x: {"\\e[31m": "${a}"}\n'),
        ("model/evil.yaml", "# @package \x1b[31m\n" + MODEL),
        ("model/evil.yaml", MODEL + 'x: "\x1b[31m"\n'),
        ("sweep/evil.yaml", HEADER + '"\\e[31m": 1\n'),
        ("sweep/evil.yaml", HEADER + 'hydra: {"\\e[31m": 1}\n'),
        ("sweep/evil.yaml", HEADER + 'study: {name: "\\e[31m"}\n'),
        ("sweep/evil.yaml", HEADER + 'model: {embed: "\\e[31m"}\n'),
        ("sweep/evil.yaml", HEADER + 'defaults: [{override /model: "\\e[31m"}, _self_]\n'),
    ],
)
@pytest.mark.usefixtures("empty_folder")
def test_a_terminal_is_never_told_what_to_do_by_a_yaml_file(mine: Path, file: str, text: str) -> None:
    write(mine, file, text)
    fuzz.check_message(refusal("+sweep=evil" if file.startswith("sweep") else "model=evil", folder=mine))


@pytest.mark.usefixtures("empty_folder")
def test_a_whole_disk_as_folder_of_configuration_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.process_time()
    assert compose([], Path("/")).cells
    assert time.process_time() - began < 3


# ------------------------------------------------------------------ secrets

SECRET = "canary-8c1f7d20"
VARIABLES = (
    "AWS_SECRET_ACCESS_KEY",
    "WANDB_API_KEY",
    "MY_PASSWORD",
    "HYDRA_TOKEN",
    "SEQBENCH_TOKEN",
    "GITHUB_TOKEN",
    "GIT_ASKPASS_TOKEN",
)


@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize(
    "form",
    [
        "store=${oc.env:%s}",
        "task.path='${oc.env:%s}'",
        "+study.name=${oc.env:%s,x}",
        "study.name=a${oc.decode:${oc.env:%s}}",
    ],
)
@pytest.mark.usefixtures("empty_folder")
def test_a_word_cannot_read_the_environment(name: str, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, SECRET)
    told = refusal(form % name)
    assert "interpolation" in told
    assert SECRET not in told


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("model/evil.yaml", MODEL + "x: ${oc.env:MY_PASSWORD}\n"),
        ("task/evil.yaml", TASK + "x: [1, '${oc.env:MY_PASSWORD}']\n"),
        ("sweep/evil.yaml", HEADER + "study: {description: '${oc.env:MY_PASSWORD}'}\n"),
        ("sweep/evil.yaml", HEADER + "hydra: {sweeper: {params: {model.embed: '${oc.env:MY_PASSWORD}'}}}\n"),
        ("sweep/evil.yaml", HEADER + "defaults: [{override /model: '${oc.env:MY_PASSWORD}'}, _self_]\n"),
    ],
)
@pytest.mark.usefixtures("empty_folder")
def test_a_yaml_file_cannot_read_the_environment(
    mine: Path, file: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_PASSWORD", SECRET)
    write(mine, file, text)
    group = file.partition("/")[0]
    word = "+sweep=evil" if group == "sweep" else f"{group}=evil"
    assert SECRET not in refusal(word, "plugins=[mine]", folder=mine)


@pytest.mark.slow
def test_no_secret_of_the_environment_is_written_or_printed_by_a_sweep(mine: Path, tmp_path: Path) -> None:
    """One run completes and one fails, so that its traceback is written too."""
    (tmp_path / "code" / "broken.py").write_text(
        "import os\nfrom torch import nn\n"
        "class Broken(nn.Module):\n"
        "    def __init__(self, input_size, length):\n        super().__init__()\n        self.calls = 0\n"
        "        self.line = nn.Linear(input_size, 4)\n        self.width = 4\n"
        "    def forward(self, x, lengths=None):\n        secret = os.environ['MY_PASSWORD']\n        self.calls += 1\n"
        "        if self.calls > 12:\n            raise RuntimeError('broken on purpose')\n"
        "        return self.line(x)\n"
    )
    write(mine, "model/broken.yaml", "# x\ntarget: broken:Broken\nlearning_rate: 0.01\n")
    environment = {**os.environ, **dict.fromkeys(VARIABLES, SECRET), "HYDRA_FULL_ERROR": "1"}
    environment["PYTHONPATH"] = f"{ROOT}:{tmp_path / 'code'}"
    here = tmp_path / "here"
    here.mkdir()
    words = [
        "task=smoke/copy_3",
        "model=rnn,broken",
        "train=smoke",
        "plugins=[mine,broken]",
        "--config-dir",
        str(mine),
        "cost=false",
    ]
    command = [sys.executable, "-m", "seqbench", *words]
    done = subprocess.run(command, cwd=here, env=environment, capture_output=True, timeout=240)
    statuses = {record.status for record in Store(here / "results/runs").records()}
    assert statuses == {"completed", "failed"}, done.stderr.decode()
    assert b"broken on purpose" in b"".join(path.read_bytes() for path in here.rglob("record.json"))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"record.json", "index.html", "report.md", "runs.csv"} <= {path.name for path in files}
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    assert SECRET.encode() not in done.stdout + done.stderr
    recorded = Store(here / "results/runs").records()[0].environment
    assert not set(recorded) & set(environment)


# ------------------------------------------------------------------ a stranger's store


def test_no_link_in_a_store_leads_out_of_it(tmp_path: Path) -> None:
    outside, store = Store(tmp_path / "outside"), Store(tmp_path / "runs")
    away = outside.publish(*simulated.learning("copy_10", "gru", 0))
    kept = store.publish(*simulated.learning("copy_10", "gru", 1))
    (store.root / away.name).symlink_to(away)
    for number, name in ((2, "record.json"), (3, "arrays.npz")):
        folder = store.publish(*simulated.learning("copy_10", "gru", number))
        outside.publish(*simulated.learning("copy_10", "gru", number))
        (folder / name).unlink()
        (folder / name).symlink_to(outside.root / folder.name / name)
    assert [store.path(record).name for record in store.records()] == [kept.name]
    assert len(store.problems) == 3


def test_publishing_never_writes_through_a_link(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    store.root.mkdir()
    record, arrays = simulated.learning("copy_10", "gru", 0)
    (tmp_path / "target").mkdir()
    store.path(record).symlink_to(tmp_path / "target")
    folder = store.publish(record, arrays)
    assert folder.name.endswith("-2")
    assert list((tmp_path / "target").iterdir()) == []


def test_names_in_a_record_choose_no_file_of_the_report(tmp_path: Path) -> None:
    labels = {"task": "../../up", "model": "/etc/passwd", "variant": "a/b\0c"}
    record, arrays = simulated.learning("copy_10", "gru", 0, labels=labels, study="../up")
    store = Store(tmp_path / "runs")
    store.publish(record, arrays)
    before = set(fuzz.snapshot(tmp_path))
    out = write_report(store, tmp_path / "out", study="../up").parent
    made = {Path(path) for path in set(fuzz.snapshot(tmp_path)) - before}
    figures = {out / "figures" / f"{name}.svg" for name in FIGURES}
    tables = {out / "runs.csv", out / "verdicts.csv"}
    assert made == {out, out / "figures", out / "index.html", out / "report.md", *tables, *figures}


# ------------------------------------------------------------------ names in figures and tables


def elements(svg: str) -> list[Any]:
    return [(node.tag, sorted(node.attrib)) for node in ElementTree.fromstring(svg).iter()]


def drawn(tmp_path: Path, names: list[str]) -> tuple[list[Any], list[Any]]:
    """Tags of the page, with the names of their attributes, and those of the figures, of runs alike but for names."""
    store = Store(tmp_path / "runs")
    record, arrays = simulated.learning("copy_10", "gru", 0)
    for number, name in enumerate(names):
        identity = {"run_id": f"{number:016x}", "cell_id": f"{number:016x}"}
        store.publish(replace(record, labels={"task": names[0], "model": name, "variant": name}, **identity), arrays)
    out = write_report(store, tmp_path / "out", study=names[0], reference=names[0]).parent
    figures = [elements(path.read_text()) for path in sorted((out / "figures").iterdir())]
    page = Structure((out / "index.html").read_text()).tags
    return [tag if isinstance(tag, str) else (tag[0], [name for name, _ in tag[1]]) for tag in page], figures


PORTIONS = fuzz.portions(cases=60, soak=600, portion=30)


@pytest.mark.parametrize("numbers", PORTIONS)
def test_any_name_is_text_and_nothing_else_in_figures(numbers: range, tmp_path: Path) -> None:
    size = 5
    plain = drawn(tmp_path / "plain", [f"x{number}" for number in range(size)])

    def case(random: Random) -> None:
        names = [fuzz.text(random, 300)[:300] + f"x{number}" for number in range(size)]
        folder = tmp_path / str(random.random())
        assert drawn(folder, names) == plain

    fuzz.run("figure", range(numbers.start // size, numbers.stop // size), case)


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t=", "\r=", "\n=", " =", "\u00a0=", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\x00="]
)
def test_a_spreadsheet_finds_no_formula_in_text(start: str) -> None:
    text = f'{start}HYPERLINK("http://example.org","x")'
    labels = {"task": text, "model": text, "variant": text}
    record, _ = simulated.learning("copy_10", "gru", 0, labels=labels, command=text, study=text)
    (row,) = csv.DictReader(io.StringIO(runs_csv([record]), newline=""))
    for column in ("task", "model", "variant", "command", "study"):
        assert row[column].startswith(("'", "?"))
        assert row[column].endswith('HYPERLINK("http://example.org","x")')
        assert row[column].isprintable()


def test_numbers_in_the_runs_table_are_left_alone() -> None:
    record, _ = simulated.learning("copy_10", "gru", 0)
    summary = {**record.summary, "score": -1.5e-7, "skill": -2, "steps": 3, "clip_fraction": np.float64(0.25)}
    (row,) = csv.DictReader(io.StringIO(runs_csv([replace(record, summary=summary)]), newline=""))
    assert [row[column] for column in ("score", "skill", "steps", "clip_fraction")] == ["-1.5e-07", "-2", "3", "0.25"]


# ------------------------------------------------------------------ odd places


@pytest.mark.slow
@pytest.mark.parametrize("locale", ["C", pytest.param("C.UTF-8", marks=pytest.mark.soak)])
def test_folders_with_any_name_work_in_any_locale(tmp_path: Path, locale: str) -> None:
    here = tmp_path / "späße \u0441 \u65e5\u672c" / ("n" * 200)
    (here / "runs é").mkdir(parents=True)
    store = Store(here / "runs é")
    store.publish(*simulated.learning("copy_10", "gru", 0))
    environment = {**os.environ, "LC_ALL": locale, "PYTHONPATH": str(ROOT)}
    for words in (
        ["plan", "store='runs é'"],
        ["report", "--store", "runs é", "--out", "page ü"],
        ["plan", "store=./a/../b"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "seqbench", *words], cwd=here, env=environment, capture_output=True, timeout=120
        )
        assert (done.returncode, done.stderr) == (0, b"")
    assert (here / "page ü" / "index.html").is_file()
    assert max(len(path.name.encode()) for path in here.rglob("*")) <= 255


@pytest.mark.parametrize("words", [["plan"], ["plan", "store=runs"], ["ls"], ["report"], ["sead=3"]])
def test_a_folder_that_was_deleted_under_us_is_no_traceback(tmp_path: Path, words: list[str]) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    program = "import os, sys; os.rmdir(os.getcwd()); from seqbench.cli import main; sys.exit(main())"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=gone, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode in (0, 2)
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == (done.returncode == 2)
