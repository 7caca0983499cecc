"""The verdict in detail: who solves what, who stays at the baseline, who loses to ridge."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from seqbench.report.remarks import beats_baseline
from seqbench.report.row import VerdictRow
from seqbench.report.wording import listed, some


def sentences(rows: Sequence[VerdictRow], environments: Mapping[str, str]) -> list[str]:
    """What a report says below its verdict, from its rows and the short names of their environments."""
    models = [row for row in rows if row.kind == "model"]
    said = [_solved(list(members), environments) for _, members in groupby(models, key=lambda row: row.env_id)]
    said += [_baseline(models), *_losses(rows)]
    return [sentence for sentence in said if sentence]


def _solved(rows: list[VerdictRow], environments: Mapping[str, str]) -> str:
    """Which architectures solve which tasks with every seed, which with some."""
    rated = [row for row in rows if row.summary and row.summary.solved is not None]
    if not rated:
        return ""
    tasks = list(dict.fromkeys(row.task for row in rated))
    by_pattern: dict[tuple[str, ...], list[str]] = {}
    for name in dict.fromkeys(row.label for row in rated):
        mine = {row.task: row for row in rated if row.label == name}
        by_pattern.setdefault(tuple(_level(mine.get(task)) for task in tasks), []).append(name)
    ordered = sorted(by_pattern.items(), key=lambda item: -item[0].count("all"))
    where = f"In environment {environments[rows[0].env_id]}: " if len(environments) > 1 else ""
    text = "; ".join(f"{listed(names)} {_pattern(tasks, levels, len(names))}" for levels, names in ordered)
    return f"{where}{text}."


def _level(row: VerdictRow | None) -> str:
    if row is None or row.summary is None or row.summary.solved is None:
        return "absent"
    return "none" if row.summary.solved == 0 else "all" if row.summary.solved == row.summary.runs else "some"


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


def _baseline(rows: list[VerdictRow]) -> str:
    by_task: dict[str, list[str]] = {}
    for row in rows:
        if not beats_baseline(row):
            by_task.setdefault(row.task, []).append(row.label)
    return f"No better than the trivial baseline in the mean: {_by_task(by_task)}." if by_task else ""


def _by_task(names: Mapping[str, Sequence[str]]) -> str:
    """Task -> architectures as text: "rnn and lstm on copy_30; rnn on copy_10"."""
    return "; ".join(f"{listed(list(dict.fromkeys(who)))} on {task}" for task, who in names.items())


def _losses(rows: Sequence[VerdictRow]) -> list[str]:
    """For each trivial method the architectures that lose to it; the one that skill is measured from is said above."""
    zeros = {(row.env_id, row.task, row.name) for row in rows if row.kind == "baseline" and row.skill == 0}
    by_method: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        for method in (r.removeprefix("loses to ") for r in row.remarks if r.startswith("loses to ")):
            if (row.env_id, row.task, method) not in zeros:
                by_method.setdefault(method, {}).setdefault(row.task, []).append(row.label)
    return [f"Worse than {method}: {_by_task(tasks)}." for method, tasks in by_method.items()]
