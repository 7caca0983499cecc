"""The project's own rules for what is not code: values, versions, dependencies, documents."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PYTHON_FILES = sorted(path for folder in ("seqbench", "bench", "tests") for path in (ROOT / folder).rglob("*.py"))
CONF_FILES = sorted(path for path in (ROOT / "conf").rglob("*.yaml") if path.parent.name != "tuned")
"""What people write; ``conf/tuned`` is written by a command, which explains it at its top."""
TEXTS = ("*.md", "results/*.md", "*.toml", "*.cff", "*.txt", "Makefile", ".ci/run", ".pre-commit-config.yaml")
TEXT_FILES = sorted(path for pattern in TEXTS for path in ROOT.glob(pattern))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# ------------------------------------------------------------------ conf/: values with a meaning


def uncommented(text: str) -> set[str]:
    """Keys whose plain value has no comment on its line, nor one on the line above that stands alone."""
    lines = text.splitlines()
    explained = {index for index, line in enumerate(lines) if "#" in line}
    explained |= {index + 1 for index, line in enumerate(lines) if line.strip().startswith("#") and index > 0}
    return {key for key, line in _plain_values(yaml.compose(text)) if line not in explained}


def _plain_values(node: yaml.Node | None) -> Iterator[tuple[str, int]]:
    """Key and line of each scalar or list; ``params`` and ``study`` of a sweep name values explained where they lie."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if isinstance(value, yaml.MappingNode):
            yield from _plain_values(value) if key.value not in {"params", "study"} else ()
        elif key.value not in {"defaults", "target", "version", "mode"}:
            yield key.value, key.start_mark.line


def inherited(path: Path) -> set[str]:
    """Keys of the files that ``path`` builds on: their meaning is told there. A sweep builds on all of config.yaml."""
    document = yaml.safe_load(path.read_text()) or {}
    keys = set(yaml.safe_load((ROOT / "conf/config.yaml").read_text())) if path.parent.name == "sweep" else set()
    for entry in document.get("defaults", []):
        reference = entry if isinstance(entry, str) else "/".join(f"{k}/{v}" for k, v in entry.items())
        for folder in (path.parent, ROOT / "conf"):
            base = folder / f"{reference.split('@')[0].lstrip('/')}.yaml"
            if base.is_file() and base != path:
                keys |= set(yaml.safe_load(base.read_text()) or {}) | inherited(base)
    return keys


def test_a_value_without_a_comment_is_found() -> None:
    text = "# A file.\nbare: 1\nwidth: 64  # hidden units\n# layers\ndepth: 1\nrate: 0.1\nnested:\n  list: [1]\n"
    assert uncommented(text) == {"bare", "rate", "list"}


@pytest.mark.parametrize("path", CONF_FILES, ids=name)
def test_every_value_in_conf_has_a_comment(path: Path) -> None:
    assert uncommented(path.read_text()) - inherited(path) == set()


@pytest.mark.parametrize("path", [path for path in CONF_FILES if path.parent.name == "sweep"], ids=name)
def test_a_sweep_file_is_global_and_its_axes_are_strings(path: Path) -> None:
    # Without the first Hydra runs one cell and says nothing; of a YAML list it takes the last value and says nothing.
    assert "# @package _global_" in path.read_text()
    parameters = yaml.safe_load(path.read_text())["hydra"]["sweeper"]["params"]
    assert {key: value for key, value in parameters.items() if isinstance(value, list | dict)} == {}


@pytest.mark.parametrize("path", [path for path in CONF_FILES if path.parent.name == "sweep"], ids=name)
def test_what_a_sweep_names_exists(path: Path) -> None:
    document = yaml.safe_load(path.read_text())
    axes = [document["hydra"]["sweeper"]["params"], *document["study"].get("scales", {}).values()]
    named = {
        (group, choice) for axis in axes for group in ("task", "model") for choice in axis.get(group, "").split(",")
    }
    assert {(g, c) for g, c in named if c and not (ROOT / f"conf/{g}/{c}.yaml").is_file()} == set()


# ------------------------------------------------------------------ versions and dependencies agree


def version() -> str:
    found = re.search(r'__version__ = "(.+)"', (ROOT / "seqbench/__init__.py").read_text())
    assert found
    return found[1]


def test_the_citation_and_the_changelog_name_this_version() -> None:
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version()
    assert f"## [{version()}]" in (ROOT / "CHANGELOG.md").read_text()


def pins() -> dict[str, Version]:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    split = [line.split("==") for line in lines]
    return {canonicalize_name(package): Version(pin) for package, pin in split}


def test_every_dependency_has_an_exact_version_inside_its_range() -> None:
    project = PYPROJECT["project"]
    wanted = [*PYPROJECT["build-system"]["requires"], *project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        wanted += extra
    exact = pins()
    requirements = [Requirement(text) for text in wanted]
    assert [str(r) for r in requirements if canonicalize_name(r.name) not in exact] == []
    assert [str(r) for r in requirements if exact[canonicalize_name(r.name)] not in r.specifier] == []


def test_the_tested_torch_is_no_particular_build() -> None:
    assert pins()["torch"].local is None


# ------------------------------------------------------------------ what the documents say exists


def makefile_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def documents() -> str:
    return "\n".join((ROOT / file).read_text() for file in ("README.md", "CONTRIBUTING.md", "results/README.md"))


def test_every_make_target_that_a_document_names_exists() -> None:
    named = set(re.findall(r"\bmake ([a-z]+)\b", "\n".join(_code(documents()))))
    assert {"setup", "test"} <= named, "the README must say how to install and how to test"
    assert named <= makefile_targets()


def test_every_sweep_model_and_task_that_a_document_names_exists() -> None:
    code = "\n".join(_code(documents()))
    for group in ("sweep", "model", "task"):
        lists = re.findall(rf"\b{group}=([\w/,]+)", code)
        named = {n for words in lists for n in words.split(",")} - {"mine", "NAME"}  # the user's own, a placeholder
        assert {n for n in named if not (ROOT / f"conf/{group}/{n}.yaml").is_file()} == set(), f"conf/{group}/"


def _code(text: str) -> Iterator[str]:
    """Code blocks and inline code of a Markdown text."""
    blocks = re.findall(r"```.*?\n(.*?)```", text, re.DOTALL)
    yield from blocks
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


@pytest.mark.parametrize("path", [*PYTHON_FILES, *CONF_FILES, *TEXT_FILES], ids=name)
def test_no_file_names_a_folder_of_one_machine(path: Path) -> None:
    assert re.findall(r"(?<![\w.$}~*/-])/(?:work|home|root|Users|opt)/\w+", path.read_text()) == []
