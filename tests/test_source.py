"""The project's own rules for its code: nothing runs code found in data, files are short nouns, imports go downward."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYTHON_FILES = sorted(path for folder in ("seqbench", "bench") for path in (ROOT / folder).rglob("*.py"))
"""Tests are apart: they forge what the store must refuse, and one test file follows one file however many claims."""

MAX_FILE_LINES = 250
MAX_FUNCTION_LINES = 40
LONG_FILES = {
    "seqbench/schema.py": "the words of the project are learned in one place; half of it is docstrings",
}
"""File -> why it is one noun all the same."""
LONG_FUNCTIONS = {
    "seqbench/ops/scan.py:differentiable": "forward, backward and vmap of one op, side by side around two closures",
}
"""file:function -> why splitting it would be worse."""

FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
FORBIDDEN_NAMES = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_ATTRIBUTES = {
    ("torch", "load"),
    ("torch", "save"),
    ("yaml", "load"),
    ("yaml", "unsafe_load"),
    ("yaml", "full_load"),
    ("pandas", "read_pickle"),
    ("pd", "read_pickle"),
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# ------------------------------------------------------------------ nothing that runs code found in a file


def violations(source: str) -> list[str]:
    return [found for node in ast.walk(ast.parse(source)) for found in _violations_of(node)]


def _violations_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
        names = {alias.name for alias in node.names}
        roots = {item.partition(".")[0] for item in (names if isinstance(node, ast.Import) else {module})}
        yield from (f"imports {root}" for root in roots & FORBIDDEN_MODULES)
        yield from (f"imports {module}.{item}" for item in names if (module, item) in FORBIDDEN_ATTRIBUTES)
        if "instantiate" in names or module.startswith("hydra.utils"):
            yield "imports hydra.utils.instantiate"
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_NAMES:
        yield f"calls {node.func.id}"
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        if (node.value.id, node.attr) in FORBIDDEN_ATTRIBUTES:
            yield f"uses {node.value.id}.{node.attr}"
    elif isinstance(node, ast.Attribute) and node.attr == "instantiate":
        yield "uses instantiate"
    elif isinstance(node, ast.keyword) and node.arg == "allow_pickle" and not _is_false(node.value):
        yield "allows pickle in numpy files"


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import torch\ntorch.load('a')",
        "from torch import load",
        "eval('1')",
        "exec('1')",
        "import yaml\nyaml.load('a')",
        "from hydra.utils import instantiate",
        "import hydra\nhydra.utils.instantiate({})",
        "import numpy\nnumpy.load('a', allow_pickle=True)",
        "import pandas as pd\npd.read_pickle('a')",
    ],
)
def test_the_search_for_forbidden_calls_finds_them(source: str) -> None:
    assert violations(source)


def test_harmless_namesakes_are_not_forbidden() -> None:
    assert violations("import json\njson.load(f)\nmodel.eval()\nnumpy.load(f, allow_pickle=False)") == []


@pytest.mark.parametrize("path", PYTHON_FILES, ids=name)
def test_no_file_can_run_code_that_it_finds_in_data(path: Path) -> None:
    assert violations(path.read_text()) == []


# ------------------------------------------------------------------ files are nouns, and short


def function_lengths(path: Path) -> list[tuple[str, int]]:
    nodes = ast.walk(ast.parse(path.read_text()))
    functions = [n for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [(f.name, (f.end_lineno or 0) - f.lineno + 1) for f in functions]


def test_no_file_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "common", "helpers", "helper", "misc"}
    tests = sorted((ROOT / "tests").rglob("*.py"))
    assert [
        name(path) for path in (*PYTHON_FILES, *tests) if drawers & {path.stem, *path.relative_to(ROOT).parts[:-1]}
    ] == []


@pytest.mark.parametrize("path", PYTHON_FILES, ids=name)
def test_files_and_functions_are_short(path: Path) -> None:
    num_lines = len(path.read_text().splitlines())
    assert num_lines <= MAX_FILE_LINES or name(path) in LONG_FILES, f"{name(path)} has {num_lines} lines"
    long = [found for found in function_lengths(path) if found[1] > MAX_FUNCTION_LINES]
    assert [found for found in long if f"{name(path)}:{found[0]}" not in LONG_FUNCTIONS] == []


def test_every_exception_to_the_length_rule_is_still_needed() -> None:
    assert [key for key in LONG_FILES if len((ROOT / key).read_text().splitlines()) <= MAX_FILE_LINES] == []
    for key in LONG_FUNCTIONS:
        file, _, function = key.partition(":")
        found = [length for name, length in function_lengths(ROOT / file) if name == function]
        assert max(found) > MAX_FUNCTION_LINES, key


@pytest.mark.parametrize("path", PYTHON_FILES, ids=name)
def test_every_file_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


# ------------------------------------------------------------------ the import map


def test_imports_keep_to_their_floors() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_answers_at_once_does_not_load_torch() -> None:
    modules = (
        "check.command",
        "cli",
        "config",
        "metrics",
        "record.store",
        "registry",
        "report",
        "schema",
        "series",
        "statistics",
        "tuning",
    )
    imports = "; ".join(f"import seqbench.{module}" for module in modules)
    code = f"import sys; {imports}; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr or "torch was loaded"
