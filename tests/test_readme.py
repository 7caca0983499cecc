"""Every command in the README is one that the command line takes, with words that compose."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from seqbench import cli
from seqbench.config import compose

README = (Path(__file__).parents[1] / "README.md").read_text()
COMMANDS = [
    shlex.split(words, comments=True) for words in re.findall(r"^\S*python -m seqbench (.+)$", README, re.MULTILINE)
]
CONFIGURED = [words for words in COMMANDS if not words[0].startswith("-") and "=" in words[0]]
# What needs files of the user's is tested where such files are made: tests of the tables and of the plugins.
WITHOUT_FILES = [words for words in CONFIGURED if not re.search(r"\.csv|\bmine\b", " ".join(words))]


def test_the_readme_shows_commands() -> None:
    assert len(COMMANDS) >= 5
    assert ["+sweep=long_seq"] in COMMANDS


@pytest.mark.parametrize("words", WITHOUT_FILES, ids=" ".join)
def test_words_in_the_readme_compose(words: list[str]) -> None:
    assert compose([word.replace("device=cuda", "device=cpu") for word in words]).cells


@pytest.mark.parametrize("words", [words for words in COMMANDS if words not in CONFIGURED], ids=" ".join)
def test_subcommands_in_the_readme_exist(words: list[str]) -> None:
    assert callable(cli._command(words[0]))


def job_of_the_action() -> dict[str, Any]:
    (text,) = [
        block for block in re.findall(r"^```yaml\n(.+?)^```", README, re.DOTALL | re.MULTILINE) if "jobs:" in block
    ]
    action = yaml.safe_load(text)
    assert action["permissions"] == {"contents": "read", "pull-requests": "write"}
    return action["jobs"]["speed"]


def test_the_github_action_installs_what_it_names_and_comments_what_the_check_wrote() -> None:
    job = job_of_the_action()
    assert any(f'"${name}"' in step.get("run", "") for name in job["env"] for step in job["steps"])
    (told,) = [step for step in job["steps"] if "gh pr comment" in step.get("run", "")]
    assert "hashFiles('comment.md')" in told["if"]
    assert {name for name in re.findall(r"\$([A-Z]+)", told["run"])} | {"GH_TOKEN"} == {*told["env"]}
    assert "--body-file comment.md" in told["run"]


@pytest.mark.parametrize(("code", "passes"), [(0, True), (3, False), (4, True), (5, False), (2, False)])
def test_the_github_action_passes_where_nothing_is_known_to_be_worse(tmp_path: Path, code: int, passes: bool) -> None:
    """Its script is run as GitHub runs it, with a python that notes its words."""
    (script,) = [step["run"] for step in job_of_the_action()["steps"] if "seqbench check" in step.get("run", "")]
    fake = tmp_path / "python"
    wrote = f"[ {code} = 2 ] || echo verdict > comment.md"
    fake.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > words\n{wrote}\nexit {code}\n')
    fake.chmod(0o755)
    summary = tmp_path / "summary.md"
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GITHUB_BASE_REF": "main"}
    environment |= {"GITHUB_STEP_SUMMARY": str(summary)}
    made = subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, env=environment, capture_output=True)
    assert (made.returncode == 0) == passes
    assert summary.exists() == (code != 2)
    words = (tmp_path / "words").read_text().split()
    assert words[:5] == ["-m", "seqbench", "check", "--against", "origin/main"]
    assert words[words.index("--out") + 1] == "comment.md"
