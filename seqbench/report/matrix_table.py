"""The wins, ties and losses of all pairs as a table, and in words how to read it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from seqbench.report.item import Item, Row, Table
from seqbench.report.matrix import MOST, OTHER, Duel, Matrix
from seqbench.report.wording import BEYOND, DASH, count, listed, readable, some
from seqbench.statistics.verdict import MEANINGFUL, Comparison


def matrix_table(matrix: Matrix, names: Mapping[str, str]) -> Table:
    """The matrix laid out: a row's architecture against a column's."""
    where = f" [{names[matrix.env_id]}]" if len(names) > 1 else ""
    rows = [
        Row(readable(a), [_item(matrix.between(a, b) if a != b else None) for b in matrix.labels])
        for a in matrix.labels
    ]
    return Table(
        label=f"Wins, ties and losses{where}",
        lead=_lead(matrix),
        columns=["architecture", *map(readable, matrix.labels)],
        groups=[("against", "won / no verdict / lost tasks", rows)],
    )


def _lead(matrix: Matrix) -> str:
    lead = (
        "Each row against each column: tasks won, without a verdict, and lost. A verdict on one task takes an exact "
        "rank-sum test, Holm-adjusted over all pairs of that task; below it stands the verdict on all common tasks at "
        "once, from a test in which runs change sides within their task only, and those of a seed on one kind of task "
        "together, Holm-adjusted over all pairs, and the chance that a run of the row beats one of the column on the "
        "same task; "
        f"in words a verdict with a chance between {1 - MEANINGFUL:g} and {MEANINGFUL:g} is “by little”, or “in the "
        "mean” where on one of several tasks the chance is beyond these. "
        f"{BEYOND} No verdict is no sign of equality."
    )
    of_tasks = [found for duel in matrix.duels for _, found in duel.tasks]
    lead += _out_of_reach("verdicts on one task", of_tasks)
    lead += _out_of_reach("verdicts on all tasks", [duel.overall for duel in matrix.duels])
    lead += _against_alone(matrix)
    if matrix.several:
        lead += f" In more than one configuration, and not compared there: {some([*map(readable, matrix.several)])}."
    if matrix.left_out:
        left = some([*map(readable, matrix.left_out)])
        first = f"the first {MOST - 1} and the reference" if matrix.beyond_first else f"the first {MOST}"
        lead += f" Of the architectures {first} are compared; left out: {left}."
    return lead


def _out_of_reach(what: str, found: Sequence[Comparison]) -> str:
    """How many verdicts no outcome could give with the seeds there are, and what would; each reason with its own."""
    why = Counter(comparison.why or "" for comparison in found if comparison.verdict == "unreachable")
    if not why:
        return ""
    told = [f"{number} ({reason})" if len(why) > 1 else reason for reason, number in why.most_common()]
    return f" {why.total()} of {len(found)} {what} are out of reach: {some(told)}."


def _against_alone(matrix: Matrix) -> str:
    """Why verdicts that are given against the reference are not given here; empty where all are."""
    on_one = on_all = 0
    for duel in matrix.against:
        here = matrix.between(duel.a, duel.b)
        among_all = {task: found.verdict for task, found in here.tasks} if here else {}
        on_one += sum(found.verdict in OTHER and among_all.get(task) != found.verdict for task, found in duel.tasks)
        on_all += duel.overall.verdict in OTHER and (here is None or here.overall.verdict != duel.overall.verdict)
    if not on_one + on_all:
        return ""
    reference, few, pairs = readable(matrix.against[0].b), len(matrix.against), len(matrix.duels)
    lost = [f"{count(on_one, 'verdict')} on one task"] * (on_one > 0)
    lost += [f"{count(on_all, 'verdict') if not on_one else on_all} on all tasks at once"] * (on_all > 0)
    return (
        f" {listed(lost)} against {reference}, the reference, {'is' if on_one + on_all == 1 else 'are'} given "
        f"elsewhere and not here: those are adjusted over at most {count(few, 'comparison')} with {reference}, these "
        f"over up to {pairs} pairs."
    )


def against_reference(found: Iterable[Matrix], env_id: str, reference: str | None) -> dict[str, Duel]:
    """Label -> its duel with the reference in one environment, adjusted over such duels alone."""
    return {
        duel.a: duel for matrix in found if matrix.env_id == env_id for duel in matrix.against if duel.b == reference
    }


def _item(duel: Duel | None) -> Item:
    if duel is None:
        return Item(DASH)
    won, lost = duel.count("better"), duel.count("worse")
    text = f"{won} / {len(duel.tasks) - won - lost} / {lost}"
    verdict, chance = duel.overall.verdict, duel.overall.probability
    note = verdict if chance is None else f"{verdict}, {chance:.2f}"
    if duel.overall.interval:
        note += f" [{duel.overall.interval[0]:.2f}, {duel.overall.interval[1]:.2f}]"
    return Item(text, "" if chance is None else chance, note, f"number verdict {verdict}")
