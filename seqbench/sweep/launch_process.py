"""The process that a Hydra launcher runs in, and the end of it and of its jobs on this machine."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from seqbench.config.launcher import hydra_words
from seqbench.config.words import render
from seqbench.schema import Cell, Launcher

POLL_S = 0.25
GRACE_S = 3.0
"""Seconds that jobs on this machine have to save their runs when the sweep is interrupted."""
IDLE_LOOKS = 2
"""Looks at jobs, ``POLL_S`` apart, after which those that save nothing have told all that they had to tell."""
LOG = "launcher.log"


@contextmanager
def started(
    launcher: Launcher, folder: Path, cells: Sequence[Cell], saving: Callable[[], bool]
) -> Iterator[subprocess.Popen[bytes]]:
    """The launcher at work on the jobs in ``folder``; with this block its jobs on this machine end.

    ``saving`` tells whether jobs still save their runs, and are to be given time for it. What the launcher prints goes
    to ``launcher.log`` in the folder. Its standard input tells it when this process is gone.
    """
    words = [*_hydra_words(folder, len(cells)), *hydra_words(launcher, _given(launcher, cells))]
    command = [sys.executable, "-m", "seqbench.sweep.launching", "--multirun", *words]
    environment = {"RAY_USAGE_STATS_ENABLED": "0", **os.environ}  # a benchmark tells nobody where it runs
    with (folder / LOG).open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        _end(process, saving)


def last_line(file: Path) -> str:
    """The last line of a log that says something, "" where there is none."""
    with suppress(OSError):
        lines = [line for line in file.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        return lines[-1].strip()[:300] if lines else ""
    return ""


def _hydra_words(folder: Path, jobs: int) -> list[str]:
    """What Hydra is told beside the launcher: which jobs, and that all it writes goes into their folder."""
    return [
        f"folder={render(str(folder))}",
        f"job={','.join(map(str, range(jobs)))}",
        f"hydra.sweep.dir={render(str(folder / 'hydra'))}",
        "hydra.job.name=seqbench",
        "hydra.output_subdir=null",
        "hydra/job_logging=none",
    ]


def _given(launcher: Launcher, cells: Sequence[Cell]) -> dict[str, object]:
    """Options that the launcher gets unless the user says otherwise."""
    if launcher.name == "joblib" and any(cell.device == "cuda" for cell in cells):
        return {"n_jobs": 1}  # one GPU, and nobody who shares it out
    if launcher.name != "ray":
        return {}
    if "ray.init.address" in launcher.options:
        return {"ray.init.object_store_memory": None}  # the cluster has its own, and refuses to be given one
    return {"ray.init.include_dashboard": False}


def _end(process: subprocess.Popen[bytes], saving: Callable[[], bool]) -> None:
    """End the launcher and its jobs on this machine: first asked, so that they save their runs, then made to."""
    try:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        deadline, idle = time.monotonic() + GRACE_S, 0
        while time.monotonic() < deadline and idle < IDLE_LOOKS and _lives(process):
            time.sleep(POLL_S)
            idle = 0 if saving() else idle + 1
    finally:  # also where the user has no patience
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin:
            process.stdin.close()


def _lives(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process of the launcher's group is there."""
    process.poll()
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True
