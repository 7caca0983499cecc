"""What became of a run whose process left no record, told from how the process ended. No torch."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from seqbench.record import environment as env
from seqbench.schema import Record, Status
from seqbench.sweep.job import Job
from seqbench.sweep.lanes import SERVER_DIED, Ended


class StoreError(OSError):
    """The disk takes no record. Nothing is wrong with the run; every other would meet the same."""


@contextmanager
def writing_to(store: str) -> Iterator[None]:
    """Tell errors of the store from those of the code that trains.

    Raises:
        StoreError: from an OSError inside, and with a path, which not every OSError names.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(error.errno, error.strerror, error.filename or store) from error


def of_process(end: Ended) -> tuple[Status, str]:
    """Status and reason of a job that ended without a record."""
    if end.stopped:
        return "interrupted", "the sweep was interrupted; the same command goes on from its last checkpoint"
    if end.timed_out:
        limit = f"{end.job.limit_s:g} seconds"
        if end.job.kind == "learning":
            return "timeout", f"still running after train.timeout_s={limit}"
        what = {"preflight": "check before training", "cost": "cost measurement"}[end.job.kind]
        return "timeout", f"the {what} gave no answer in {limit}"
    code = end.exit_code
    if code is not None and code < 0:
        name = _signal_name(-code)
        hint = ", possibly out of memory" if name == "SIGKILL" else ""
        return "killed", f"the worker process was ended by {name}{hint}"
    if code == SERVER_DIED:
        return "killed", "exit code 255: its own, or the process that starts the workers was ended for want of memory"
    return "failed", f"the worker process ended with exit code {code} and left no record"


def _signal_name(number: int) -> str:
    """``SIGKILL`` for 9; most real-time signals have no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def record(job: Job, status: Status, reason: str | None, trace: str | None) -> Record:
    """The record of a run that did not end by itself."""
    cell, environment = job.cell, env.environment()
    return Record(
        kind="cost" if job.kind == "cost" else "learning",
        run_id=job.run_id,
        cell_id=job.cell_id,
        env_id=env.env_id(environment),
        labels=dict(cell.labels),
        seed=job.seed,
        study=cell.study,
        command=_command(job),
        config=job.config(),
        sources=dict(cell.sources),
        environment=environment,
        git=env.git_state(),
        status=status,
        reason=reason,
        traceback=trace,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        duration_s=0.0,
        attempt=job.attempt,
    )


def _command(job: Job) -> str:
    """What repeats this run or measurement alone."""
    asked, command = job.measurement, job.cell.command
    if asked is None:
        return command + (f" 'seeds=[{job.seed}]'" if job.seed is not None else "")
    words = [] if asked.length is None else [f"lengths={asked.length}"]
    words += [f"backends={asked.backend}", f"seconds={asked.seconds:g}"]
    return " ".join([command.replace("-m seqbench", "-m seqbench cost", 1), *words])
