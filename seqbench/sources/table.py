"""A plain CSV file of numbers, read strictly: what cannot be read exactly is refused with its row and column.

Nothing is filled, dropped, sorted, decompressed or downloaded. Rows count as in an editor: the header is row 1.
No torch, no pandas: reading streams, so memory stays near the size of the numbers.
"""

import csv
import difflib
import os
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NoReturn

import numpy as np

from seqbench.schema import UsageError
from seqbench.sources import plain_file
from seqbench.sources.cells import Faults, floats, seconds, shorten
from seqbench.sources.plain_file import refuse
from seqbench.values import check_choice

_SAVE = "Save the file with commas between columns and a decimal point in numbers, not a comma"


@dataclass(frozen=True, kw_only=True)
class Table:
    """The chosen columns of a file.

    Attributes:
        values: (rows, columns) float64, read-only.
        columns: their names.
        sha256: of the file's bytes.
    """

    values: np.ndarray
    columns: tuple[str, ...]
    sha256: str


def read(
    path: str | os.PathLike[str] | None,
    columns: Sequence[str] | None = None,
    time_column: str | None = None,
    gaps: str = "refuse",
) -> Table:
    """The ``columns`` (None: all but ``time_column``) of the CSV file at ``path``.

    ``time_column`` holds numbers or ISO 8601 times and must strictly increase; a step above 1.5 times the median step
    is a gap, refused unless ``gaps`` is "allow". A file that did not change is read once per process.

    Raises:
        UsageError: naming the file, the row, the column and the remedy.
    """
    check_choice("task.gaps", gaps, ("refuse", "allow"))
    for name in columns or ():
        if isinstance(columns, str) or not isinstance(name, str):
            raise UsageError(
                f"task.columns must be a list of column names; got {repr(columns)[:80]}. Write task.columns=[OT]."
            )
    file = plain_file.find(path)
    state = file.stat()
    return _read(file, None if columns is None else tuple(columns), time_column, gaps, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)
def _read(
    file: Path, columns: tuple[str, ...] | None, time_column: str | None, gaps: str, mtime_ns: int, size: int
) -> Table:
    try:
        sha256 = plain_file.fingerprint(file)
        with open(file, encoding="utf-8-sig", newline="") as stream:
            records = _records(file, stream)
            header = _header(file, records)
            chosen = _choose(file, header, columns, time_column)
            values = _numbers(file, records, header, chosen, time_column, gaps)
    except UnicodeDecodeError:
        refuse(file, f", row {plain_file.undecodable_row(file)}", "it is not UTF-8 text", "Save the file as UTF-8")
    except OSError as error:
        refuse(file, "", f"it cannot be read ({error.strerror})", "Check its permissions")
    values.flags.writeable = False
    return Table(values=values, columns=tuple(chosen), sha256=sha256)


