"""Every command in the README is one that the command line takes, with words that compose."""

import re
import shlex
from pathlib import Path

import pytest

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
