"""Who is better, over all tasks of an environment: the sentence of a report that says it, and why it may say little."""

from collections.abc import Mapping, Sequence

from seqbench.report.dependency import Dependency, not_in
from seqbench.report.matrix import MOST, OTHER, Duel, Matrix
from seqbench.report.row import VerdictRow
from seqbench.report.wording import NAMED, count, some, verdict_text
from seqbench.statistics.permutation import seeds_needed

AFFORDABLE = 100
"""Seeds each beyond which nobody is told to train them: with so many a study such as ``long_seq``, half an hour for two
cores with 5, takes them a night; on one task they decide between two that win 62 and 38 of 100 times."""


def order_sentence(
    rows: Sequence[VerdictRow], matrix: Matrix | None, curves: Sequence[Dependency] = (), where: str = ""
) -> str:
    """Who is better over all tasks, and of whom that cannot be said; empty where no run left a score.

    Args:
        rows: of the architectures in one environment.
        matrix: of the same environment; None where no two of them can be compared.
        curves: of tasks that were trained at several lengths, which need not be the same for all architectures.
        where: names the environment, where there are several.
    """
    labels = list(dict.fromkeys(row.label for row in rows))
    if all(score is None for row in rows for score in row.scores):
        return ""
    if len(labels) == 1:
        return f"There is but one architecture with results{where}, {labels[0]}: nothing to compare it with."
    if matrix is None:
        return _nothing_in_common(rows, where)
    duels = matrix.against or matrix.duels
    named = {duel.a if matrix.against else f"{duel.a} and {duel.b}": duel for duel in duels}
    undecided = {name: duel for name, duel in named.items() if duel.overall.verdict == "undecided"}
    unreachable = {name: duel for name, duel in named.items() if duel.overall.verdict == "unreachable"}
    decided = _against(duels) if matrix.against else _decided(duels)
    said = [decided] if decided else []
    if undecided:
        told = some([*undecided])
        apart = f"told apart from {duels[0].b}" if matrix.against else "told apart"
        said.append(f"not {apart}: {told}" if decided else f"nothing is {apart} ({told})")
        said += _seeds(undecided)
    if unreachable:
        those = [*unreachable.values()]
        lacking = _lacking(those, len(duels), rows, curves)
        what = f"no verdict on {some([*unreachable])} can be reached" if said else "no order can be told"
        said.append(f"{what}: {lacking}" if lacking else f"{what} with these seeds: {_why(those, rows)}")
    left = [label for label in labels if not any(label in (duel.a, duel.b) for duel in duels)]
    said += [f"not compared: {some(left)}"] if left else []
    against = f", against {duels[0].b}, the reference" if matrix.against else ""
    return f"{_over(duels)}{where}{against}: {'; '.join(said)}."


def _nothing_in_common(rows: Sequence[VerdictRow], where: str) -> str:
    """Why no two architectures stand side by side; empty where no score of any task is better than another."""
    tasks: dict[str, set[str]] = {}
    for row in rows:
        if row.better != "neither":
            tasks.setdefault(row.task, set()).add(row.label)
    alone = [f"{label} alone on {task}" for task, labels in tasks.items() if len(labels) == 1 for label in labels]
    told = f" ({some(alone)})" if alone else ""
    who = f"of the first {MOST} architectures" if len({row.label for row in rows}) > MOST else "architectures"
    why = f"no two {who} were trained alike, in one configuration, on one task{told}"
    return f"No order can be told{where}: {why}." if tasks else ""


def _over(duels: Sequence[Duel]) -> str:
    """The tasks that decide."""
    shared = {tuple(task for task, _ in duel.tasks) for duel in duels}
    tasks = shared.pop()
    if shared:
        return "Over the tasks that two have in common"
    return f"On {tasks[0]}" if len(tasks) == 1 else f"Over {len(tasks)} common tasks"


def _against(duels: Sequence[Duel]) -> str:
    """Who is better than the reference, and who is worse."""
    decided = [duel for duel in duels if duel.overall.verdict in OTHER]
    told: dict[str, list[str]] = {}
    for duel in sorted(decided, key=lambda duel: (duel.overall.verdict, not duel.overall.meaningful)):
        told.setdefault(verdict_text(duel.overall, bool(duel.apart)) + _where(duel), []).append(duel.a)
    return "; ".join(f"{some(names)} {'are' if len(names) > 1 else 'is'} {text}" for text, names in told.items())


