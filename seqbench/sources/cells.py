"""One cell of a table: a number, a time, or a fault that is reported with its place."""

import math
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from seqbench.sources.plain_file import refuse

_MISSING = {"", "na", "n/a", "#n/a", "nan", "null", "none", "-", "?"}
_SHOWN = 3


class Faults:
    """The cells that are no finite numbers: how many, and the first three."""

    def __init__(self) -> None:
        self.first: list[tuple[int, str, str]] = []
        self.counts: Counter[str] = Counter()

    def add(self, row: int, cells: list[str], header: list[str], places: list[int]) -> None:
        """Note the bad cells of a row."""
        for place in places:
            if floats([cells[place]]) is None:
                self.counts["missing" if cells[place].strip().lower() in _MISSING else "not a number"] += 1
                if len(self.first) < _SHOWN:
                    self.first.append((row, header[place], cells[place]))

    def refuse(self, file: Path, hint_time: bool) -> None:
        """Raise UsageError if there are any."""
        if not self.first:
            return
        row, column, cell = self.first[0]
        others = "".join(f"; row {r}, column {shorten(c)}: {shorten(text)}" for r, c, text in self.first[1:])
        counts = " and ".join(f"{count} {kind}" for kind, count in sorted(self.counts.items()))
        problem = f"the cell must be a finite number; got {shorten(cell)} (cells in all: {counts}{others})"
        refuse(file, f", row {row}, column {shorten(column)}", problem, self._remedy(cell, column, hint_time))

    @staticmethod
    def _remedy(cell: str, column: str, hint_time: bool) -> str:
        if cell.strip().lower() in _MISSING:
            return "Fill or cut out the missing values in the file; seqbench never fills or drops them"
        if re.fullmatch(r"\s*[+-]?\d+(?:[.,' \u00a0\u202f]\d+)+\s*", cell):
            return "Write numbers with a decimal point and without thousands separators"
        if hint_time and seconds(cell) is not None:
            name = column if re.fullmatch(r"[\w.-]{1,40}", column) else shorten(column)
            return f"If the column holds times, write task.time_column={name}"
        return "Mend the cell, or leave the column out of task.columns"


def floats(cells: list[str]) -> list[float] | None:
    """The cells as numbers; None where any may not be a finite one."""
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        return None
    # float() also reads "1_000", "nan" and "inf".
    if "_" in "".join(cells) or not all(map(math.isfinite, numbers)):
        return None
    return numbers


def seconds(cell: str) -> float | None:
    """A number as it is, an ISO 8601 time in seconds since 1970 (UTC where it names no zone), else None."""
    numbers = floats([cell])
    if numbers is not None:
        return numbers[0]
    try:
        time = datetime.fromisoformat(cell.strip())
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def shorten(cell: str) -> str:
    """A cell as messages quote it."""
    return repr(cell) if len(cell) <= 40 else repr(cell[:37] + "...")
