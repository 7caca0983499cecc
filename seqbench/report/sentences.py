"""The verdict in detail: who solves what, who stays at the baseline, who loses to ridge."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from seqbench.report.dependency import Dependency, not_in
from seqbench.report.remarks import AT_BASELINE, LOSES, beats_baseline
from seqbench.report.row import VerdictRow
from seqbench.report.sections import title_of
from seqbench.report.wording import count, listed, some

_NAMED = 24
"""Names in one list of a sentence."""


def sentences(
    rows: Sequence[VerdictRow], environments: Mapping[str, str], curves: Sequence[Dependency] = ()
) -> list[str]:
    """What a report says below its verdict, from its rows and the short names of their environments.

    Of tasks that are points of ``curves`` the longest solved dependency tells; that they are left out is said last.
    """
    rows = not_in(curves, rows)
    models = [row for row in rows if row.kind == "model"]
    said = [_solved(list(members), environments) for _, members in groupby(models, key=lambda row: row.env_id)]
    said += [_baseline(models, environments), *_losses(rows, environments)]
    said = [sentence for sentence in said if sentence]
    tasks = list(dict.fromkeys(made.bare_task for made in curves))
    left = f"These sentences leave out the lengths of {some(tasks)}, of which the longest solved dependencies tell."
    return [*said, left] if said and tasks else said


def _solved(rows: list[VerdictRow], environments: Mapping[str, str]) -> str:
    """Which architectures solve which tasks with every seed, which with some."""
    rated = [row for row in rows if row.summary and row.summary.solved is not None]
    if not rated:
        return ""
    tasks = list(dict.fromkeys(row.task for row in rated))
    of_name: dict[str, dict[str, list[VerdictRow]]] = {}
    for row in rated:
        of_name.setdefault(row.label, {}).setdefault(row.task, []).append(row)
    by_pattern: dict[tuple[str, ...], list[str]] = {}
    for name, mine in of_name.items():
        by_pattern.setdefault(tuple(_level(mine.get(task, [])) for task in tasks), []).append(name)
    ordered = sorted(by_pattern.items(), key=lambda item: -item[0].count("all"))
    where = f"In environment {environments[rows[0].env_id]}: " if len(environments) > 1 else ""
    text = "; ".join(f"{some(names, _NAMED)} {_pattern(tasks, levels, len(names))}" for levels, names in ordered)
    return f"{where}{text}."


def _level(rows: Sequence[VerdictRow]) -> str:
    """Of all configurations of one name on one task."""
    found = [row.summary for row in rows if row.summary]
    solved, runs = sum(cell.solved or 0 for cell in found), sum(cell.runs for cell in found)
    return "absent" if not runs else "none" if not solved else "all" if solved == runs else "some"


def _pattern(tasks: list[str], levels: tuple[str, ...], names: int) -> str:
    """What the architectures of one pattern solve."""
    present = [task for task, level in zip(tasks, levels, strict=True) if level != "absent"]
    solved = [task for task, level in zip(tasks, levels, strict=True) if level == "all"]
    partly = [task for task, level in zip(tasks, levels, strict=True) if level == "some"]
    verb = "solve" if names > 1 else "solves"
    if len(solved) == len(present) > 1:
        return f"{verb} all of {some(present)} with every seed"
    parts = [f"{verb} {listed(solved)} with every seed"] if solved else []
    parts += [f"{verb} {listed(partly)} with some seeds only"] if partly else []
    if parts:
        return " and ".join(parts)
    if len(present) > 1:
        return f"{verb} none of {some(present)}"
    return f"{'do' if names > 1 else 'does'} not solve {present[0]}"


def _baseline(rows: list[VerdictRow], environments: Mapping[str, str]) -> str:
    by_task: dict[str, list[str]] = {}
    for row in rows:
        if not beats_baseline(row):
            by_task.setdefault(title_of(row, environments), []).append(row.label)
    what = f"At the trivial baseline or below it in the mean (skill under {AT_BASELINE:g})"
    return f"{what}: {_by_task(by_task)}." if by_task else ""


def _by_task(names: Mapping[str, Sequence[str]]) -> str:
    """Task -> architectures as text: "rnn and lstm on copy_30; rnn on copy_10"."""
    told = [f"{some(list(dict.fromkeys(who)), _NAMED)} on {task}" for task, who in list(names.items())[:_NAMED]]
    left = len(names) - len(told)
    return "; ".join([*told, f"and so on {count(left, 'more task')}"] if left else told)


def _losses(rows: Sequence[VerdictRow], environments: Mapping[str, str]) -> list[str]:
    """For each trivial method the architectures that lose to it; the one that skill is measured from is said above."""
    zeros = {(row.env_id, row.task, row.name) for row in rows if row.kind == "baseline" and row.skill == 0}
    by_method: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        for method in (r.removeprefix(LOSES) for r in row.remarks if r.startswith(LOSES)):
            if (row.env_id, row.task, method) not in zeros:
                by_method.setdefault(method, {}).setdefault(title_of(row, environments), []).append(row.label)
    return [f"Worse than {method}: {_by_task(tasks)}." for method, tasks in by_method.items()]
