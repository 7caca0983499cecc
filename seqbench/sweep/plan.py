"""The list of runs that a study expands to: what is done, what is missing, and why. No torch."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby

from rich.console import Console

from seqbench.config.launcher import lanes_of as lanes_of_a_job
from seqbench.record import environment as env
from seqbench.record.reading import folder_name
from seqbench.record.record import cell_id, current, run_id
from seqbench.record.scratch import FOLDER
from seqbench.record.store import Store
from seqbench.report.wording import count, readable
from seqbench.schema import CONTINUED, FINISHED, Cell, Options, Record, Study
from seqbench.sweep import problems, reasons
from seqbench.sweep.entry import Planned, called, trained_again
from seqbench.sweep.estimate import Durations, can_be_solved, expected_time, without_room
from seqbench.sweep.lanes import default_lanes
from seqbench.sweep.measuring import IN_A_SWEEP, measurements
from seqbench.sweep.measuring import missing as unmeasured


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """One run of a study.

    Attributes:
        run_id: its identity. attempt: the number of the attempt that training it now would be.
        train: whether it will be trained. reason: why, or why not.
        env_id: the environment whose records count as this run, None for every one.
        record: the record of this run that counts, None where there is none. known: names of all its records.
        expected_s: seconds that finished runs of its cell took here, similar_s: those of its task and model in any
            variant; None where there is none.
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
    known: tuple[str, ...] = ()
    expected_s: float | None = None
    similar_s: float | None = None


def make_plan(study: Study, store: Store) -> list[PlannedRun]:
    """Every run of the study, in the order of its cells and seeds."""
    return _plan_study(study, _Known.read(store, study))


def _plan_study(study: Study, known: "_Known") -> list[PlannedRun]:
    return [planned for cell in study.cells for planned in _plan_cell(cell, known, study.options)]


@dataclass(kw_only=True)
class _Known:
    """What the store holds, by what a plan asks it for.

    Attributes:
        runs: run -> its records. others: study, task, model and seed -> records of configurations that are not planned.
        files: names of private files.
        durations: seconds of finished runs of this environment.
        again: run -> its part in a sweep with ``rerun=all`` that has not finished, where that is what is planned.
    """

    store: Store
    here: str
    environment: dict[str, object]
    durations: Durations
    runs: dict[str, list[Record]] = field(default_factory=dict)
    others: dict[tuple, list[Record]] = field(default_factory=dict)
    files: frozenset[str] = frozenset()
    again: Mapping[str, Planned] = field(default_factory=dict)

    @classmethod
    def read(cls, store: Store, study: Study) -> "_Known":
        facts, records = env.environment(), store.records("learning")
        here, cells = env.env_id(facts), {cell_id(cell.identity()) for cell in study.cells}
        durations = Durations(record for record in records if record.env_id == here)
        known = cls(store=store, here=here, environment=facts, durations=durations)
        known.again = trained_again(store.root) if study.options.rerun == "all" else {}
        for record in records:
            known.runs.setdefault(record.run_id, []).append(record)
            if record.cell_id not in cells:
                key = (record.study, record.labels["task"], record.labels["model"], record.seed)
                known.others.setdefault(key, []).append(record)
        with suppress(OSError):
            known.files = frozenset(os.listdir(store.root / FOLDER))
        return known


def _plan_cell(cell: Cell, known: _Known, options: Options) -> list[PlannedRun]:
    identity = cell.identity()
    cell_name = cell_id(identity)
    return [_plan_run(cell, seed, run_id(identity, seed, "learning"), cell_name, known, options) for seed in cell.seeds]


def _plan_run(cell: Cell, seed: int, run_name: str, cell_name: str, known: _Known, options: Options) -> PlannedRun:
    records = known.runs.get(run_name, [])
    ours = [record for record in records if record.env_id == known.here]
    counts = counting(records if options.reuse == "any" else ours, known.here)
    if counts is None:
        done = [record for record in records if record.status in FINISHED]
        train, reason = True, _why_missing(cell, seed, run_name, done, known)
    else:
        train, reason = _decide(cell, counts, known, options.rerun)
    return PlannedRun(
        cell=cell,
        seed=seed,
        run_id=run_name,
        cell_id=cell_name,
        env_id=None if options.reuse == "any" else known.here,
        attempt=1 + max((record.attempt for record in ours), default=0),
        train=train,
        reason=reason,
        record=counts,
        known=tuple(map(folder_name, records)),
        expected_s=known.durations.of_cell(cell_name),
        similar_s=known.durations.of_kind(cell.labels),
    )


def counting(records: Iterable[Record], here: str) -> Record | None:
    """Of the records of one run that which counts: a finished one before any other, then one of this environment."""
    found = current(records)
    return max(found, key=lambda r: (r.status in FINISHED, r.env_id == here, r.started_at), default=None)


