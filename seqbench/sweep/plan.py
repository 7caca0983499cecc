"""The list of runs that a study expands to, with what is done and what is missing. No torch."""

from dataclasses import dataclass

from rich.console import Console

from seqbench.record import environment as env
from seqbench.record.record import cell_id, current, run_id
from seqbench.record.store import Store
from seqbench.schema import FINISHED, Cell, Record, Study


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """One run of a study.

    Attributes:
        run_id: its identity. attempt: the number of the attempt that training it now would be.
        train: whether it will be trained. reason: why, or why not.
        env_id: the environment whose records count as this run, None for every one.
        record: the record of this run that counts, None where there is none.
    """

    cell: Cell
    seed: int
    run_id: str
    cell_id: str
    env_id: str | None
    attempt: int
    train: bool
    reason: str
    record: Record | None


def make_plan(study: Study, store: Store) -> list[PlannedRun]:
    """Every run of the study, in the order of its cells and seeds."""
    here = env.env_id(env.environment())
    known: dict[str, list[Record]] = {}
    for record in store.records(kind="learning"):
        known.setdefault(record.run_id, []).append(record)
    return [
        _plan_run(cell, seed, known.get(run_id(cell.identity(), seed, "learning"), []), here, study.options.rerun)
        for cell in study.cells
        for seed in cell.seeds
    ]


def _plan_run(cell: Cell, seed: int, records: list[Record], here: str, rerun: str) -> PlannedRun:
    identity = cell.identity()
    ours = [record for record in records if record.env_id == here]
    counts = next(iter(current(ours)), None)
    train, reason = _decide(counts, bool(records), rerun)
    return PlannedRun(
        cell=cell,
        seed=seed,
        run_id=run_id(identity, seed, "learning"),
        cell_id=cell_id(identity),
        env_id=here,
        attempt=1 + max((record.attempt for record in ours), default=0),
        train=train,
        reason=reason,
        record=counts,
    )


def _decide(record: Record | None, elsewhere: bool, rerun: str) -> tuple[bool, str]:
    if record is None:
        return True, "done only in another environment" if elsewhere else "missing"
    if rerun == "all":
        return True, "rerun=all"
    if record.status in FINISHED:
        return False, f"done ({record.status})"
    if record.status in ("failed", "oom") and rerun != "failed":
        return False, f"{record.status} before; rerun=failed tries it again"
    return True, f"{record.status} before"


def explain(study: Study, console: Console) -> None:
    """Print, for each run, whether it would be trained and why."""
    plan = make_plan(study, Store(study.options.store))
    for run in plan:
        labels = run.cell.labels
        name = " ".join(part for part in (labels["task"], labels["model"], labels["variant"]) if part)
        say(console, f"{'train' if run.train else 'skip ':5}  {run.run_id}  {name} seed={run.seed}: {run.reason}")
    missing = sum(run.train for run in plan)
    console.print(f"{len(plan)} runs of {len(study.cells)} cells: {missing} to train, {len(plan) - missing} done.")
    seconds = estimate_from_records(plan)
    if missing and seconds is not None:
        console.print(f"Records of such runs say {seconds / 60:.1f} minutes of one lane.")


def say(console: Console, text: str) -> None:
    """Print one line as it is: no markup is read in it, and no width cuts it."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def estimate_from_records(plan: list[PlannedRun]) -> float | None:
    """Seconds of one lane for the missing runs, by the mean of their cells' finished runs; None where unknown."""
    means: dict[str, list[float]] = {}
    for run in plan:
        if run.record is not None and run.record.status in FINISHED:
            means.setdefault(run.cell_id, []).append(run.record.duration_s)
    wanted = [run.cell_id for run in plan if run.train]
    if not all(cell in means for cell in wanted):
        return None
    return sum(sum(means[cell]) / len(means[cell]) for cell in wanted)
