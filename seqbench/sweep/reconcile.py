"""What a job's process left in the store; where it left nothing, a record that says how it ended. No torch."""

from seqbench.record import environment as env
from seqbench.record.store import Store
from seqbench.schema import CONTINUED, Record, Status
from seqbench.sweep import outcome
from seqbench.sweep.job import Job
from seqbench.sweep.lanes import Ended


def reconcile(store: Store, end: Ended) -> Record:
    """The record that the job left; where it left none, one that says how its process ended.

    Raises:
        OSError: the disk took no record; so it would be with every other run.
    """
    for kind, *rest in end.messages:
        if kind == "refused":
            raise OSError(*rest)
    env_id = env.env_id(env.environment())
    left = [r for r in store.find(end.job.run_id, env_id) if r.attempt >= end.job.attempt]
    if not left:
        publish_failure(store, end.job, *outcome.of_process(end), None)
        left = store.find(end.job.run_id, env_id)
    private = end.job.scratch()
    if left[-1].status not in CONTINUED and private.claim():  # nobody else is at it
        private.clear()
    return left[-1]


def publish_failure(store: Store, job: Job, status: Status, reason: str, trace: str | None) -> None:
    """Publish the record of a job that did not end by itself."""
    with outcome.writing_to(job.store):
        store.publish(outcome.record(job, status, reason, trace), {})