def _records(file: Path, stream: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """(row, cells) of every record; empty rows are accepted only at the end of the file."""
    reader, row, empty_row = csv.reader(stream, strict=True), 1, None
    try:
        for cells in reader:
            if cells and empty_row is not None:
                refuse(file, f", row {empty_row}", "the row is empty", "Remove it or fill in its numbers")
            if cells:
                yield row, cells
            elif empty_row is None:
                empty_row = row
            row = reader.line_num + 1
    except csv.Error as error:
        refuse(file, f", row {row}", f"the row cannot be split into cells ({error})", "Check its quotation marks")


def _header(file: Path, records: Iterator[tuple[int, list[str]]]) -> list[str]:
    row, cells = next(records, (1, []))
    names = [cell.strip() for cell in cells]
    if not any(names):
        refuse(file, f", row {row}", "there are no column names", "Write them into the first row")
    if len(names) == 1 and (found := re.search(r"[;\t|]", names[0])):
        refuse(file, ", row 1", f"columns must be separated by commas; got {found[0]!r}", _SAVE)
    if all(floats([name]) is not None for name in names):
        refuse(file, ", row 1", f"it must hold column names; got {', '.join(names[:3])[:80]}", "Add a header row")
    for name, count in Counter(names).items():
        if name and count > 1:
            at = " and ".join(str(i + 1) for i, n in enumerate(names) if n == name)
            refuse(file, ", row 1", f"the column name {shorten(name)} stands at columns {at}", "Rename all but one")
    return names


def _choose(file: Path, header: list[str], columns: tuple[str, ...] | None, time_column: str | None) -> list[str]:
    """The names of the columns to read as numbers."""
    for key, names in (
        ("task.columns", columns or ()),
        ("task.time_column", () if time_column is None else (time_column,)),
    ):
        for name in names:
            if name not in header:
                near = difflib.get_close_matches(name, header, 1)
                hint = f"Did you mean {shorten(near[0])}?" if near else "Choose one of these"
                found = ", ".join(map(shorten, header[:20])) + (", ..." if len(header) > 20 else "")
                refuse(file, ", row 1", f"{key} names {shorten(name)}, and the columns are {found}", hint)
            if key == "task.columns" and name == time_column:
                refuse(file, "", f"{key} names {shorten(name)}, the column of times", "Choose columns of numbers")
            if not name or names.count(name) > 1:
                refuse(
                    file, "", f"{key} names {shorten(name)}, which is empty or chosen twice", "Name each column once"
                )
    chosen = list(columns) if columns is not None else [name for name in header if name != time_column]
    if not chosen:
        refuse(file, "", "no column of numbers is chosen", "Name at least one in task.columns")
    if "" in chosen:
        refuse(file, ", row 1", f"column {header.index('') + 1} has no name", "Name it, or choose task.columns")
    return chosen


def _numbers(
    file: Path,
    records: Iterator[tuple[int, list[str]]],
    header: list[str],
    chosen: list[str],
    time_column: str | None,
    gaps: str,
) -> np.ndarray:
    """(rows, columns) float64; all cells are looked at before the first three bad ones are reported."""
    places, values, faults = [header.index(name) for name in chosen], array("d"), Faults()
    clock = None if time_column is None else Clock(file, time_column, header.index(time_column))
    for row, cells in records:
        if len(cells) != len(header):
            _refuse_width(file, row, len(cells), len(header))
        if clock:
            clock.read(row, cells)
        numbers = floats([cells[place] for place in places])
        if numbers is None:
            faults.add(row, cells, header, places)
        else:
            values.extend(numbers)
    faults.refuse(file, hint_time=time_column is None)
    if clock and gaps == "refuse":
        clock.check_gaps()
    if not values:
        refuse(file, "", "there are no rows below the header", "Add rows of numbers")
    return np.array(values).reshape(-1, len(chosen))


def _refuse_width(file: Path, row: int, got: int, expected: int) -> NoReturn:
    more = "A decimal comma or thousands separator splits a number in two; write 1234.5" if got > expected else ""
    refuse(file, f", row {row}", f"it has {got} cells, the header has {expected}", more or "Complete the row")


class Clock:
    """The times of a file, which must strictly increase."""

    def __init__(self, file: Path, column: str, place: int) -> None:
        self.file, self.column, self.place = file, column, place
        self.times, self.rows, self.numeric = array("d"), array("q"), None

    def read(self, row: int, cells: list[str]) -> None:
        """Read the time of one row.

        Raises:
            UsageError: no time, another notation than above, not later than the row above.
        """
        cell = cells[self.place]
        time, numeric = seconds(cell), floats([cell]) is not None
        if time is None or self.numeric not in (None, numeric):
            rule = "the cell must be a number or an ISO 8601 time, as the rows above; got "
            self._refuse(row, rule + shorten(cell), "Write times as 2016-07-01 00:00:00")
        if self.times and time <= self.times[-1]:
            what = "the same time as" if time == self.times[-1] else "a time before"
            self._refuse(row, f"{shorten(cell)} is {what} row {self.rows[-1]}", "Sort the file, one row per time")
        self.times.append(time)
        self.rows.append(row)
        self.numeric = numeric

    def check_gaps(self) -> None:
        """Raise UsageError at the first step that is more than 1.5 times the median step."""
        steps = np.diff(np.array(self.times))
        wide = np.flatnonzero(steps > 1.5 * np.median(steps)) if len(steps) else steps
        if len(wide):
            at, unit = int(wide[0]) + 1, "" if self.numeric else " s"
            usual = f"the usual step is {np.median(steps):g}{unit}"
            gaps = f"{len(wide)} gap{'s'[: len(wide) > 1]} in the times"
            problem = f"{gaps}, the first of {steps[at - 1]:g}{unit} where {usual}"
            self._refuse(self.rows[at], problem, "Fill the gaps in the file, or accept them with task.gaps=allow")

    def _refuse(self, row: int, problem: str, todo: str) -> NoReturn:
        refuse(self.file, f", row {row}, column {shorten(self.column)}", problem, todo)
