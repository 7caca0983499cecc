"""Which runs count as solved, and of which cells that cannot be told because their budget ended too soon."""

from collections.abc import Sequence

from seqbench.schedule import room_to_solve
from seqbench.schema import Record


def is_solved(record: Record) -> bool:
    """Whether a run counts as solved: it says so and ran to its end."""
    return record.status == "completed" and record.summary.get("solved") is True


def is_unconfirmed(record: Record) -> bool:
    """Whether training ended, as the threshold was met on validation, and the test set does not confirm it.

    Nothing else ends a run before its budget; one that meets the threshold with its last steps is not told apart.
    """
    taken, budget = (record.summary.get(key) or 0 for key in ("steps", "budget"))
    return record.status == "completed" and record.summary.get("solved") is False and 0 < taken < budget


def left_open(records: Sequence[Record]) -> bool:
    """Whether no run of a cell could have been solved: fewer evaluations fit into the budget than solving takes.

    A record that does not say when it was evaluated is believed.
    """
    train = records[0].config.get("train") or {}
    budget, every, growth = (train.get(key) for key in ("steps", "evaluate_every", "evaluate_growth"))
    return bool(budget and every and growth and not room_to_solve(budget, every, growth))
