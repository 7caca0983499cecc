"""The table that ``cost`` ends with, and what it must not hide."""

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from seqbench.record.rounds import Sample
from seqbench.report.cost_places import places
from seqbench.report.cost_sentences import cost_warnings
from seqbench.report.cost_wording import estimate_text, rounds_text, value_text, versus_text
from seqbench.report.costs import Entry, entries
from seqbench.report.wording import DASH, readable
from seqbench.schema import Record


def cost_table(records: Iterable[Record], rounds: Mapping[Sample, int] | None = None) -> Group:
    """Task and length, architecture, time of a training step against the fastest, peak memory, rounds; warnings.

    ``rounds`` are told from all records of the store, where these are but some.
    """
    found = entries(records, numbers=rounds)
    return Group(_table(found), *map(Text, cost_warnings(found)))


def _table(found: Sequence[Entry]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("task", overflow="fold", max_width=30)
    table.add_column("model", overflow="fold", max_width=30)
    for title in ("training step, ms", "times the fastest", "peak memory, MiB", "rounds"):
        table.add_column(title, justify="right", no_wrap=True)
    for place in places(found):
        for position, entry in enumerate(place.entries):
            where = f"{readable(place.task)}, {place.length or DASH} steps{place.note}" if position == 0 else ""
            texts = (
                where,
                readable(entry.name),
                estimate_text(entry.estimate("step_s", 1e3)),
                versus_text(place, entry),
                value_text(entry.estimate("peak_bytes", 2**-20)),
                rounds_text(entry),
            )
            table.add_row(*map(Text, texts))
        table.add_section()
    return table
