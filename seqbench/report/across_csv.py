"""``across.csv``: one line an architecture over the tasks that it shares with others, numbers to their last digit."""

import json
from collections.abc import Iterable, Mapping, Sequence

from seqbench.report.across import Across
from seqbench.report.comma import csv_lines
from seqbench.report.matrix import Duel, Matrix
from seqbench.report.matrix_table import against_reference

COLUMNS = (
    "env_id", "tasks", "architecture", "n", "iqm", "iqm_low", "iqm_high", "mean", "median", "rank", "rank_low",
    "rank_high", "reference", "improvement", "improvement_low", "improvement_high", "mean_rank",
    "verdict", "p", "verdict_tasks",
)  # fmt: skip


def across_csv(found: Iterable[Across], names: Mapping[str, str] = {}, matrices: Sequence[Matrix] = ()) -> str:
    """The rows of all environments; an empty cell where there is no number.

    ``names``: label -> name in full, where that is another.
    ``tasks`` is a list as JSON text, as a name may hold anything. ``rank`` is by the chance to beat a run of any other
    architecture over all tasks, ``mean_rank`` the mean of the ranks by that chance on each task.
    ``verdict`` and its ``p`` are against ``reference`` over ``verdict_tasks``, all that the two have in common.
    """
    rows: list[list[object]] = []
    for made in found:
        duels = against_reference(matrices, made.env_id, made.reference)
        rows += [_line(made, place, duels.get(row.label), names) for place, row in enumerate(made.rows)]
    return "".join(csv_lines(COLUMNS, rows))


def _line(made: Across, place: int, duel: Duel | None, names: Mapping[str, str]) -> list[object]:
    row = made.rows[place]
    rank, found = row.rank, row.improvement
    name, reference = (names.get(label, label) if label else None for label in (row.label, made.reference))
    line: list[object] = [made.env_id, json.dumps(made.tasks), name, row.runs]
    line += [row.iqm.value, *(row.iqm.interval or (None, None)), row.mean, row.median]
    line += [rank.rank, rank.low, rank.high] if rank else [None] * 3
    line += [reference, found.value if found else None, *((found.interval if found else None) or (None, None))]
    line.append(made.critical.mean_ranks[place] if made.critical else None)
    if duel is None:
        return [*line, None, None, None]
    return [*line, duel.overall.verdict, duel.overall.p, json.dumps([task for task, _ in duel.tasks])]
