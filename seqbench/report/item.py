"""A table before it is laid out: what the page and the Markdown file print alike."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple


class Item(NamedTuple):
    """One cell of a table: what is printed, what it is sorted by, a smaller note, a hint."""

    text: str
    value: float | str = ""
    note: str = ""
    kind: str = "number"
    hint: str = ""

    @property
    def whole(self) -> str:
        """Text and note in one line."""
        return f"{self.text} {self.note}".rstrip()


class Row(NamedTuple):
    """One row: its name, a smaller note beside it, and a cell for each column but the first."""

    name: str
    cells: Sequence[Item]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows in groups.

    Attributes:
        label: what it is about, for those who do not see it.
        said: what follows from it, in sentences. lead: how to read it.
        columns: titles; the first is that of the rows' names.
        groups: (title, smaller title, rows).
    """

    label: str
    lead: str
    columns: Sequence[str]
    groups: Sequence[tuple[str, str, Sequence[Row]]]
    said: Sequence[str] = ()

    def without_empty(self, empty: str) -> "Table":
        """The table without columns whose every cell reads ``empty``."""
        rows = [row for _, _, rows in self.groups for row in rows]
        kept = [i for i in range(len(self.columns) - 1) if any(row.cells[i].text != empty for row in rows)]
        groups = [
            (title, small, [row._replace(cells=[row.cells[i] for i in kept]) for row in rows])
            for title, small, rows in self.groups
        ]
        columns = [self.columns[0], *(self.columns[i + 1] for i in kept)]
        return replace(self, columns=columns, groups=groups)

    def first(self, most: int) -> "Table":
        """The table with its first rows, at most so many, and told where that is not all of them."""
        total, left, groups = sum(len(rows) for _, _, rows in self.groups), most, []
        for title, small, rows in self.groups:
            groups += [(title, small, rows[:left])] if left > 0 else []
            left -= len(rows)
        if total <= most:
            return self
        return replace(self, groups=groups, lead=f"{self.lead} The first {most:,} of {total:,} rows are shown.")
