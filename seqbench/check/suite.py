"""A suite of benchmarks as the check sees it: their names, and the source that each of them is made of."""

import ast
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any


def source_hash(root: Path, name: str) -> str | None:
    """A hash of all that decides what a benchmark, or a script, measures; None where a file cannot be read.

    That is its function, what else stands in its file (other tests and all comments aside), the modules beside it that
    it imports, and theirs, and ``conftest.py``, there and in the folders above. It is the meaning that counts: comments
    and formatting do not. It is stored beside what was measured, so that it is the same in every version of Python.

    Args:
        root: the folder that names are relative to.
        name: a pytest node id, e.g. "bench/test_batches.py::test_batch[copy_memory]", or a script, "bench/counts.py".
    """
    path, _, rest = name.partition("::")
    function = rest.split("::")[-1].partition("[")[0]
    digest = hashlib.sha256()
    try:
        for file, tree in [*_modules(root / path, {}), *_conftests_above(root, root / path)]:
            if file == root / path:
                tree.body = [node for node in tree.body if not _other_test(node, function, rest)]
            digest.update(f"{file.name}\n{_dumped(_without_docstrings(tree))}\n".encode())
    except (OSError, SyntaxError, ValueError):
        return None
    return digest.hexdigest()


def _modules(file: Path, seen: dict[Path, None]) -> Iterator[tuple[Path, ast.Module]]:
    """The file and all that it imports from its own folder, directly or not, each once."""
    if file in seen:
        return
    seen[file] = None
    tree = ast.parse(file.read_bytes())
    yield file, tree
    for name in ["conftest", *_imported(tree)]:
        beside = file.with_name(f"{name}.py")
        if beside.is_file():
            yield from _modules(beside, seen)


def imported(place: Path) -> set[str]:
    """First parts of the names of all modules that a suite, a folder or a file, imports, with what is beside it."""
    found, seen = set[str](), dict[Path, None]()
    for file in [place] if place.is_file() else _python_files(place):
        with suppress(OSError, SyntaxError, ValueError):
            for _, tree in _modules(file, seen):
                found |= {name.partition(".")[0] for name in _named(tree)}
    return found


def _named(tree: ast.Module) -> Iterator[str]:
    """Whole names of the modules that a file imports, without those that it names relative to its own place."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _python_files(folder: Path) -> Iterator[Path]:
    """All below a folder, without what pytest does not look into either: hidden folders and environments."""
    for root, folders, files in os.walk(folder):
        folders[:] = [
            name for name in folders if not name.startswith(".") and not Path(root, name, "pyvenv.cfg").is_file()
        ]
        yield from (Path(root, name) for name in files if name.endswith(".py"))


def _conftests_above(root: Path, file: Path) -> Iterator[tuple[Path, ast.Module]]:
    for folder in file.parents[1:]:
        if folder.is_relative_to(root) and (folder / "conftest.py").is_file():
            yield from _modules(folder / "conftest.py", {})


def _imported(tree: ast.Module) -> list[str]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [node.module] if node.module else [alias.name for alias in node.names]
    return sorted({name.rpartition(".")[2] for name in names})


def _other_test(node: ast.stmt, function: str, rest: str) -> bool:
    if isinstance(node, ast.ClassDef):
        return node.name.startswith("Test") and not rest.startswith(f"{node.name}::")
    return isinstance(node, ast.FunctionDef) and node.name.startswith("test") and node.name != function


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body: Sequence[ast.stmt] = getattr(node, "body", ()) if isinstance(node, _DOCUMENTED) else ()
        if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            node.body = [*body[1:]] or [ast.Pass()]  # type: ignore[attr-defined]
    return tree


def _dumped(node: Any) -> str:
    """A syntax tree as text, without fields that hold nothing: newer versions of Python have more of those."""
    if isinstance(node, ast.AST):
        fields = ((key, value) for key, value in ast.iter_fields(node) if value is not None and value != [])
        return f"{type(node).__name__}({', '.join(f'{key}={_dumped(value)}' for key, value in fields)})"
    return f"[{', '.join(map(_dumped, node))}]" if isinstance(node, list) else repr(node)


_DOCUMENTED = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
