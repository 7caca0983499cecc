"""``dependency.csv``: the longest dependency that each architecture solves, numbers to their last digit."""

import math
from collections.abc import Iterable
from typing import Any

from seqbench.report.comma import csv_lines
from seqbench.report.dependency import Dependency

COLUMNS = (
    "env_id", "task", "architecture", "longest", "bound", "low", "high", "seeds", "budget", "lengths", "solved", "runs",
)  # fmt: skip


def dependency_csv(found: Iterable[Dependency]) -> str:
    """A line an architecture and task; ``bound`` and the ends of the interval are those of ``measured``.

    ``seeds`` are the fewest at one length; ``lengths``, how many ``solved`` each and of how many ``runs`` are parted by
    ``; ``.
    """
    return "".join(csv_lines(COLUMNS, map(_line, found)))


def _line(made: Dependency) -> list[object]:
    counts = (made.lengths, map(sum, made.solved), map(len, made.solved))
    line: list[object] = [made.env_id, made.task, made.whole_name, *measured(made).values(), made.seeds[0], made.budget]
    return [*line, *("; ".join(map(str, numbers)) for numbers in counts)]


def measured(made: Dependency) -> dict[str, Any]:
    """``longest``, ``bound``, ``low`` and ``high`` for programs.

    ``bound`` is "at most" where not even the shortest length is solved, which is ``longest`` then; "at least" where all
    are; None where ``longest`` is the estimate. An end of the interval is None where it is open, or there is none.
    """
    value, (low, high) = made.estimate.value, made.estimate.interval or (0.0, math.inf)
    bound = "at most" if value == 0 else "at least" if math.isinf(value) else None
    return {
        "longest": {"at most": made.lengths[0], "at least": made.lengths[-1]}.get(bound or "", value),
        "bound": bound,
        "low": _tried(low, made) if low > 0 else None,
        "high": _tried(high, made) if math.isfinite(high) else None,
    }


def _tried(end: float, made: Dependency) -> float:
    """The length that was run, where the end of an interval is one but for rounding in the logarithm."""
    return next((length for length in made.lengths if math.isclose(length, end, rel_tol=1e-9)), end)
