"""What a reader must know before any number: too few seeds, unequal chances, impossible scores, lost runs."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from seqbench.report.fairness import Trials, tried
from seqbench.report.group import Group
from seqbench.report.names import label_of, model_order, natural
from seqbench.report.remarks import LOSES, beyond_bound
from seqbench.report.row import VerdictRow
from seqbench.report.sections import title_of
from seqbench.report.tables import reference_row
from seqbench.report.wording import count, listed, some
from seqbench.schedule import NUM_CONSECUTIVE
from seqbench.schema import CONTINUED, Record
from seqbench.statistics.seeds import ENOUGH, FEWEST, low_power


def banners(
    groups: Sequence[Group],
    rows: Sequence[VerdictRow],
    records: Sequence[Record],
    environments: Mapping[str, str],
    trials: Trials,
    missing: int,
    reference: str | None = None,
    common: str = "",
) -> list[str]:
    """One sentence each, the gravest first; empty where nothing is to be warned of.

    ``common``: words that all names share, which is said here.
    """
    models = [row for row in rows if row.kind == "model"]
    said = [
        _exact(groups, environments),
        _beyond(models, environments),
        _below(rows, environments),
        _beaten(rows, environments),
    ]
    said += [_reference(models, reference, environments), _open(models), _seeds(models), _power(models)]
    titles = [title_of(group, environments) for group in groups]
    said += [_common(common), _tuning(groups, titles, trials), _chances(groups, titles), _training(groups, titles)]
    said += [
        _environments(len(environments)),
        _failures(records),
        stopped(records, environments, common),
        _missing(missing),
    ]
    return [sentence for sentence in said if sentence]


def unreadable(problems: Sequence[str]) -> list[str]:
    """One sentence where something in the store could not be read."""
    said = f"{count(len(problems), 'thing')} in the store could not be read as records or their arrays"
    return [f"{said}; see “Problems in the store”."] if problems else []


def _exact(groups: Sequence[Group], environments: Mapping[str, str]) -> str:
    """Tasks that a trivial method solves exactly."""
    found = [f"{title_of(group, environments)} ({group.exact})" for group in groups if group.exact]
    return f"A trivial method is as good as perfect, so that there is no skill: {some(found)}." if found else ""


def _beyond(rows: Sequence[VerdictRow], environments: Mapping[str, str]) -> str:
    found = [f"{row.label} on {title_of(row, environments)}" for row in rows if beyond_bound(row)]
    return f"Better than the best possible: {some(found)}. The task or its scoring is in error there." if found else ""


def _below(rows: Sequence[VerdictRow], environments: Mapping[str, str]) -> str:
    zeros = {(row.env_id, row.task): row.name for row in rows if row.kind == "baseline" and row.skill == 0}
    found = [
        f"{row.label} on {title_of(row, environments)}"
        for row in rows
        if row.kind == "model" and f"{LOSES}{zeros.get((row.env_id, row.task))}" in row.remarks
    ]
    return f"Below the trivial baseline: {some(found)}." if found else ""


def _beaten(rows: Sequence[VerdictRow], environments: Mapping[str, str]) -> str:
    """Trivial methods to which all that left a score on a task lose; of the one that skill is taken from see above."""
    tasks: dict[tuple[str, str], list[VerdictRow]] = {}
    for row in rows:
        tasks.setdefault((row.env_id, row.task), []).append(row)
    found = [
        f"{method.name} on {title_of(method, environments)}"
        for mine in tasks.values()
        for method in mine
        if method.kind == "baseline" and method.skill != 0
        if (there := [row for row in mine if row.kind == "model" and row.score is not None])
        if all(f"{LOSES}{method.name}" in row.remarks for row in there)
    ]
    return f"A trivial method is better than every architecture: {some(found)}." if found else ""


def _reference(rows: Sequence[VerdictRow], reference: str | None, environments: Mapping[str, str]) -> str:
    """Tasks of several rows that are compared with nothing, as the study's reference is not there, or not just once.

    One row alone is a length that one architecture's bisection came to: nobody looks for a comparison there.
    """
    tasks: dict[str, list[VerdictRow]] = {}
    for row in rows:
        if row.better != "neither":
            tasks.setdefault(title_of(row, environments), []).append(row)
    found: dict[str, list[str]] = {}
    for task, members in tasks.items():
        if len(members) > 1 and reference_row(members, reference) is None:
            often = sum(row.name == reference for row in members)
            found.setdefault(f"there as {often} configurations" if often else "not there", []).append(task)
    told = listed([f"{some(tasks)} ({why})" for why, tasks in found.items()])
    return f"Nothing is compared with {reference}, the reference, on {told}." if reference and found else ""


def _open(rows: Sequence[VerdictRow]) -> str:
    found = sum(row.left_open for row in rows)
    if not found:
        return ""
    these = "It counts" if found == 1 else "They count"
    return (
        f"In {count(found, 'row')} of {len(rows):,} the budget ended too soon to tell whether the task is solved: "
        f"fewer than {NUM_CONSECUTIVE} evaluations fit into it. {these} neither as solved nor as not solved."
    )


def _seeds(rows: Sequence[VerdictRow]) -> str:
    few = [row for row in rows if len(row.scores) < FEWEST]
    if not few:
        return ""
    return f"{_who(few, rows)} fewer than {FEWEST} seeds: no interval is given and no ranking is possible there."


def _power(rows: Sequence[VerdictRow]) -> str:
    low = [row for row in rows if low_power(len(row.scores))]
    if not low:
        return ""
    return (
        f"{_who(low, rows)} {FEWEST} to {ENOUGH - 1} seeds, which is of low power: only large differences are found "
        "there, and no verdict is no sign of equality."
    )


def _common(common: str) -> str:
    return f"Everything was run with {common}, which no name repeats." if common else ""


def _who(some_rows: Sequence[VerdictRow], rows: Sequence[VerdictRow]) -> str:
    if len(some_rows) == len(rows):
        return "All rows have"
    return f"{count(len(some_rows), 'row')} of {len(rows):,} {'has' if len(some_rows) == 1 else 'have'}"


def _tuning(groups: Sequence[Group], titles: Sequence[str], trials: Trials) -> str:
    """Learning rates that were chosen from unequal numbers of trials, on one task: by name, and within one name."""
    found = []
    for group, title in zip(groups, titles, strict=True):
        had = [(cell.model, numbers) for cell in group.cells if (numbers := {*tried(trials, group, cell)})]
        if len(set[int]().union(*(numbers for _, numbers in had))) > 1:
            texts = dict.fromkeys(f"{model} {' to '.join(map(str, _ends(numbers)))}" for model, numbers in had)
            found.append(f"{title} ({listed([*texts])} trials)")
    return f"Unequal tuning, so that the comparison is not fair: {some(found)}." if found else ""


def _ends(numbers: Collection[int]) -> list[int]:
    """The smallest and the largest, or the only one."""
    return sorted({min(numbers), max(numbers)})


def _chances(groups: Sequence[Group], titles: Sequence[str]) -> str:
    """Architectures that stand in one table with unequal numbers of configurations."""
    found = []
    for group, title in zip(groups, titles, strict=True):
        tried = Counter(cell.model for cell in group.cells)
        if len(set(tried.values())) > 1:
            found.append(f"{title} ({some([f'{model} {number}' for model, number in tried.items()])})")
    if not found:
        return ""
    return f"Unequal numbers of configurations: {some(found)}; the best of many looks better than it is."


def _training(groups: Sequence[Group], titles: Sequence[str]) -> str:
    found = []
    for group, title in zip(groups, titles, strict=True):
        steps = [(cell.name, (cell.records[0].config.get("train") or {}).get("steps")) for cell in group.cells]
        if len({number for _, number in steps}) > 1:
            texts = [f"{name} {number:,}" if number else f"{name} ?" for name, number in dict.fromkeys(steps)]
            found.append(f"{title} ({some(texts)} steps)")
    return f"Unequal training budgets: {some(found)}." if found else ""


def _environments(environments: int) -> str:
    if environments < 2:
        return ""
    return f"The records come from {environments} environments; they are shown apart and never pooled."


def _failures(records: Sequence[Record]) -> str:
    """Runs that ended and did not complete: they stay in every denominator."""
    runs = [record for record in records if record.kind == "learning" and record.status not in CONTINUED]
    bad = Counter(record.status for record in runs if record.status != "completed")
    if not bad:
        return ""
    parts = listed([f"{number} {status}" for status, number in sorted(bad.items())])
    these = "this counts" if sum(bad.values()) == 1 else "these count"
    return f"Of {count(len(runs), 'run')} {parts}: {these} as not solved in every rate."


def stopped(records: Sequence[Record], environments: Mapping[str, str], common: str) -> str:
    """Runs that the same command continues, by cell: they stay out of every denominator."""
    cells: Counter[tuple[str, str, str]] = Counter()
    for record in records:
        if record.kind == "learning" and record.status in CONTINUED:
            label = label_of(record, common)
            where = f" [{environments[record.env_id]}]" if len(environments) > 1 else ""
            cells[f"{label.task}{where}", label.name, record.status] += 1
    if not cells:
        return ""
    ordered = sorted(cells, key=lambda cell: (natural(cell[0]), model_order(cell[1]), cell[2]))
    told = some([f"{cells[cell]} of {cell[1]} on {cell[0]} ({cell[2]})" for cell in ordered])
    have, they = ("has", "It counts") if cells.total() == 1 else ("have", "They count")
    return (
        f"{count(cells.total(), 'run')} {have} no result yet: {told}. {they} nowhere; the same command again "
        "continues what was interrupted or killed."
    )


def _missing(missing: int) -> str:
    said = f"{count(missing, 'planned run')} left no record yet; the same command again trains what is missing."
    return said if missing else ""
