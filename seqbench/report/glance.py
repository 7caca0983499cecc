"""The verdict in three seconds: tasks down, architectures across, seeds that solve or mean skill."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seqbench.report.matrix import MOST, Matrix
from seqbench.report.row import VerdictRow
from seqbench.report.sections import Section
from seqbench.report.wording import DASH, count, scored_text, skill_interval_text, skill_text, solved_text, steps_text

MOST_TASKS = 24
OPEN = "open"


@dataclass(frozen=True)
class Seen:
    """One architecture on one task.

    Attributes:
        text: what is printed. note: what follows it, which a page may print smaller or below.
        best: whether it is better than every other one there.
    """

    text: str
    note: str = ""
    best: bool = False

    @property
    def whole(self) -> str:
        """Text and note in one line."""
        return f"{self.text} {self.note}".rstrip()


@dataclass(frozen=True, kw_only=True)
class Glance:
    """The table, or why there is none.

    Attributes:
        labels: architectures, in the order of every table; rows: title of each task with what is seen of each of them.
        said: how to read it; where it would be too large, that it is left out.
    """

    labels: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Seen, ...]], ...]
    said: str


def glance(sections: Sequence[Section], found: Sequence[Matrix]) -> Glance | None:
    """The table of all tasks; None where nothing was trained."""
    models = [[row for row in section.rows if row.kind == "model"] for section in sections]
    labels = tuple(dict.fromkeys(row.label for rows in models for row in rows))
    if not labels:
        return None
    if len(labels) > MOST or len(sections) > MOST_TASKS:
        what = f"{count(len(sections), 'task')} and {count(len(labels), 'architecture')}"
        return Glance(labels=(), rows=(), said=f"{what} are too many for a table at a glance; see Verdicts.")
    matrix_of = {matrix.env_id: matrix for matrix in found}
    rows = tuple(
        (section.title, _row(mine, labels, matrix_of.get(mine[0].env_id)))
        for section, mine in zip(sections, models, strict=True)
    )
    return Glance(labels=labels, rows=rows, said=_said(models, rows))


def _row(rows: Sequence[VerdictRow], labels: Sequence[str], matrix: Matrix | None) -> tuple[Seen, ...]:
    by_label: dict[str, list[VerdictRow]] = {}
    for row in rows:
        by_label.setdefault(row.label, []).append(row)
    rated = any(map(_rated, rows))
    return tuple(
        Seen(*_texts(by_label.get(label, []), rated), best=_is_best(label, by_label, rows[0].task, matrix))
        for label in labels
    )


def _rated(row: VerdictRow) -> bool:
    return row.summary is not None and row.summary.solved is not None


def _texts(rows: Sequence[VerdictRow], rated: bool) -> tuple[str, str]:
    """Seeds that solve or mean skill, and beside it the median steps, the interval or of how many runs it is."""
    if len(rows) != 1:
        return f"{len(rows)} rows" if rows else DASH, ""
    (row,) = rows
    if not rated:
        return skill_text(row.skill), skill_interval_text(row) or scored_text(row)
    if row.summary is None or not row.summary.solved:
        return OPEN if row.left_open else solved_text(row), ""
    return solved_text(row), f"({steps_text(row)})" if math.isfinite(row.summary.median_steps or math.inf) else ""


def _is_best(label: str, there: Mapping[str, object], task: str, matrix: Matrix | None) -> bool:
    """Whether the verdicts on this task say that it is better than every other one."""
    others = [other for other in there if other != label]
    if label not in there or not others or matrix is None:
        return False
    duels = [matrix.between(label, other) for other in others]
    verdicts = [dict(duel.tasks).get(task) if duel else None for duel in duels]
    return all(found is not None and found.verdict == "better" for found in verdicts)


def _said(models: Sequence[Sequence[VerdictRow]], rows: Sequence[tuple[str, Sequence[Seen]]]) -> str:
    rated = [any(map(_rated, mine)) for mine in models]
    texts = {seen.text for _, found in rows for seen in found}
    said = ["k/n: seeds that solve the task, with the median steps where that is finite."] if any(rated) else []
    if not all(rated) and any(row.skill is not None for mine in models for row in mine):
        said.append(
            f"{'Other n' if said else 'N'}umbers: mean skill, 0 being the trivial baseline, and its 95 % interval."
        )
    lost = any(scored_text(row) for mine, told in zip(models, rated, strict=True) if not told for row in mine)
    said += ["(k of n runs): the mean of those that left a score."] if lost else []
    said += [f"{OPEN}: the budget ended too soon to tell."] if OPEN in texts else []
    if len({row.label for mine in models for row in mine}) > 1:
        best = any(seen.best for _, found in rows for seen in found)
        said.append(
            "Bold: better than every other one there."
            if best
            else "No verdict over all pairs names a best one on any task."
        )
    return " ".join(said)
