"""The end of a sweep: the table, what failed and why, the report, the exit code."""

import shlex
from collections import Counter
from collections.abc import Sequence

from rich.console import Console

from seqbench.record import environment as env
from seqbench.record.store import Store
from seqbench.report.dependency import dependencies, dependency_sentences
from seqbench.report.names import environment_names
from seqbench.report.terminal import result_table
from seqbench.report.wording import readable
from seqbench.schema import FINISHED, Record, Study
from seqbench.sweep import log
from seqbench.sweep.measuring import IN_A_SWEEP, measurements
from seqbench.sweep.plan import PlannedRun, counting, say
from seqbench.sweep.reporting import write_of_sweep


def close(study: Study, store: Store, plan: Sequence[PlannedRun], told: str, console: Console) -> int:
    """Print and write what became of the planned runs; 1 where one of them has no result, else 0.

    ``told`` is what the engine knows of its time: the end of the summary's sentence.
    """
    costs = {job.run_id for job in measurements(study.cells, IN_A_SWEEP, study.options.store)}
    wanted = {planned.run_id for planned in plan}
    records = [record for record in store.records() if record.run_id in wanted | costs]
    console.print(result_table(records, study.reference, console.width))
    counted = _counted(records, plan)
    counts = Counter(record.status for record in counted if record.kind == "learning")
    say(console, f"{', '.join(f'{number} {status}' for status, number in sorted(counts.items()))}; {told}.")
    for said in dependency_sentences(dependencies(counted), environment_names(counted)):
        say(console, readable(said))
    order = {planned.run_id: number for number, planned in enumerate(plan)}
    for record in sorted(counted, key=lambda record: order.get(record.run_id, len(order))):
        if record.status not in FINISHED:
            say(console, _failure(store, record))
    if study.options.report:
        _report(study, wanted, console)
    return 1 if any(record.status not in FINISHED for record in counted if record.kind == "learning") else 0


def _counted(records: Sequence[Record], plan: Sequence[PlannedRun]) -> list[Record]:
    """Of each run the record that counts, in the environments that the plan accepts."""
    here, anywhere = env.env_id(env.environment()), plan[0].env_id is None
    runs: dict[str, list[Record]] = {}
    for record in records:
        if anywhere or record.env_id == here:
            runs.setdefault(record.run_id, []).append(record)
    return [record for found in runs.values() if (record := counting(found, here)) is not None]


def _failure(store: Store, record: Record) -> str:
    seed = "" if record.seed is None else f" seed {record.seed}"
    printed = log.said(store.root, record.run_id)
    return (
        f"{record.status}: {record.labels['model']} on {record.labels['task']}{seed}: {record.reason} "
        f"({store.path(record) / 'record.json'}{f'; {printed}' if printed else ''})"
    )


def _report(study: Study, wanted: set[str], console: Console) -> None:
    say(console, f"Report: {write_of_sweep(study, wanted)}")
    options = study.options
    again = shlex.join(("python", "-m", "seqbench", "report", "--store", options.store, "--out", options.out))
    say(console, f"Next, a report of all that the store holds: {again}")
