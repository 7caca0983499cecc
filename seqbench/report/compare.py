"""Two stores against each other: the same cells before and after, here and there, in this laboratory and in that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from seqbench.record.record import canonical, current, ended
from seqbench.report.banners import stopped
from seqbench.report.compare_speed import compare_speeds
from seqbench.report.compared import ComparedRow, Side, StoreComparison, Verdict, either
from seqbench.report.costs import entries
from seqbench.report.groups import grouped
from seqbench.report.names import label_of, model_order, natural
from seqbench.report.row import VerdictRow
from seqbench.report.tables import alike, group_rows, kind_of, upward
from seqbench.report.wording import count, listed, some
from seqbench.schema import Record
from seqbench.statistics.permutation import Pair, holm, seeds_needed
from seqbench.statistics.seeds import FEWEST, by_kind
from seqbench.statistics.shift import Shift, independent_shift, overall_shift, paired_shift
from seqbench.statistics.verdict import seeds_to_decide

ALPHA = 0.05


def compare_stores(a: tuple[str, Sequence[Record]], b: tuple[str, Sequence[Record]]) -> StoreComparison:
    """Match the cells of two stores, each a name and its records, and pass a verdict on each.

    Cells match where task, sizes, learning rate and training are the same, whatever name they go by; device,
    precision, version and code of the architecture may differ, for those are what one compares. Every environment of
    one store is held against every one of the other; none is ever pooled.
    """
    names = _names(a, b)
    first, second = _cells(a[1]), _cells(b[1])
    matched = [key for key in first if key in second]
    families: dict[Key, list[_Pair]] = {}
    for key in matched:
        for x, y in product(first[key], second[key]):
            families.setdefault((key[0], x.env_id, y.env_id), []).append((x, y))
    rows = [row for family in families.values() for row in _family(family, (a[0], b[0]), names)]
    pairs = [pair for family in families.values() for pair in family]
    only = [(a[0], *_title(first[key][0])) for key in first if key not in second]
    only += [(b[0], *_title(second[key][0])) for key in second if key not in first]
    return StoreComparison(
        a=a[0],
        b=b[0],
        environments=_environments(a, b, names),
        rows=tuple(rows),
        speeds=tuple(compare_speeds(entries(a[1]), entries(b[1]), (a[0], b[0]), names)),
        only=tuple(only),
        holds={name: _held(records) for name, records in (a, b)},
        shared=_shared(pairs),
        lacking=_lacking(rows),
        overall=_overall(pairs, rows),
        stopped={name: said for name, records in (a, b) if (said := stopped(current(records), {}, ""))},
    )


# ------------------------------------------------------------------ which cells match


@dataclass(frozen=True)
class _Cell:
    """One cell in one environment."""

    env_id: str
    row: VerdictRow


_Pair = tuple[_Cell, _Cell]
Key = tuple[str, ...]
Names = Mapping[tuple[str, str], str]
"""(store, env_id) -> name of the side."""


def _cells(records: Sequence[Record]) -> dict[Key, list[_Cell]]:
    """Key -> the cell in each environment of the store, in the order of every table."""
    found: dict[Key, list[_Cell]] = {}
    for group in grouped(records):
        by_id = {row.cell_id: row for row in group_rows(group) if row.kind == "model"}
        for cell in group.cells:
            key = _key(cell.records[0].config)
            found.setdefault(key, []).append(_Cell(group.env_id, by_id[cell.records[0].cell_id]))
    return found


def _key(config: Mapping[str, Any]) -> tuple[str, str]:
    """Task and setting by their values alone: a cell may have another label in another study."""
    model = {key: value for key, value in (config.get("model") or {}).items() if key != "version"}
    return canonical([config.get("task"), config.get("data_sha256")]), canonical([model, config.get("train")])


def _title(cell: _Cell) -> tuple[str, str]:
    return cell.row.task, cell.row.label


def _held(records: Sequence[Record]) -> str:
    """What a store holds, in words; of runs without a result yet ``stopped`` tells."""
    counted = ended(records)
    runs = sum(record.kind == "learning" for record in counted)
    labels = [(record.kind != "learning", label_of(record)) for record in counted]
    labels.sort(key=lambda pair: (pair[0], natural(pair[1].task), model_order(pair[1].name)))
    names = [f"{label.name} on {label.task}" for _, label in labels]
    amounts = [count(runs, "run"), count(len(counted) - runs, "cost measurement")]
    if not counted:
        return "nothing that has a result"
    return f"{listed([text for text in amounts if not text.startswith('0 ')])}: {some(list(dict.fromkeys(names)))}"


def _names(a: tuple[str, Sequence[Record]], b: tuple[str, Sequence[Record]]) -> dict[tuple[str, str], str]:
    found = {}
    for name, records in (a, b):
        ids = sorted({record.env_id for record in records})
        found |= {(name, env_id): name if len(ids) == 1 else f"{name} [{env_id[:6]}]" for env_id in ids}
    return found


def _environments(a: tuple[str, Sequence[Record]], b: tuple[str, Sequence[Record]], names: Names) -> dict[str, str]:
    found = {}
    for store, records in (a, b):
        for record in records:
            found.setdefault(names[store, record.env_id], _environment(record))
    return found


def _environment(record: Record) -> str:
    facts = record.environment
    parts = [facts.get("gpu") or facts.get("cpu"), record.config.get("device"), facts.get("platform")]
    parts += [f"torch {facts['torch']}"] if facts.get("torch") else []
    return ", ".join([*(str(part) for part in parts if part), f"env_id {record.env_id}"])


# ------------------------------------------------------------------ verdicts on learning


def _family(pairs: list[_Pair], stores: tuple[str, str], names: Names) -> list[ComparedRow]:
    """The rows of one task in two environments, as one Holm family."""
    found = [_shift(x.row, y.row, len(pairs)) for x, y in pairs]
    adjusted = holm([shift.p if _enough(x, y) else 1.0 for shift, (x, y) in zip(found, pairs, strict=True)])
    best = holm([shift.smallest if _enough(x, y) else 1.0 for shift, (x, y) in zip(found, pairs, strict=True)])
    return [
        _row(x, y, shift, (p, reachable), (names[stores[0], x.env_id], names[stores[1], y.env_id]), len(pairs))
        for (x, y), shift, p, reachable in zip(pairs, found, adjusted, best, strict=True)
    ]


def _enough(x: _Cell, y: _Cell) -> bool:
    return min(len(x.row.scores), len(y.row.scores)) >= FEWEST and x.row.better != "neither"


def _shift(x: VerdictRow, y: VerdictRow, family: int) -> Shift:
    """By pairs where both hold the same seeds, and enough of them for a verdict in this family; else as two groups.

    Pairs of five runs can never decide, two groups of five can; the choice looks at numbers of runs alone.
    """
    a, b = upward(x), upward(y)
    same = x.seeds == y.seeds and len(set(x.seeds)) == len(a) and family * 2.0 ** (1 - len(a)) < ALPHA
    return paired_shift(a, b) if same else independent_shift(a, b)


def _row(x: _Cell, y: _Cell, shift: Shift, p: tuple[float, float], names: tuple[str, str], family: int) -> ComparedRow:
    adjusted, reachable = p
    sign = 1.0 if x.row.better == "higher" else -1.0
    level = alike(x.row, y.row)
    ends = sorted(sign * end + 0.0 for end in shift.interval or () if not level) or (None, None)  # no -0.0
    verdict: Verdict = "undecided"
    if reachable >= ALPHA:
        verdict = "unreachable"
    elif adjusted < ALPHA and shift.interval and not shift.interval[0] <= 0 <= shift.interval[1]:
        verdict = "better" if shift.value > 0 else "worse"
    return ComparedRow(
        task=either(x.row.task, y.row.task),
        architecture=either(x.row.label, y.row.label),
        metric=x.row.metric,
        better=x.row.better,
        a=_side(x, names[0]),
        b=_side(y, names[1]),
        verdict=verdict,
        difference=0.0 if level else sign * shift.value + 0.0,
        low=ends[0],
        high=ends[1],
        p=adjusted,
        paired=shift.paired,
        identical=all(getattr(x.row, key) == getattr(y.row, key) for key in ("seeds", "scores", "steps")),
        why=_why(x.row, y.row, shift) if verdict == "unreachable" else None,
        seeds_needed=_needed(x.row, y.row, verdict, family),
        alike=level,
    )


def _why(x: VerdictRow, y: VerdictRow, shift: Shift) -> str:
    """Why no outcome could have given a verdict."""
    if x.better == "neither":
        return "the score has no direction"
    return shift.why or f"{min(len(x.scores), len(y.scores))} runs are too few for so many rows"


def _needed(x: VerdictRow, y: VerdictRow, verdict: Verdict, family: int) -> int | None:
    """Seeds on both sides that would decide what is open, as two groups."""
    if x.better == "neither" or verdict in ("better", "worse"):
        return None
    if verdict == "unreachable":
        return seeds_needed(family)
    found = seeds_to_decide([(upward(y), upward(x))], family)
    return None if found is None else max(found, min(len(x.scores), len(y.scores)) + 1)


def _side(cell: _Cell, name: str) -> Side:
    row = cell.row
    solved = row.summary.solved if row.summary else None
    return Side(name=name, env_id=cell.env_id, runs=len(row.scores), score=row.score, solved=solved)


def _shared(pairs: Sequence[_Pair]) -> bool:
    """Whether some cell is in several rows."""
    return any(len({(cell.env_id, cell.row.cell_id) for cell in side}) < len(side) for side in zip(*pairs, strict=True))


def _lacking(rows: Sequence[ComparedRow]) -> str | None:
    """Which of several rows can have no verdict, so that all of them together have none, and why."""
    few = [f"{row.architecture} on {row.task}" for row in rows if min(row.a.runs, row.b.runs) < FEWEST]
    blind = [f"{row.architecture} on {row.task}" for row in rows if row.better == "neither"]
    if len(rows) < 2 or not (few or blind):
        return None
    why = f"there are fewer than {FEWEST} runs of" if few else "no score is the better one of"
    return f"{why} {some(few or blind)}"


def _overall(pairs: Sequence[_Pair], rows: Sequence[ComparedRow]) -> tuple[Verdict, float] | None:
    """All rows at once: runs, or the two runs of a seed, change sides, each with all its runs on one kind of task.

    Rows are tested as they are alone, by pairs or as groups; those of a kind that has both, all as groups.

    None where runs are in several rows: they would count as often, and some 10 % of equal stores would differ.
    """
    if len(pairs) < 2 or _shared(pairs) or _lacking(rows):
        return None
    kinds = [(x.row.label, kind_of(x.row)) for x, _ in pairs]
    groups = {kind for kind, row in zip(kinds, rows, strict=True) if not row.paired}
    strata: dict[bool, list[Pair]] = {}
    for paired in (True, False):
        mine = [place for place, kind in enumerate(kinds) if (kind not in groups) == paired]
        sides = [[(pairs[i][side].row.seeds, upward(pairs[i][side].row)) for i in mine] for side in (0, 1)]
        strata[paired] = [(a, b) for a, b in by_kind([kinds[i] for i in mine], *sides)]
    each = [paired for paired, found in strata.items() for _ in found]
    direction, p = overall_shift([*strata[True], *strata[False]], each)
    return ("undecided" if p >= ALPHA else "better" if direction > 0 else "worse"), p