def _where(duel: Duel) -> str:
    """Of the tasks with a verdict those with a large difference where it is small over all, and those the other way."""
    same, decided = duel.overall.verdict, dict(duel.tasks) if len(duel.tasks) > 1 else {}
    most = [task for task in duel.apart if decided[task].verdict == same and not duel.overall.meaningful]
    other = [task for task, found in decided.items() if found.verdict == OTHER.get(same)]
    return (f", most on {some(most)}" if most else "") + (f", the other way round on {some(other)}" if other else "")


def _decided(duels: Sequence[Duel]) -> str:
    """Which of any two is better."""
    won: dict[str, list[str]] = {}
    for duel in duels:
        if duel.overall.verdict in OTHER:
            seen = duel if duel.overall.verdict == "better" else duel.mirrored()
            won.setdefault(f"{seen.a} is {verdict_text(seen.overall, bool(seen.apart))} than", []).append(seen.b)
    first = [f"{better} {some(losers)}" for better, losers in list(won.items())[:NAMED]]
    more = sum(len(losers) for losers in list(won.values())[NAMED:])
    return "; ".join([*first, f"{count(more, 'further pair')} decided in the matrix"] if more else first)


# ------------------------------------------------------------------ what is open, and why


def _seeds(undecided: Mapping[str, Duel]) -> list[str]:
    """How many seeds it would take to decide what is open; nothing where two do not differ at all.

    Over several tasks that is told of the mean over them: one may be better here and worse there. ``seeds_to_decide``
    is of a power of 0.8, which is said.
    """
    known = {name: seeds for name, duel in undecided.items() if (seeds := duel.overall.seeds_needed) is not None}
    seen = "mean difference" if any(len(duel.tasks) > 1 for duel in undecided.values()) else "difference"
    near = {name: seeds for name, seeds in known.items() if seeds <= AFFORDABLE}
    far = {name: seeds for name, seeds in known.items() if seeds > AFFORDABLE}
    such = f"a {seen} as large as the one seen" if len(near) == 1 else f"{seen}s as large as those seen"
    whose = f" of {some([*near])}" if len(known) < len(undecided) else ""  # others do not differ at all
    said = [f"about {_span([*near.values()])} seeds each would decide {such}{whose}, 8 times in 10"] if near else []
    if far:
        one, each = len(far) == 1, f"about {_span([*far.values()])} each"
        what = f"{'that' if one else 'those'} of {some([*far])}" if near else f"the {seen}{'' if one else 's'} seen"
        said.append(f"{what} {'is' if one else 'are'} too small for any affordable number of seeds to decide ({each})")
    return [", but ".join(said)] if said else []


def _span(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _why(duels: Sequence[Duel], rows: Sequence[VerdictRow]) -> str:
    """Why no outcome could decide these, as is true of the one that has most seeds."""
    return max(duels, key=lambda duel: _fewest(duel, rows)).overall.why or ""


def _fewest(duel: Duel, rows: Sequence[VerdictRow]) -> int:
    """Seeds of a duel on the task where it has fewest."""
    tasks = {task for task, _ in duel.tasks}
    return min(len(row.scores) for row in rows if row.task in tasks and row.label in (duel.a, duel.b))


def _lacking(duels: Sequence[Duel], comparisons: int, rows: Sequence[VerdictRow], curves: Sequence[Dependency]) -> str:
    """On which tasks these lack runs that others have, where with all of them they could be decided; else empty.

    Of a length that a bisection came to for one architecture the others lack nothing.
    """
    runs: dict[str, dict[str, int]] = {}
    for row in rows:
        if row.better != "neither":
            runs.setdefault(row.task, {})[row.label] = len(row.scores)
    every = {row.label for row in rows}
    for_all = {row.task for row in not_in(curves, rows)} | {task for task, there in runs.items() if {*there} == every}
    most = max(number for there in runs.values() for number in there.values())
    kinds = {row.family or row.task for row in rows if row.task in for_all & {*runs}}
    if seeds_needed(comparisons, tasks=max(1, len(kinds))) > most:
        return ""
    mine = [label for label in dict.fromkeys(row.label for row in rows) if any(label in (d.a, d.b) for d in duels)]
    told = []
    for task, there in runs.items():
        asked = mine if task in for_all else [label for label in mine if label in there]
        who = [f"{label} {there.get(label, 0)}" for label in asked if there.get(label, 0) < most]
        told += [f"{task} (of {most}: {some(who)})"] if who else []
    return f"fewer seeds than others have on {some(told)}" if told else ""
