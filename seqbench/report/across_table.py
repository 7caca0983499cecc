"""What is said across tasks: sentences on the tasks as a sample of others, and a table."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from seqbench.report.across import Across
from seqbench.report.item import Item, Row, Table
from seqbench.report.matrix import MOST, Duel, Matrix
from seqbench.report.matrix_table import against_reference
from seqbench.report.wording import (
    DASH,
    count,
    decision_text,
    listed,
    number,
    readable,
    skill_text,
    skills_text,
    some,
)
from seqbench.statistics.ranking import FEWEST_TASKS
from seqbench.statistics.seeds import Estimate

_FEWEST_ARCHITECTURES = 3
"""Of which mean ranks are compared: two have the rows of the table."""
_IQM = (
    "IQM: interquartile mean of the skills of all runs, every task weighing the same; beside it their mean and median. "
    "A run without a skill counts as the worst one on its task, or as 0, the trivial baseline, if that is lower."
)
_INTERVAL = (
    " Its interval draws seeds anew within each task, a seed on several of one kind with all its runs, and with 5 "
    "seeds covers less than 95 %; there is none where an architecture left no skill on a task."
)
_RANK = (
    " Rank: by the chance to beat a run of any other architecture on the same task; brackets: the places that the "
    "verdicts on all pairs leave open."
)
_MEAN_RANK = " Mean rank: the mean over tasks of the ranks by that chance on each of them."
_BEATS = (
    "the chance that a run scores better than one of {} on the same task; its interval is of this pair alone, while "
    "verdicts also take Holm's correction."
)
_AGAINST = (
    "the verdict over all tasks that the two have in common, its p adjusted over the comparisons with {} alone, where "
    "that of the matrix is over all pairs; it takes a p below 0.05 and an interval of the chance without 1/2."
)


def across_table(found: Sequence[Across], environments: Mapping[str, str], matrices: Sequence[Matrix] = ()) -> Table:
    """A row an architecture, a group an environment; ``matrices`` hold the verdicts against the reference."""
    names = {readable(made.reference) for made in found if made.reference}
    reference = names.pop() if len(names) == 1 else "the reference"  # its configuration may be another one elsewhere
    beats, against = f"P(beats {reference})", f"against {reference}"
    table = Table(
        label="Across tasks",
        said=[sentence for made in found for sentence in across_sentences(made, environments)],
        lead=_IQM,
        columns=["architecture", "IQM of skill", "mean", "median", "rank", "mean rank", beats, against, "runs"],
        groups=[_group(made, environments, matrices) for made in found],
    ).without_empty(DASH)
    lead = _IQM + (_INTERVAL if any(row.iqm.interval for made in found for row in made.rows) else "")
    lead += _RANK if "rank" in table.columns else ""
    lead += _MEAN_RANK if "mean rank" in table.columns else ""
    lead += f" {beats}: {_BEATS.format(reference)}" if beats in table.columns else ""
    lead += f" {against[0].upper()}{against[1:]}: {_AGAINST.format(reference)}" if against in table.columns else ""
    return replace(table, lead=lead)


def _group(made: Across, environments: Mapping[str, str], matrices: Sequence[Matrix]) -> tuple[str, str, list[Row]]:
    where = f" [{environments[made.env_id]}]" if len(environments) > 1 else ""
    duels = against_reference(matrices, made.env_id, made.reference)
    rows = [_row(made, place, duels.get(row.label)) for place, row in enumerate(made.rows)]
    return f"{count(len(made.tasks), 'common task')}{where}", listed([*map(readable, made.tasks)]), rows


def _row(made: Across, place: int, duel: Duel | None) -> Row:
    row, found = made.rows[place], made.critical
    cells = [
        Item(skill_text(row.iqm.value), row.iqm.value, skills_text(row.iqm.interval)),
        Item(skill_text(row.mean), row.mean),
        Item(skill_text(row.median), row.median),
        Item(str(row.rank.rank), row.rank.rank, f"[{row.rank.low}, {row.rank.high}]") if row.rank else Item(DASH),
        _mean_rank(found.mean_ranks[place]) if found and found.difference else Item(DASH),
        Item("reference", 0.5) if row.label == made.reference and not made.why else _chance(row.improvement),
        _verdict(duel, made.tasks),
        Item(str(row.runs), row.runs),
    ]
    return Row(row.label, cells)


def _mean_rank(mean: float) -> Item:
    return Item(f"{mean:.2f}", mean)


def _chance(found: Estimate | None) -> Item:
    if found is None:
        return Item(DASH)
    note = f"[{found.interval[0]:.2f}, {found.interval[1]:.2f}]" if found.interval else ""
    return Item(f"{found.value:.2f}", found.value, note)


def _verdict(duel: Duel | None, tasks: Sequence[str]) -> Item:
    """Against the reference; the tasks that the two share are counted where they are others than those of the table."""
    if duel is None:
        return Item(DASH)
    found = duel.overall
    verdict, bracket, p = decision_text(found, bool(duel.apart)).partition(" (")
    note = f"{bracket}{p}".strip()
    if {task for task, _ in duel.tasks} != {*tasks}:
        note = f"{note} on {count(len(duel.tasks), 'task')}".strip()
    value = "" if found.probability is None else found.probability
    return Item(verdict, value, note, f"number verdict {found.verdict}")


def across_sentences(made: Across, environments: Mapping[str, str]) -> list[str]:
    """What the tasks say of others like them; why there are no ranks; who is left out."""
    where = f"Environment {environments[made.env_id]}: " if len(environments) > 1 else ""
    if made.why:
        some_have = any(row.iqm.interval for row in made.rows)
        none = "no ranking, and no interval where seeds are too few" if some_have else "no interval and no ranking"
        said = f"{where}{readable(made.why)}: {none}."
    elif len(made.rows) > MOST:
        said = f"{where}ranks are told of at most {MOST} architectures; there are {len(made.rows)}."
    else:
        said = f"{where}{_as_sample(made)}"
    left = {
        "Not trained alike, in one configuration, on all of these tasks, and left out": made.left_out,
        "Tasks that give no skill, or on which not all of these architectures were trained alike, and left out": (
            made.tasks_left_out
        ),
        "Counted once, being the same as one of these tasks": made.again,
    }
    return [said[0].upper() + said[1:], *(f"{why}: {some([*map(readable, who)])}." for why, who in left.items() if who)]


def _as_sample(made: Across) -> str:
    """Friedman's and Nemenyi's answer: for them the tasks, and not the seeds, are what was drawn at random."""
    found, tasks = made.critical, len(made.tasks)
    if found is None or found.p is None or found.difference is None:
        return (
            f"whether other tasks would order them alike takes {FEWEST_TASKS} tasks and {_FEWEST_ARCHITECTURES} "
            f"architectures to say; there are {tasks} and {len(made.rows)}."
        )
    p = "p < 0.001" if found.p < 0.001 else f"p = {found.p:.3f}"
    differ = "on other tasks the order may differ: as a sample,"
    groups = [[readable(made.labels[i]) for i in group] for group in found.groups]
    if not found.rejected:
        return f"{differ} these {tasks} separate no two architectures (Friedman's test, {p})."
    if len(groups) == 1:
        return (
            f"{differ} these {tasks} say that not all architectures are alike (Friedman's test, {p}), but not which "
            f"differ: no two mean ranks are Nemenyi's critical difference of {number(found.difference)} apart."
        )
    test = f"(Friedman's test, {p}; Nemenyi's critical difference of mean ranks: {number(found.difference)})"
    kinds = f" They are of {count(made.kinds, 'kind')} only: what they separate is less sure than it looks."
    sure = kinds if made.kinds < tasks else ""
    alike = [listed(group) for group in groups if len(group) > 1]
    if not alike:
        return f"as a sample of others like them, these {tasks} tasks separate all architectures {test}.{sure}"
    return f"{differ} these {tasks} do not separate {', nor '.join(alike)} {test}.{sure}"
