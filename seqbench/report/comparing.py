"""Stores from the disk, compared and printed."""

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from seqbench.record.store import Store
from seqbench.report.compare import compare_stores
from seqbench.report.compare_views import VIEWS, terminal
from seqbench.report.compared import store_names
from seqbench.report.wording import count, readable
from seqbench.schema import Record, UsageError

SHOWN = 3
"""Problems of a store that are told one by one."""


def print_comparisons(
    folders: Sequence[Path], formats: Sequence[str], console: Console, warn: Callable[[str], None]
) -> bool:
    """Print the first store against each of the others: a table, or the text of each format.

    Args:
        folders: of records.
        formats: "table", or names of ``VIEWS``.
        console: what the comparisons are printed on.
        warn: takes a line on what could not be read, which is no part of any format.

    Returns:
        Whether each of the others shares something with the first.

    Raises:
        UsageError: a store holds no record.
    """
    stores = [Store(folder) for folder in folders]
    sides = list(zip(store_names(folders), map(_records, stores), strict=True))
    comparisons = [compare_stores(sides[0], other) for other in sides[1:]]
    for found in comparisons:
        for form in formats:
            if form == "table":
                console.print(terminal(found))
            else:
                console.file.write(VIEWS[form](found))
    for store in stores:
        for line in unread(store):
            warn(line)
    return not any(found.empty for found in comparisons)


def unread(store: Store) -> list[str]:
    """How much in a store is no readable record, the first of it, and where all of it is listed."""
    name, problems = readable(store.root), [readable(problem) for problem in store.problems]
    if not problems:
        return []
    said = f"{count(len(problems), 'thing')} could not be read and {'are' if len(problems) > 1 else 'is'} not compared"
    more = f"{name}: and {len(problems) - SHOWN} more; report --store {name} lists all of them"
    lines = [f"{name}: {line}" for line in [said, *problems[:SHOWN]]]
    return [*lines, more] if len(problems) > SHOWN else lines


def _records(store: Store) -> list[Record]:
    found = store.records()
    if not found:
        damaged = f"Not readable: {'; '.join(map(readable, store.problems[:SHOWN]))}." if store.problems else ""
        raise UsageError(
            f"a comparison needs records on both sides; {str(store.root)!r} holds none. "
            f"{damaged or 'Train something first.'}"
        )
    return found
