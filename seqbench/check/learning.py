"""What was learned, base against head: the same seeds on both sides, so that every seed is a pair.

At equal seeds both sides start from the same parameters and see the same batches. Code that computes the same trains
the same bit for bit; where it rounds differently, steps to solve and final skill are compared pair by pair.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seqbench.check import lost
from seqbench.check.finding import Finding, Verdict
from seqbench.record.record import current
from seqbench.record.store import Store
from seqbench.schema import Record, UsageError
from seqbench.statistics.paired import median_shift, shift_bounds
from seqbench.statistics.signed_ranks import one_sided_p


@dataclass(frozen=True, kw_only=True)
class Run:
    """The training of one seed, as far as it is compared.

    Attributes:
        steps: to solve, None where unsolved. budget: of steps, None of a run that failed before it told.
        skill: final, normalised; None of a run without a result, which counts as 0, the trivial method's.
        bits: hashes of all training losses and of the final parameters; None where there are none.
        losses: step -> training loss, of the steps that were kept.
        lost: status and reason of a run that did not complete.
    """

    steps: int | None
    budget: int | None
    skill: float | None
    bits: tuple[str, str] | None
    losses: Mapping[int, float]
    lost: str = ""


NO_HASHES = "left no hashes of its training"
Runs = Mapping[str, Mapping[int, Run]]
"""Name of the cell, e.g. "gru on adding_problem" -> seed -> run."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What counts as worse, and what as no worse.

    Attributes:
        error: chance that anything is called worse when nothing is, all cells together.
        least_steps, least_skill: a smaller change is never worse: share of the steps, absolute of the skill.
        most_steps, most_skill: what must be ruled out before a cell is fine.
        bound_error: chance that one bound of an interval is wrong.
    """

    error: float = 0.004
    least_steps: float = 0.05
    most_steps: float = 0.25
    least_skill: float = 0.01
    most_skill: float = 0.05
    bound_error: float = 0.01


def runs_of(store: Store) -> Runs:
    """The runs of a store, of each the attempt that counts.

    Raises:
        UsageError: one name stands for runs of several configurations or environments, and none is the one to compare.
    """
    found: dict[str, dict[int, Run]] = {}
    sources: dict[str, tuple[str, str]] = {}
    for record in current(store.records("learning")):
        if record.seed is None:
            continue
        name, source = _cell(record), (record.cell_id, record.env_id)
        if sources.setdefault(name, source) != source:
            raise UsageError(
                f"--learning must find one configuration of a name, trained in one environment; got several of "
                f"{name[:80]!a} in {str(store.root)[:80]!a}. Train what you compare into a store of its own: store=DIR."
            )
        found.setdefault(name, {})[record.seed] = _run(record, store)
    return found


def _cell(record: Record) -> str:
    names = {"model": "", "task": "", "variant": ""} | dict(record.labels)
    variant = f" {names['variant']}" if names["variant"] else ""
    return f"{names['model']} on {names['task']}{variant}"


def _run(record: Record, store: Store) -> Run:
    summary, done = record.summary, record.status == "completed"
    hashes = summary.get("losses_sha256"), summary.get("parameters_sha256")
    losses: dict[int, float] = {}
    if "loss" in record.arrays and "step" in record.arrays:
        arrays = store.arrays(record)
        losses = dict(zip(arrays["step"].tolist(), arrays["loss"].astype(float).tolist(), strict=True))
    return Run(
        steps=summary.get("steps_to_solve") if done else None,
        budget=record.task.get("budget"),
        skill=summary.get("skill") if done else None,
        bits=None if None in hashes else (str(hashes[0]), str(hashes[1])),
        losses=losses,
        lost="" if done else f"{record.status} ({record.reason or 'no reason told'})",
    )


def bitwise(base: Runs, head: Runs) -> list[Finding]:
    """One finding a cell: whether every seed trained the same, bit for bit; if not, where they part."""
    both = [name for name in sorted(base.keys() & head.keys()) if base[name].keys() & head[name].keys()]
    return [*_apart(base, head), *(_bits(name, base[name], head[name]) for name in both)]


def compare(base: Runs, head: Runs, limits: Limits = Limits()) -> list[Finding]:
    """Cells that trained the same bit for bit are fine; of the others steps to solve and final skill are compared.

    Args:
        base: runs of one side.
        head: runs of the other.
        limits: see ``Limits``; the level of one comparison is the whole's, divided by their number.
    """
    found, todo = _apart(base, head), list[tuple[str, str, np.ndarray, tuple[float, float]]]()
    for name in sorted(base.keys() & head.keys()):
        pairs = [(base[name][seed], head[name][seed]) for seed in sorted(base[name].keys() & head[name].keys())]
        found += lost.findings(name, *({seed: run.lost for seed, run in side[name].items()} for side in (base, head)))
        budgets = {run.budget for pair in pairs for run in pair if run.budget}
        if all(run.lost for run, _ in pairs):
            continue  # which is told, where there are any
        if all(_same_bits(*pair) for pair in pairs):
            found.append(_bits(name, base[name], head[name]))
        elif len(budgets) > 1:  # unsolved is as long as the budget
            found.append(_not_comparable(name, "trained for other numbers of steps"))
        elif all(run.skill is None and run.steps is None for run, _ in pairs):
            found.append(_not_comparable(name, "no run of the base has a skill or solves"))
        else:
            todo += _measures(name, pairs, max(budgets, default=1))
    return found + [_judged(*measure, len(todo), limits) for measure in todo]


def _same_bits(base: Run, head: Run) -> bool:
    return base.bits is not None and base.bits == head.bits


def _apart(base: Runs, head: Runs) -> list[Finding]:
    """A finding for each cell that one side lacks, or shares no seed of."""
    found = []
    for name in sorted({*base, *head}):
        if not base.get(name, {}).keys() & head.get(name, {}).keys():
            side = "the base" if name not in base else "the head" if name not in head else "both, with other seeds"
            says = f"trained in {side}" if name in base and name in head else f"not in {side}"
            found.append(_not_comparable(name, says))
    return found


def _not_comparable(name: str, says: str) -> Finding:
    return Finding(kind="learning", name=name, verdict="not comparable", says=says)


def _bits(name: str, base: Mapping[int, Run], head: Mapping[int, Run]) -> Finding:
    seeds = sorted(base.keys() & head.keys())
    same = [seed for seed in seeds if _same_bits(base[seed], head[seed])]
    other = [seed for seed in seeds if seed not in same]
    known = [seed for seed in other if base[seed].bits]  # of the others nothing can be said
    if other and not known:
        return _not_comparable(name, f"seed {other[0]} {NO_HASHES} in the base: {base[other[0]].lost or 'old'}")
    says = (
        _where(known[0], base[known[0]], head[known[0]]) if known else "every loss and parameter the same, bit for bit"
    )
    return Finding(
        kind="learning",
        name=name,
        verdict="regressed" if known else "fine",
        says=says,
        base=len(seeds),
        head=len(same),
        unit="seeds",
    )


def _where(seed: int, base: Run, head: Run) -> str:
    if head.bits is None:
        return f"seed {seed} {NO_HASHES} in the head: {head.lost or 'old'}"
    for step in sorted(base.losses.keys() & head.losses.keys()):
        if base.losses[step] != head.losses[step]:
            return f"seed {seed} has another loss at step {step}: {head.losses[step]:.9g}, was {base.losses[step]:.9g}"
    return f"seed {seed} has the same losses where they were kept, but trained differently"


def _measures(
    name: str, pairs: Sequence[tuple[Run, Run]], budget: int
) -> Iterator[tuple[str, str, np.ndarray, tuple[float, float]]]:
    """Name, unit, differences (seeds,) that are above 0 where the head is worse, and what both sides have.

    Of steps that is the median, infinity where at least half of the seeds do not solve.
    """
    if any(run.steps for pair in pairs for run in pair):  # where nothing was solved, steps say nothing
        steps = np.array([[_steps(run, budget) for run in pair] for pair in pairs])
        middle = [step if step <= budget else math.inf for step in np.median(steps, axis=0).tolist()]
        yield name, "steps", np.log(steps[:, 1] / steps[:, 0]), (middle[0], middle[1])
    if any(run.skill is not None for pair in pairs for run in pair):  # a task may have none
        skills = np.array([[run.skill or 0.0 for run in pair] for pair in pairs])
        mean = skills.mean(axis=0)
        yield name, "skill", skills[:, 0] - skills[:, 1], (float(mean[0]), float(mean[1]))


def _steps(run: Run, budget: int) -> float:
    """Steps to solve; an unsolved run counts as if it took twice its budget: more than any that solved."""
    return float(run.steps) if run.steps else 2.0 * budget


def _judged(
    name: str, unit: str, worse: np.ndarray, sides: tuple[float, float], family: int, limits: Limits
) -> Finding:
    low, high = shift_bounds(worse, limits.bound_error)
    shift, level = median_shift(worse), limits.error / family
    least = math.log1p(limits.least_steps) if unit == "steps" else limits.least_skill
    most = math.log1p(limits.most_steps) if unit == "steps" else limits.most_skill
    change, ends = (math.expm1(shift), (math.expm1(low), math.expm1(high)))
    if unit == "skill":
        change, ends = -shift, (-high, -low)
    verdict, says = _verdict(one_sided_p(worse) <= level and shift >= least, high, most, unit)
    if verdict == "inconclusive" and 0.5**worse.size > level:
        says += f"; {worse.size} seeds cannot decide: {math.ceil(-math.log2(level))} can"
    if math.inf in sides:
        says += "; a run that does not solve counts as twice the budget"
    return Finding(
        kind="learning",
        name=f"{name}: {'steps to solve' if unit == 'steps' else 'final skill'}",
        verdict=verdict,
        says=says,
        base=sides[0],
        head=sides[1],
        unit=unit,
        change=change,
        interval=ends,
    )


def _verdict(worse: bool, high: float, most: float, unit: str) -> tuple[Verdict, str]:
    bound = (
        f"{100 * math.expm1(max(high, 0)):.0f} % more steps" if unit == "steps" else f"{max(high, 0):.3f} less skill"
    )
    if worse:
        return "regressed", "worse at equal seeds"
    if high > most:
        return "inconclusive", f"may be worse by {bound}" if math.isfinite(high) else "too few seeds"
    return "fine", f"not worse than by {bound}"
