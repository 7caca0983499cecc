"""Lengths that follow from results: between the longest that half of the seeds solve and the next one. No torch.

Which lengths a study has is a function of the records that are there. So nothing needs to be remembered: whoever plans
it, again or after an interruption, comes to the same lengths.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, pairwise

from rich.console import Console

from seqbench.config.cells import distinct
from seqbench.record.store import Store
from seqbench.report.solving import is_solved
from seqbench.report.wording import count
from seqbench.schema import CONTINUED, Bisection, Cell, Study
from seqbench.statistics.crossing import next_length
from seqbench.sweep import plan as planning
from seqbench.sweep.plan import PlannedRun, make_plan, say
from seqbench.sweep.problems import refuse_unwritable

Curve = list[tuple[Cell, list[PlannedRun]]]
"""Cells that differ in length alone, the shortest first, each with its runs."""


def grown(study: Study, store: Store, trained: Collection[str] = ()) -> tuple[Study, list[PlannedRun]]:
    """The study with all lengths that follow from what is done, and its plan; without bisection as it is.

    Args:
        study: what was asked for, or what that had grown to.
        store: the folder of records.
        trained: runs that this command has trained and does not train again, whatever ``rerun`` says.
    """
    while True:
        plan = [_once(planned, trained) for planned in make_plan(study, store)]
        added = _following(study.bisection, plan) if study.bisection else []
        if not added:
            return study, plan
        study = replace(study, cells=_sorted(distinct((*study.cells, *added))))


def _once(planned: PlannedRun, trained: Collection[str]) -> PlannedRun:
    """The planned run, which is trained once; one that was stopped has no result yet."""
    stopped = planned.record is None or planned.record.status in CONTINUED
    return planned if stopped or planned.run_id not in trained else replace(planned, train=False)


def _following(bisection: Bisection, plan: Sequence[PlannedRun]) -> list[Cell]:
    """The next length of each curve whose runs all have a result."""
    found = []
    for curve in _curves(plan):
        if any(planned.train for _, runs in curve for planned in runs):
            continue
        solved = [[is_solved(planned.record) for planned in runs if planned.record] for _, runs in curve]
        length = next_length([cell.length or 0 for cell, _ in curve], solved, bisection.ratio)
        if length is not None:
            found.append(bisection.at(curve[0][0], length))
    return found


def _curves(plan: Sequence[PlannedRun]) -> list[Curve]:
    curves: dict[str, Curve] = {}
    for _, group in groupby(plan, key=lambda planned: planned.cell_id):
        runs = list(group)
        curves.setdefault(runs[0].cell.curve, []).append((runs[0].cell, runs))
    return [sorted(curve, key=lambda part: part[0].length or 0) for curve in curves.values()]


def _sorted(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """Curve after curve, each by length."""
    order: Mapping[str, int] = {name: i for i, name in enumerate(dict.fromkeys(cell.curve for cell in cells))}
    return tuple(sorted(cells, key=lambda cell: (order[cell.curve], cell.length or 0)))


def explain(study: Study, console: Console) -> None:
    """Print what is planned by the results there are, and how many lengths may follow from those that are missing.

    Raises:
        UsageError: the store or the report could not be written, so the sweep would be refused.
    """
    refuse_unwritable(study.options)
    study, plan = grown(study, Store(study.options.store))
    planning.explain(study, console)
    if study.bisection is None:
        return
    ahead = [rounds for curve in _curves(plan) if (rounds := _ahead(curve, study.bisection.ratio))]
    if ahead:
        say(
            console,
            f"Then lengths follow for {count(len(ahead), 'architecture')}, up to {max(ahead)} each: where half of the "
            f"seeds solve, until two are at most a factor of {study.bisection.ratio:g} apart.",
        )


def _ahead(curve: Curve, ratio: float) -> int:
    """At most so many lengths follow from those of a curve by halving the widest gap; 0 where all its runs are done."""
    if not any(planned.train for _, runs in curve for planned in runs):
        return 0
    lengths = [cell.length or 1 for cell, _ in curve]
    gap = max(math.log(b / a) for a, b in pairwise(lengths))
    return max(0, math.ceil(math.log2(gap / math.log(ratio))))
