"""The longest dependency that each architecture solves, where a task was trained at several lengths."""

import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from seqbench.record.record import canonical, ended
from seqbench.report.item import Item, Row, Table
from seqbench.report.names import label_of, model_order, natural, plainest
from seqbench.report.row import VerdictRow
from seqbench.report.solving import is_solved, left_open
from seqbench.report.wording import DASH, count, number, some, whole
from seqbench.schema import Record, curve_id, length_key, without_length
from seqbench.statistics.crossing import crossing_point
from seqbench.statistics.seeds import Estimate

FEWEST = 3
"""Lengths below which a curve is not shown."""
MAX_LENGTH = 2**31 - 1
NO_BOUND = "no bound"
"""What is said of an interval with both ends open."""


@dataclass(frozen=True, kw_only=True)
class Dependency:
    """What one architecture solves of one task at several lengths.

    Attributes:
        env_id, task: environment, and the task's name without a length.
        name: of the architecture. whole_name: the same with the words that all names of the report share.
        setting: what curves have in common that stand side by side: all but the model.
        lengths: rising, in the task's own unit. solved: at each length, whether each run solved.
        estimate: the length at which the solve rate is one half: 0 below the shortest, infinite above the longest.
        budget: optimiser steps of one run. cells: identities of the cells that it is made of.
    """

    env_id: str
    task: str
    name: str
    whole_name: str
    setting: str
    lengths: tuple[int, ...]
    solved: tuple[tuple[bool, ...], ...]
    estimate: Estimate
    budget: int | None
    cells: frozenset[str]

    @property
    def seeds(self) -> tuple[int, int]:
        """Fewest and most runs at one length."""
        runs = [len(flags) for flags in self.solved]
        return min(runs), max(runs)

    @property
    def bare_task(self) -> str:
        """The task's name for where its budget is told beside it."""
        return re.sub(rf" budget={self.budget}(?= |$)", "", self.task)

    @property
    def value_text(self) -> str:
        """The estimate; a bound where the crossing lies outside of the lengths."""
        value = self.estimate.value
        if 0 < value < math.inf:
            return number(value, 2)
        return f"< {self.lengths[0]:,}" if value == 0 else f"> {self.lengths[-1]:,}"

    @property
    def interval_text(self) -> str:
        """The interval, one-sided where an end is open; empty where nothing is known of either end."""
        low, high = self.estimate.interval or (0.0, math.inf)
        if low > 0 and math.isfinite(high):
            return f"{whole(low)} to {whole(high)}"
        return f"at least {whole(low)}" if low > 0 else f"at most {whole(high)}" if math.isfinite(high) else ""


def dependencies(records: Iterable[Record], reference: str | None = None, common: str = "") -> list[Dependency]:
    """Every architecture that left runs at ``FEWEST`` lengths or more of a task that can be solved, side by side.

    None whose budget ended too soon to tell what it solves of the shortest length. Of several names of a curve it has
    the ``reference``'s where that is one, else the plainest; for ``common`` see ``groups.grouped``.
    """
    curves: dict[tuple[str, str], list[Record]] = {}
    known: dict[str, str] = {}
    for record in ended(records):
        if record.kind == "learning" and _has_length(record):
            if record.cell_id not in known:
                known[record.cell_id] = curve_id(record.config)
            curves.setdefault((record.env_id, known[record.cell_id]), []).append(record)
    found = [made for members in curves.values() if (made := _dependency(members, reference, common)) is not None]
    return sorted(found, key=lambda made: (made.env_id, natural(made.task), made.setting, model_order(made.name)))


def _dependency(records: Sequence[Record], reference: str | None, common: str) -> Dependency | None:
    at: dict[int, list[Record]] = {}
    for record in sorted(records, key=lambda record: (_length(record), record.seed is None, record.seed or 0)):
        at.setdefault(_length(record), []).append(record)
    facts = next((record.task for record in records if record.task), {})
    if len(at) < FEWEST or not facts.get("solved") or left_open(at[min(at)]):
        return None
    solved = tuple(tuple(map(is_solved, runs)) for runs in at.values())
    same = len({tuple(record.seed for record in runs) for runs in at.values()}) == 1
    first, own = at[min(at)][0], plainest(map(label_of, records), reference)
    return Dependency(
        env_id=first.env_id,
        task=_task([label_of(record).task for runs in at.values() for record in runs]),
        name=own._replace(common=common).name,
        whole_name=own.name,
        setting=canonical({"task": curve_id({"task": first.config["task"]})} | _beside_model(first.config)),
        lengths=tuple(at),
        solved=solved,
        estimate=crossing_point(tuple(at), solved, same_seeds=same),
        budget=(first.config.get("train") or {}).get("steps"),
        cells=frozenset(record.cell_id for record in records),
    )


def _has_length(record: Record) -> bool:
    """Whether a record says how long its dependency was, as a number that a sequence can have."""
    task = record.config.get("task")
    return isinstance(task, Mapping) and length_key(task) is not None and 1 <= _length(record) <= MAX_LENGTH


