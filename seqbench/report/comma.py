"""Comma-separated text, line by line, in which a spreadsheet finds no formula."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
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
        writer.writerow([_safe(value) if isinstance(value, str) else value for value in row])
        yield line.text


class _Line:
    """Where a writer of CSV puts one line."""

    text = ""

    def write(self, text: str) -> None:
        self.text = text


@lru_cache(4096)  # names come back in every row, and so stay in it
def _safe(text: str) -> str:
    """A text as CSV holds it: before one that a spreadsheet would run stands an apostrophe."""
    text = readable(text)  # also because csv writes a bare carriage return unquoted, and readers end the row there
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
