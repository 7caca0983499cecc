"""What the code of a task or an architecture prints in a worker process: into the run's log, never on the screen."""

import faulthandler
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seqbench.record.scratch import FOLDER
from seqbench.sweep.job import Job

_TAIL = 4096
_SHOWN = 160


def path_of(store: Path | str, run_id: str) -> Path:
    """Where the output of a run, or of a measurement, goes."""
    return Path(store) / FOLDER / f"{run_id}.log"


@contextmanager
def captured(job: Job) -> Iterator[None]:
    """Send all that this process prints, its C libraries too, to the job's log; a log that stays empty is removed.

    The log is appended to, so that a continued run has one, and it also gets the stack of a process that crashes.
    A preflight writes nothing, and what it prints is dropped; ``verify`` shows it.
    """
    path = None if job.kind == "preflight" else path_of(job.store, job.run_id)
    log = _open(path)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    faulthandler.enable(file=2)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # a full disk, a stream that somebody closed
                stream.flush()
        if path is not None:
            drop_empty(path)


def drop_empty(path: Path) -> None:
    """Remove a log that says nothing, also where its process was killed before it could do so."""
    with suppress(OSError):
        if path.stat().st_size == 0:
            path.unlink()


def said(store: Path | str, run_id: str) -> str | None:
    """Where the log of a run is and how it ends, for whoever tells that the run failed; None where it said nothing."""
    path = path_of(store, run_id)
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return None
    last = next((line.strip() for line in reversed(lines) if line.strip()), None)
    if last is None:
        return None
    last = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in last)
    return f"{path}, which ends: {last[:_SHOWN]}"


def _open(path: Path | None) -> int:
    """A descriptor of the log; of nothing where there is none or the disk refuses: a log is no reason to fail."""
    if path is not None:
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    return os.open(os.devnull, os.O_WRONLY)