def _length(record: Record) -> int:
    task = record.config["task"]
    return task[length_key(task)]


def _beside_model(config: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in config.items() if key not in ("task", "model", "sources")}


def _task(labels: Sequence[str]) -> str:
    """The name that tasks of several lengths have in common.

    >>> _task(["copy_memory", "copy_memory delay=28"]), _task(["copy_200", "copy_500", "copy_1000"])
    ('copy_memory', 'copy')
    """
    bare = {without_length(label) for label in labels}
    low, high = min(bare), max(bare)
    shared = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    return low[:shared].rstrip("_ ") or low


def beside(found: Sequence[Dependency]) -> list[list[Dependency]]:
    """Curves that stand side by side: the same task but for its length, trained alike, in one environment."""
    return [list(group) for _, group in groupby(found, key=lambda made: (made.env_id, made.task, made.setting))]


def dependency_sentences(
    found: Sequence[Dependency], environments: Mapping[str, str], most: int = sys.maxsize
) -> list[str]:
    """One sentence a task: how long a dependency each architecture solves with at least half of its seeds.

    ``most`` such results in all sentences together; the others are counted.
    """
    said, groups = list[str](), beside(found)
    for place, group in enumerate(groups):
        who: dict[str, list[str]] = {}
        for made in group:
            who.setdefault(_said(made), []).append(made.name)
        if said and len(who) > most:
            return [*said, f"For {count(len(groups) - place, 'other comparison')} over lengths see below."]
        said.append(_sentence(group[0], who, environments, most))
        most -= min(len(who), most)
    return said


def _sentence(first: Dependency, who: Mapping[str, Sequence[str]], environments: Mapping[str, str], most: int) -> str:
    """Of curves that stand side by side, of which ``first`` is one: what is solved, by whom; the first ``most``."""
    where = f" in environment {environments[first.env_id]}" if len(environments) > 1 else ""
    within = f" within {whole(first.budget)} training steps" if first.budget else ""
    told = [f"{some(names)} solve{'' if len(names) > 1 else 's'} {what}" for what, names in who.items()]
    left = sum(map(len, [*who.values()][most:]))
    parts = [*told[:most], f"{count(left, 'other architecture')} below"] if left else told
    return f"On {first.bare_task}{where}{within}, with at least half of the seeds: {'; '.join(parts)}."


def not_in(found: Sequence[Dependency], rows: Sequence[VerdictRow]) -> list[VerdictRow]:
    """The rows of which no curve speaks."""
    spoken_for = frozenset[str]().union(*(made.cells for made in found))
    return [row for row in rows if row.cell_id not in spoken_for]


def _said(made: Dependency) -> str:
    """What one architecture, or several alike, solves: the number, its interval or why there is none."""
    value, shortest, longest = made.estimate.value, made.lengths[0], made.lengths[-1]
    if value == 0:
        what = f"no dependency as long as {shortest:,} steps, the shortest tried"
    elif math.isinf(value):
        what = f"dependencies of more than {longest:,} steps, the longest tried"
    else:
        what = f"dependencies up to {made.value_text} steps"
    if made.estimate.interval is None:
        return f"{what} ({made.estimate.why}: no interval)"
    return f"{what} (95 % {made.interval_text})" if made.interval_text else f"{what} (95 %: {NO_BOUND})"


def dependency_table(found: Sequence[Dependency], environments: Mapping[str, str]) -> Table:
    """A row an architecture."""
    groups = []
    for group in beside(found):
        first = group[0]
        title = f"{first.bare_task} [{environments[first.env_id]}]" if len(environments) > 1 else first.bare_task
        small = f"budget {whole(first.budget)} training steps" if first.budget else ""
        groups.append((title, small, [_row(made) for made in group]))
    return Table(
        label="Longest solved dependency",
        lead="The length at which the solve rate falls through one half: rates are fitted so that they never rise with "
        "length, and between two lengths the crossing is interpolated in log length. The interval comes from draws of "
        "what the seeds leave open, its ends moved out to lengths that were run; in simulated studies with 5 and 10 "
        "seeds it held the truth in 91 to 98 of 100. Where all seeds solve the longest length, or none the shortest, "
        "there is only a bound.",
        columns=["architecture", "longest solved", "95 % interval", "seeds", "solved at each length"],
        groups=groups,
    )


def _row(made: Dependency) -> Row:
    fewest, most = made.seeds
    value = made.estimate.value
    order: float | str = "inf" if math.isinf(value) else value
    rates = [f"{length:,}: {sum(f)}/{len(f)}" for length, f in zip(made.lengths, made.solved, strict=True)]
    why = made.estimate.why if made.estimate.interval is None else NO_BOUND
    return Row(
        name=made.name,
        cells=[
            Item(made.value_text, order),
            Item(made.interval_text or why or DASH, made.estimate.interval[0] if made.estimate.interval else ""),
            Item(str(fewest) if fewest == most else f"{fewest} to {most}", fewest),
            Item(", ".join(rates), len(rates), kind="text"),
        ],
    )
