"""A job of a launched sweep, on whatever machine it runs: one cell through this machine's lanes. No torch.

Nothing is returned, and nothing is raised: what came of the job is in the store, what it printed in its log.
"""

import json
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

from rich.console import Console

from seqbench.record.record import run_id
from seqbench.schema import Cell, Options, Study, Train, UsageError
from seqbench.sweep import same
from seqbench.sweep.engine import run as run_study

JOBS = "jobs.json"
TROUBLE = "seqbench: "
"""How the line of a log begins that says why the job ended early."""
_WIDTH = 120


def write_jobs(folder: Path, cells: Sequence[Cell], options: Options) -> None:
    """What the jobs in ``folder`` are asked to do; job n has the n-th cell, whose seeds are the runs it trains."""
    jobs = {
        "cwd": os.getcwd(),
        "options": asdict(options),
        "cells": [asdict(cell) for cell in cells],
        "code": [same.code_of(cell) for cell in cells],
    }
    (folder / JOBS).write_text(json.dumps(jobs, allow_nan=False), encoding="utf-8")


def runs_of(folder: Path) -> set[str]:
    """Identities of the runs that the jobs in ``folder`` train; none where its file cannot be read."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        jobs = json.loads((folder / JOBS).read_text(encoding="utf-8"))
        cells = [_cell(plain) for plain in jobs["cells"]]
        return {run_id(cell.identity(), seed, "learning") for cell in cells for seed in cell.seeds}
    return set()


def log_of(folder: Path, number: int) -> Path:
    """What a job printed; it exists from the job's first moment."""
    return folder / f"{number}.log"


def run(config: Mapping[str, Any]) -> None:
    """Train the runs of one job: its ``folder`` holds the jobs, its ``job`` is the number of this one."""
    folder, number = Path(str(config["folder"])), int(config["job"])
    with log_of(folder, number).open("a", encoding="utf-8", buffering=1) as log:
        try:
            jobs = json.loads((folder / JOBS).read_text(encoding="utf-8"))
            with _as_if_alone(jobs["cwd"]):
                study = _study(jobs["cells"][number], jobs["code"][number], jobs["options"])
                run_study(study, Console(file=log, width=_WIDTH), muted=True)
        except KeyboardInterrupt:
            print(f"{TROUBLE}it was asked to end", file=log)
        except (UsageError, OSError) as error:
            print(f"{TROUBLE}{error}", file=log)
        except Exception as error:
            print(f"{traceback.format_exc()}{TROUBLE}{type(error).__name__}: {error}", file=log)


def _study(cell: dict[str, Any], code: dict[str, str], options: dict[str, Any]) -> Study:
    made = _cell(cell)
    check_same(made, code)
    return Study(name=made.study, description="", reference=None, tuning="", cells=(made,), options=Options(**options))


def _cell(told: dict[str, Any]) -> Cell:
    lists = {key: tuple(told[key]) for key in ("seeds", "plugins")}
    return Cell(**{**told, "train": Train(**told["train"]), **lists})


def check_same(cell: Cell, code: Mapping[str, str]) -> None:
    """Return if what would be trained here is what was asked for.

    Raises:
        UsageError: other code, or other data, has the same name on this machine.
    """
    other = same.changed(cell, code)
    if other:
        raise UsageError(
            f"every machine must have the same code and data; {other} is another one here than where the sweep was "
            "started. Put the same one on both."
        )


@contextmanager
def _as_if_alone(cwd: str) -> Iterator[None]:
    """The process as the command line finds it: its folder, SIGTERM as an interrupt, no main module.

    A launcher's main module would be run once more in every process that is started here; loky's own way to start
    processes is unknown in them, and it sets as many threads as there are cores left over.
    """
    before, main, path = os.getcwd(), sys.modules["__main__"], list(sys.path)
    threads = os.environ.get("OMP_NUM_THREADS")
    handler = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        os.chdir(cwd)
        sys.path.insert(0, cwd)
        sys.modules["__main__"] = ModuleType("__main__")
        os.environ["OMP_NUM_THREADS"] = "1"
        if multiprocessing.get_start_method() not in multiprocessing.get_all_start_methods():
            multiprocessing.set_start_method(None, force=True)
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)
        sys.modules["__main__"], sys.path[:] = main, path
        os.chdir(before)
        _restore("OMP_NUM_THREADS", threads)


def _restore(variable: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(variable, None)
    else:
        os.environ[variable] = value
