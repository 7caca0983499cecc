"""The verdict of a report: at most three sentences, each of them true of the data and said without a table."""

from collections import Counter
from collections.abc import Mapping, Sequence

from seqbench.report.cost_places import Place, places
from seqbench.report.cost_wording import interval_text, value_text
from seqbench.report.costs import Entry, ratio
from seqbench.report.dependency import Dependency, dependency_sentences, not_in
from seqbench.report.matrix import Matrix
from seqbench.report.order import order_sentence
from seqbench.report.row import VerdictRow
from seqbench.report.wording import (
    NAMED,
    count,
    listed,
    rate_interval_text,
    scored_text,
    skill_interval_text,
    skill_text,
    solved_text,
    some,
)
from seqbench.statistics.rounds import FEWEST as FEWEST_ROUNDS
from seqbench.statistics.rounds import Ratio


def headline(
    rows: Sequence[VerdictRow],
    found: Sequence[Matrix],
    costs: Sequence[Entry],
    environments: Mapping[str, str],
    lasting: Sequence[Dependency] = (),
) -> list[str]:
    """Who solves the longest sequences; who is better over all tasks, and what that cannot be said of; who is fast.

    Of several environments the one with most runs speaks, and is named. Where a task was trained at many lengths
    (``lasting``), one sentence speaks for all of them. What there is beyond ``NAMED`` results of a kind is counted.
    """
    models = [row for row in rows if row.kind == "model"]
    runs = Counter({env_id: 0 for env_id in environments})
    for row in models:
        runs[row.env_id] += len(row.scores)
    chosen = max(environments, key=lambda env_id: runs[env_id], default="")
    mine = [row for row in models if row.env_id == chosen]
    curves = [made for made in lasting if made.env_id == chosen]
    far = dependency_sentences(curves, {chosen: environments.get(chosen, "")}, NAMED)
    far += [_reach(not_in(curves, mine), "other " if curves else "")]
    reach = " ".join(sentence for sentence in far if sentence)
    where = f"In environment {environments[chosen]}: " if len(environments) > 1 and reach else ""
    matrix = next((matrix for matrix in found if matrix.env_id == chosen), None)
    order = order_sentence(mine, matrix, curves, _where(chosen, environments))
    return [sentence for sentence in (f"{where}{reach}", order, _speed(costs, chosen, environments)) if sentence]


def _where(env_id: str, environments: Mapping[str, str]) -> str:
    return f" in environment {environments[env_id]}" if len(environments) > 1 else ""


# ------------------------------------------------------------------ how far back


def _reach(rows: Sequence[VerdictRow], other: str) -> str:
    """Of which tasks; ``other`` is a word for those beside the ones of which curves have told."""
    if not rows:
        return ""
    if all(score is None for row in rows for score in row.scores):
        if other:
            return f"No run of the other tasks left a score ({_lost(rows)})."
        return f"No run left a score ({_lost(rows)}): nothing can be said of any architecture."
    rated = [row for row in rows if row.summary and row.summary.solved is not None]
    if not rated:
        return _skills(rows)
    tasks = list(dict.fromkeys(row.task for row in rated))
    if not any(row.summary and row.summary.solved for row in rated):
        runs = sum(len(row.scores) for row in rated)
        what = tasks[0] if len(tasks) == 1 else f"any of the {len(tasks)} {other}tasks that can be solved"
        who = "No run that had time for it" if _untold(rows) else "No architecture"
        return f"{who} solves {what}: 0 of {count(runs, 'run')}{_untold(rows)}."
    families: dict[str, list[VerdictRow]] = {}
    for row in rated:
        families.setdefault(row.family or row.task, []).append(row)
    longest = {name: found for name, members in families.items() if (found := _longest(members))}
    if not longest:
        what = f"{'another' if other else 'a'} task with at least half of its seeds"
        return f"No architecture is seen to solve {what}{_untold(rows)}."
    none = [name for name in families if name not in longest]
    parts = _first(list(longest.values()))
    beyond = len(longest) - len(parts)
    parts += [f"{count(beyond, 'other kind')} of task below"] if beyond else []
    parts += [f"none of {some(none)}"] if none else []
    what = "Of the other tasks, longest" if other else "Longest"
    return f"{what} sequences solved by at least half of the seeds: {'; '.join(parts)}."


def _untold(rows: Sequence[VerdictRow]) -> str:
    """Of whom nothing absolute can be said, as their budgets ended too soon to tell; empty where of nobody."""
    who = list(dict.fromkeys(row.label for row in rows if row.left_open))
    return f"; the budget ended too soon to tell of {some(who)}" if who else ""


def _first(found: Sequence[tuple[str, int]]) -> list[str]:
    """The texts, each with its number of results, that hold ``NAMED`` results together; one at least."""
    kept, left = list[str](), NAMED
    for text, results in found:
        if kept and results > left:
            break
        kept.append(text)
        left -= results
    return kept


def _longest(rows: Sequence[VerdictRow]) -> tuple[str, int] | None:
    """The longest task of one family that is solved, by whom, and how many results that is; None where none is."""
    solved = [row for row in rows if row.summary and 2 * (row.summary.solved or 0) >= row.summary.runs]
    if not solved:
        return None
    best, tried = max(row.length or 0 for row in solved), max(row.length or 0 for row in rows)
    there = [row for row in solved if (row.length or 0) == best]
    tasks = some(list(dict.fromkeys(row.task for row in there)))
    several = len({row.length for row in rows}) > 1
    reach = "" if not several else ", the longest tried" if best == tried else f", of up to {tried:,} tried"
    steps = f" ({best:,} steps{reach})" if best else ""
    results = _with_seeds(there)
    return f"{tasks}{steps} by {some(results)}", len(results)


