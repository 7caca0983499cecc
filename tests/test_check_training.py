"""What --bitwise and --learning train, from outside: a copy of the project under git, trained by both sides."""

import json
import shutil
from pathlib import Path

import pytest
from test_check import git

from seqbench import cli
from seqbench.check import training

ROOT = Path(__file__).parents[1]
TINY = (
    "task=adding_problem",
    "task.length=6",
    "train.batch_size=4",
    "train.evaluate_batch=64",
    "train.steps=4",
    "model=gru",
    "model.width=4",
    "seeds=2",
)


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's own code and values, committed, and a study of a second."""
    for name in ("seqbench", "conf"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    monkeypatch.chdir(tmp_path)
    for name in ("BITS", "MICRO"):
        monkeypatch.setattr(training, name, (TINY,))
    return tmp_path


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.slow
def test_a_rewriting_is_the_same_bit_for_bit_and_another_rate_is_not(
    copy: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rate = "self.learning_rates / correction1"
    edit(copy / "seqbench/population.py", rate, f"({rate})")
    assert cli.main(["check", "--bitwise", "--against", "main"]) == 0
    told = " ".join(capfd.readouterr().out.split())
    assert "1 cell trained the same, bit for bit" in told
    assert "learning: 1 cell of both, 2 seeds each, paired" in told
    edit(copy / "seqbench/population.py", f"({rate})", f"({rate} / 3)")
    assert cli.main(["check", "--bitwise", "--against", "main"]) == 3
    assert "seed 0 has another loss at step 2" in " ".join(capfd.readouterr().out.split())


@pytest.mark.slow
def test_learning_is_compared_with_a_commit_and_a_crash_is_worse(copy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    update = "        population = self.population\n"
    crash = '        if index == 2 and 1 in self.seeds:\n            raise ValueError("a crash")\n'
    edit(copy / "seqbench/train.py", update, crash + update)
    assert cli.main(["check", "--learning", "--against", "main", "--format", "json"]) == 3
    (worse,) = (one for one in json.loads(capfd.readouterr().out)["findings"] if one["verdict"] == "regressed")
    assert worse["name"].endswith(": runs that complete")
    assert worse["change"] == -1
    assert worse["says"].startswith("not in the head: seed 1: failed (ValueError: a crash")


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--learning", "--bitwise"])
def test_a_head_whose_process_is_ended_by_a_signal_is_worse(
    copy: Path, capfd: pytest.CaptureFixture[str], option: str
) -> None:
    update = "        population = self.population\n"
    end = "        if index == 2:\n            import os, signal\n\n            os.kill(os.getpid(), signal.SIGKILL)\n"
    edit(copy / "seqbench/train.py", update, end + update)
    assert cli.main(["check", option, "--against", "main", "--format", "json"]) == 3
    (worse,) = (one for one in json.loads(capfd.readouterr().out)["findings"] if one["verdict"] == "regressed")
    assert "in the head" in worse["says"]
    assert "killed (the worker process was ended by SIGKILL" in worse["says"]
