"""What became of a run whose process left no record, told from how the process ended. No torch."""

import signal
from datetime import UTC, datetime

from seqbench.record import environment as env
from seqbench.record.record import cell_id
from seqbench.schema import Record, Status
from seqbench.sweep.job import Job
from seqbench.sweep.lanes import Ended


def of_process(end: Ended) -> tuple[Status, str]:
    """Status and reason of a job that ended without a record."""
    if end.stopped:
        return "interrupted", "the sweep was interrupted; the same command goes on from its last checkpoint"
    if end.timed_out:
        return "timeout", f"still running after train.timeout_s={end.job.cell.train.timeout_s:g} seconds"
    code = end.exit_code
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = ", possibly out of memory" if name == "SIGKILL" else ""
        return "killed", f"the worker process was ended by {name}{hint}"
    return "failed", f"the worker process ended with exit code {code} and left no record"


def record(job: Job, status: Status, reason: str | None, trace: str | None) -> Record:
    """The record of a run that did not end by itself."""
    cell, environment = job.cell, env.environment()
    identity = cell.identity()
    return Record(
        kind="cost" if job.kind == "cost" else "learning",
        run_id=job.run_id,
        cell_id=cell_id(identity),
        env_id=env.env_id(environment),
        labels=dict(cell.labels),
        seed=job.seed,
        study=cell.study,
        command=cell.command + (f" 'seeds=[{job.seed}]'" if job.seed is not None else ""),
        config=identity,
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
