"""Comma-separated text, line by line, in which a spreadsheet finds no formula."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from seqbench.report.wording import readable

_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
"""What a spreadsheet takes for the beginning of a formula, the wide forms of the same characters included."""


def csv_lines(head: Sequence[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """The head and the rows; line by line, as those of a large store together need more memory than its records."""
    line = _Line()
    writer = csv.writer(line, lineterminator="\n")
    writer.writerow(head)
    yield line.text
    for row in rows:
        writer.writerow([safe(value) for value in row])
        yield line.text


class _Line:
    """Where a writer of CSV puts one line."""

    text = ""

    def write(self, text: str) -> None:
        self.text = text


def safe(value: Any) -> Any:
    """A value as CSV holds it: nothing for None; before text that a spreadsheet would run stands an apostrophe."""
    if not isinstance(value, str):
        return "" if value is None else value
    value = readable(value)  # also because csv writes a bare carriage return unquoted, and readers end the row there
    return f"'{value}" if value.lstrip().startswith(_FORMULA) else value
