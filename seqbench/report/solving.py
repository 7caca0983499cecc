"""Which runs count as solved, and of which cells that cannot be told because their budget ended too soon."""

from collections.abc import Sequence

from seqbench.schedule import room_to_solve
from seqbench.schema import Record


def is_solved(record: Record) -> bool:
    """Whether a run counts as solved: it says so and ran to its end."""
    return record.status == "completed" and record.summary.get("solved") is True


def left_open(records: Sequence[Record]) -> bool:
    """Whether the budget of a cell's runs ended too soon to say that they do not solve.

    No run is solved, and either too few evaluations fit into the budget, or at least half of the runs met the
    threshold when it ended, on validation and test set, but not yet at three evaluations in a row.
    """
    if any(map(is_solved, records)):
        return False
    return not _has_room(records[0]) or 2 * sum(map(_met_at_the_end, records)) >= len(records)


def _has_room(record: Record) -> bool:
    """Whether enough evaluations fit; a record that does not say when it was evaluated is believed."""
    train = record.config.get("train") or {}
    budget, every, growth = (train.get(key) for key in ("steps", "evaluate_every", "evaluate_growth"))
    return not (budget and every and growth) or room_to_solve(budget, every, growth)


def _met_at_the_end(record: Record) -> bool:
    solved = record.task.get("solved")
    if record.status != "completed" or not solved:
        return False
    metric, threshold = solved["metric"], solved["threshold"]
    higher = record.metrics.get(metric, {}).get("better") == "higher"
    values = [(record.summary.get(examples) or {}).get(metric) for examples in ("validation", "test")]
    return all(v is not None and (v >= threshold if higher else v < threshold) for v in values)
