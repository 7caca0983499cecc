"""Whether code and data are those that a sweep began with: what a record says of a run must be true of it. No torch."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from seqbench.config.data import file_sha256
from seqbench.registry import source_sha256
from seqbench.schema import Cell, UsageError

PACKAGE = "seqbench"
_FOLDER = Path(__file__).resolve().parents[1]


def code_of(cell: Cell) -> dict[str, str]:
    """What decides what a run computes beside its configuration: name -> hash of the file, or of all of seqbench.

    Raises:
        UsageError: a file is not there any more.
    """
    found = {PACKAGE: _package_sha256()}
    for node in (cell.task, cell.model):
        found[node["target"]] = source_sha256(node["target"], cell.plugins)
    data = file_sha256(cell.task)
    return found | ({str(cell.task["path"]): data} if data else {})


def changed(cell: Cell, code: Mapping[str, str]) -> str | None:
    """What is another one now than in ``code``, None where nothing is."""
    try:
        now = code_of(cell)
    except UsageError as error:
        return str(error)
    return ", ".join(name for name, sha256 in code.items() if now.get(name) != sha256) or None


@lru_cache(maxsize=1)
def _package_sha256() -> str:
    """As it is when a process asks first, which is about when it loads these files."""
    files = sorted(_FOLDER.rglob("*.py"))
    return hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)).hexdigest()
