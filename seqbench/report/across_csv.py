"""``across.csv``: one line an architecture over the tasks that it shares with others, numbers to their last digit."""

import json
from collections.abc import Iterable, Mapping

from seqbench.report.across import Across, Standing
from seqbench.report.comma import csv_lines

COLUMNS = (
    "env_id", "tasks", "architecture", "n", "iqm", "iqm_low", "iqm_high", "mean", "median", "rank", "rank_low",
    "rank_high", "reference", "improvement", "improvement_low", "improvement_high", "mean_rank",
)  # fmt: skip


def across_csv(found: Iterable[Across], names: Mapping[str, str] = {}) -> str:
    """The rows of all environments; an empty cell where there is no number.

    ``names``: label -> name in full, where that is another.
    ``tasks`` is a list as JSON text, as a name may hold anything. ``rank`` is by the chance to beat a run of any other
    architecture over all tasks, ``mean_rank`` the mean of the ranks by that chance on each task.
    """
    rows = (_line(made, row, place, names) for made in found for place, row in enumerate(made.rows))
    return "".join(csv_lines(COLUMNS, rows))


def _line(made: Across, row: Standing, place: int, names: Mapping[str, str]) -> list[object]:
    rank, found = row.rank, row.improvement
    name, reference = (names.get(label, label) if label else None for label in (row.label, made.reference))
    line: list[object] = [made.env_id, json.dumps(made.tasks), name, row.runs]
    line += [row.iqm.value, *(row.iqm.interval or (None, None)), row.mean, row.median]
    line += [rank.rank, rank.low, rank.high] if rank else [None] * 3
    line += [reference, found.value if found else None, *((found.interval if found else None) or (None, None))]
    return [*line, made.critical.mean_ranks[place] if made.critical else None]
