"""A user's own folder of configuration files, and short ways to compose with it."""

from pathlib import Path

import pytest

from seqbench.config import compose, device
from seqbench.schema import Study, UsageError

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


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with nothing in it but what a test puts there."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(device, "NODES", ())  # the same answers on a machine with a GPU
    return folder


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
