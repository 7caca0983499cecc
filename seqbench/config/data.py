"""The data that a task reads, checked and hashed before anything is trained or written. No torch."""

import hashlib
import inspect
import json
import stat
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from seqbench.schema import UsageError
from seqbench.sources import plain_file
from seqbench.sources.plain_file import shown

_SERIES_TARGET = "seqbench.tasks.time_series:TimeSeries"


def check_data(task: Mapping[str, Any]) -> str | None:
    """SHA-256 of the file that ``task.path`` names, None without one; a time series is read and checked as well.

    Raises:
        UsageError: the file cannot be read, or its series cannot be used.
    """
    sha256 = file_sha256(task)
    if task["target"] == _SERIES_TARGET:
        from seqbench import series

        known = inspect.signature(series.load).parameters
        arguments = {key: value for key, value in task.items() if key in known}
        _check_series(json.dumps(arguments, sort_keys=True), sha256)
    return sha256


def file_sha256(task: Mapping[str, Any]) -> str | None:
    """SHA-256 of the file that ``task.path`` names, None without one.

    Raises:
        UsageError: the file cannot be read.
    """
    path = task.get("path")
    if path is None:
        return None
    if task["target"] != _SERIES_TARGET:
        return _file_sha256(Path(str(path)))
    from seqbench import series

    # find looks first: a URL, a folder or a pipe must not be opened
    return _file_sha256(plain_file.find(path, series.ETT_URL if task.get("source") == "ett" else ""))


@lru_cache(maxsize=64)
def _check_series(arguments: str, sha256: str | None) -> None:
    """Once for all the models of a task; ``sha256`` makes a changed file a new question."""
    from seqbench import series

    series.load(**json.loads(arguments))


def _file_sha256(file: Path) -> str:
    try:
        # Opening a pipe would wait for ever, and a device may have no end.
        if stat.S_ISREG(file.stat().st_mode):
            with file.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, ValueError) as error:  # ValueError: characters that no file name can have
        reason = getattr(error, "strerror", None) or "it is no file name"
        raise UsageError(
            f"task.path must be a file that can be read; got {shown(file)!r} ({reason}). Check it."
        ) from error
    raise UsageError(f"task.path must be a plain file; got {shown(file)!r}. Give the path of a file.")