def _with_seeds(rows: Sequence[VerdictRow]) -> list[str]:
    """Who solved it, those of the same rate together: "gru and lstm (5/5 [0.55, 1.00])", "rnn (3/5 [0.18, 0.93])".

    Each once, but for one of several rates: it is told with its tasks.
    """
    rates: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        by_rate = rates.setdefault(row.label, {})
        by_rate.setdefault(f"{solved_text(row)} {rate_interval_text(row)}".strip(), []).append(row.task)
    told: dict[str, list[str]] = {}
    for label, by_rate in rates.items():
        for rate, tasks in by_rate.items():
            told.setdefault(rate, []).append(label if len(by_rate) == 1 else f"{label} on {some(tasks)}")
    return [f"{some(names)} ({rate})" for rate, names in told.items()]


def _skills(rows: Sequence[VerdictRow]) -> str:
    """Of tasks without a notion of solved: the mean skill, of how many runs it is, and who has none."""
    tasks = list(dict.fromkeys(row.task for row in rows if row.skill is not None))
    if not tasks:
        return ""
    told = [row for row in rows if row.task == tasks[0]]
    told.sort(key=lambda row: (row.skill is None, bool(scored_text(row)), -(row.skill or 0)))  # the best are named
    texts = [" ".join(filter(None, (row.label, *_skill(row)))) for row in told]
    more = f"; {count(len(tasks) - 1, 'other task')} below" if len(tasks) > 1 else ""
    return f"Skill on {tasks[0]}, 0 being the trivial baseline and 1 perfect: {some(texts)}{more}."


def _skill(row: VerdictRow) -> tuple[str, str, str]:
    return "none" if row.skill is None else skill_text(row.skill), skill_interval_text(row), scored_text(row)


def _lost(rows: Sequence[VerdictRow]) -> str:
    lost: Counter[str] = Counter()
    for row in rows:
        lost.update(row.not_completed)
    return ", ".join(f"{number} {status}" for status, number in sorted(lost.items())) or "none was measured"


# ------------------------------------------------------------------ who is fast


def _speed(costs: Sequence[Entry], env_id: str, environments: Mapping[str, str]) -> str:
    """Of the longest task that two architectures were measured on: the shortest training step, the others over it."""
    every = places(costs)
    there = [place for place in every if sum(bool(e.by_round("step_s")) for e in place.entries) > 1]
    there = [place for place in there if place.env_id == env_id] or there
    if not there:
        apart = any(place.apart for place in every)
        return "Speed: not compared, each was measured in other rounds than the others (see below)." if apart else ""
    place = max(there, key=lambda place: place.length or 0)
    steps = f" ({place.length:,} steps)" if place.length else ""
    beside = [other for other in every if other is not place and _alike(other) == _alike(place)]
    apart = any(entry.by_round("step_s") for other in beside for entry in other.entries)
    of = ", of what was measured together" if apart else ""
    return f"Speed{_where(place.env_id, environments)} on {place.task}{steps}{of}: {_ratios(place)}."


def _alike(place: Place) -> tuple[str, str, int | None]:
    """What places have in common that the tables show side by side, measured together or apart."""
    return place.env_id, place.entries[0].comparable, place.length


def _ratios(place: Place) -> str:
    """Who takes least time, the others over it, and who stands there but has no round in common with it."""
    fastest = place.fastest
    assert fastest is not None  # two entries were measured
    timed = [(entry, ratio(entry, fastest)) for entry in place.entries if entry is not fastest]
    alone = [entry.name for entry, found in timed if found is None and entry.by_round("step_s")]
    others = [(entry, found) for entry, found in timed if found is not None]
    if not others:
        return f"not compared, as {fastest.name} has no round in common with {some(alone)}"
    apart = f"; not compared, as no round holds both: {fastest.name} with {some(alone)}" if alone else ""
    return f"{_order(fastest, others)}{apart}"


def _order(fastest: Entry, others: Sequence[tuple[Entry, Ratio]]) -> str:
    if any(found.verdict == "undecided" for _, found in others):
        shared = min(len({*entry.positive("step_s")} & {*fastest.positive("step_s")}) for entry, _ in others)
        return (
            f"not decided, {count(shared, 'round')} of measurement where {FEWEST_ROUNDS} give an interval "
            f"(python -m seqbench cost … rounds={FEWEST_ROUNDS})"
        )
    if any(found.verdict == "shorter" for _, found in others):
        return "not decided, medians over all rounds and ratios within common rounds disagree"
    alike = [entry.name for entry, found in others if found.verdict == "not told apart"]
    slower = [
        f"{entry.name} takes {value_text(found.estimate)} {interval_text(found.estimate)} times"
        for entry, found in others
        if found.verdict == "longer"
    ]
    first = f"{fastest.name} takes least time for a training step"
    first += f", not told apart from {some(alike)}" if alike else ""  # of whom two may be told apart from each other
    if not slower:
        return first
    left = len(slower) - NAMED
    more = f"; {count(left, 'other')} {'takes' if left == 1 else 'take'} longer too" if left > 0 else ""
    return f"{first}; {listed(slower[:NAMED])} as long{more}"
