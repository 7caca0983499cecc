"""Stores from the disk, compared and printed."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from seqbench.record.store import Store
from seqbench.report.compare import compare_stores
from seqbench.report.compare_views import VIEWS, terminal
from seqbench.report.compared import store_names
from seqbench.report.wording import readable
from seqbench.schema import Record, UsageError


def print_comparisons(folders: Sequence[Path], formats: Sequence[str], console: Console) -> bool:
    """Print the first store against each of the others: a table, or the text of each format.

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
    if "table" in formats:
        for store in stores:
            for problem in store.problems[:3]:
                console.print(f"{readable(store.root)}: {readable(problem)}", markup=False, highlight=False)
    return not any(found.empty for found in comparisons)


def _records(store: Store) -> list[Record]:
    found = store.records()
    if not found:
        raise UsageError(
            f"a comparison needs records on both sides; {str(store.root)!r} holds none. Train something first."
        )
    return found