def _decide(cell: Cell, record: Record, known: _Known, rerun: str) -> tuple[bool, str]:
    """Whether a run that has a record is trained again, and why."""
    begun = known.again.get(record.run_id)
    if rerun == "all" and (begun is None or not begun.is_settled_by(folder_name(record))):
        return True, f"rerun=all ({record.status} before)"
    if record.status in CONTINUED:
        name = f"{record.run_id}-{known.here}"
        stands = reasons.unfinished(known.store.root, name, cell.budget, known.files)
        return True, f"{record.status} before; {stands or 'begins again: it has no checkpoint'}"
    older = not reasons.same_code(cell, record)
    if older and rerun == "changed":
        return True, "rerun=changed: done by older code"
    if record.status in FINISHED:
        where = "" if record.env_id == known.here else ", in another environment"
        return False, f"done ({record.status}{where}){' by older code; rerun=changed trains it again' if older else ''}"
    if rerun == "failed":
        return True, f"rerun=failed: {record.status} before"
    return False, f"{record.status} before; rerun=failed tries it again"


def _why_missing(cell: Cell, seed: int, run_name: str, elsewhere: list[Record], known: _Known) -> str:
    """Why a run is trained that has no record which counts."""
    stands = reasons.unfinished(known.store.root, f"{run_name}-{known.here}", cell.budget, known.files)
    if stands:
        return stands
    if elsewhere:
        differs = reasons.environment(known.environment, elsewhere[-1].environment)
        return f"done only in another environment{f' ({differs})' if differs else ''}; reuse=any accepts it"
    others = known.others.get((cell.study, cell.labels["task"], cell.labels["model"], seed), [])
    alike = [record for record in others if record.labels["variant"] == cell.labels["variant"]]
    changed = reasons.configuration(cell, alike or others)
    return f"configuration changed: {changed}" if changed else "missing"


def explain(study: Study, console: Console) -> None:
    """Print whether each run would be trained and why, seeds that share a reason on one line, and the time it takes."""
    known = _Known.read(Store(study.options.store), study)
    plan = _plan_study(study, known)
    for _, runs in groupby(plan, key=lambda run: run.cell_id):
        for line in _cell_lines(list(runs)):
            say(console, line)
    missing = [run for run in plan if run.train]
    counts = f"{count(len(plan), 'run')} of {count(len(study.cells), 'cell')}"
    say(console, f"{counts}: {len(missing)} to train, {len(plan) - len(missing)} done.")
    if missing:
        say(console, expected_time([_seconds(run) for run in missing], *_at_once(study, known)))
    for line in (*without_room(study.cells, can_be_solved), *problems.of(known.store)):
        say(console, line)


def _at_once(study: Study, known: _Known) -> tuple[int, int]:
    """Lanes that a study is trained on, and cost measurements to be made; through a launcher each job has its own."""
    if study.options.launcher is not None:
        return max(1, len(study.cells)) * (study.options.lanes or lanes_of_a_job(study.options.launcher)), 0
    costs = measurements(study.cells, IN_A_SWEEP, "") if study.options.cost else []
    return lanes_of(study), len(unmeasured(costs, known.store, known.here, study.options.rerun))


def _seconds(run: PlannedRun) -> float | None:
    return run.similar_s if run.expected_s is None else run.expected_s


def _cell_lines(runs: Sequence[PlannedRun]) -> list[str]:
    """One line for all seeds of a cell that share a reason."""
    reasons_of: dict[tuple[bool, str], list[int]] = {}
    for run in runs:
        reasons_of.setdefault((run.train, run.reason), []).append(run.seed)
    name = readable(called(runs[0].cell.labels))
    return [
        f"{'train' if train else 'skip':5}  {name}  {_seeds(seeds)}: {readable(reason)}"
        for (train, reason), seeds in reasons_of.items()
    ]


def _seeds(seeds: list[int]) -> str:
    """Seeds as people write them.

    >>> _seeds([0, 1, 2, 5, 7, 8]), _seeds([3])
    ('seeds 0-2, 5, 7, 8', 'seed 3')
    """
    ordered, parts = sorted(seeds), []
    for _, group in groupby(enumerate(ordered), key=lambda pair: pair[1] - pair[0]):
        run = [seed for _, seed in group]
        parts += [f"{run[0]}-{run[-1]}"] if len(run) > 2 else map(str, run)
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(parts)}"


def announced(planned: PlannedRun, cell: int, expected_s: Mapping[str, float]) -> Planned:
    """What the sweep's own entry says of a run; the status that it has already where it is not trained."""
    record = None if planned.train else planned.record
    return Planned(
        run_id=planned.run_id,
        cell=cell,
        seed=planned.seed,
        known=planned.known if planned.train else (),
        expected_s=expected_s.get(planned.run_id, 0.0),
        before=record.status if record else None,
    )


def lanes_of(study: Study) -> int:
    """The number of worker processes that train the study."""
    return study.options.lanes or default_lanes("cuda" if any(cell.device == "cuda" for cell in study.cells) else "cpu")


def say(console: Console, text: str) -> None:
    """Print one line as it is: no markup is read in it, and no width cuts it."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)
