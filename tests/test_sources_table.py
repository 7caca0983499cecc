import gzip
import os
import re
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqbench.config import compose
from seqbench.schema import UsageError
from seqbench.sources import plain_file, table

GOOD = "date,a,b\n2024-01-01 00:00:00,1,2.5\n2024-01-01 01:00:00,-3e2,4\n2024-01-01 02:00:00,5,6\n"


def write(folder: Path, content: str | bytes, name: str = "x.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("content", [
    GOOD,
    "\ufeff" + GOOD,
    GOOD.replace("\n", "\r\n"),
    GOOD.rstrip("\n"),
    GOOD + "\n\n",
    GOOD.replace(",a,", ', "a",').replace(', "a"', ',"a"'),
    GOOD.replace(",5,", ", 5 ,"),
], ids=["plain", "bom", "crlf", "no final newline", "empty rows at the end", "quotes", "spaces"])  # fmt: skip
def test_common_spellings_of_a_file_give_the_same_numbers(tmp_path: Path, content: str):
    data = table.read(write(tmp_path, content), None, "date")
    assert data.columns == ("a", "b")
    assert data.values.tolist() == [[1, 2.5], [-300, 4], [5, 6]]


def test_columns_come_in_the_order_they_are_asked_for(tmp_path: Path):
    assert table.read(write(tmp_path, GOOD), ["b", "a"]).values.tolist() == [[2.5, 1], [4, -300], [6, 5]]


BAD_CELLS = {
    "missing": ("a,b\n1,2\n3,\n,6\n7,8\n,9\n,10", r"row 3, column 'b': .* got '' \(cells in all: 4 missing; row 4, "
                r"column 'a': ''; row 6, column 'a': ''\)\. Fill or cut"),
    "nan": ("a,b\n1,2\n3,NaN", r"row 3, column 'b': .*1 missing"),
    "infinite": ("a,b\n1,inf", r"row 2, column 'b': .*got 'inf' .*1 not a number"),
    "text": ("a,b\n1,two", r"row 2, column 'b': the cell must be a finite number; got 'two'"),
    "underscore": ("a,b\n1,1_000", r"row 2, column 'b': .*got '1_000'"),
    "decimal comma": ('a,b\n1,"2,5"', r"row 2, column 'b': .*got '2,5' .*Write numbers with a decimal point"),
    "thousands": ("a,b\n1,2,500", r"row 2: it has 3 cells, the header has 2\. A decimal comma or thousands"),
    "short row": ("a,b\n1,2\n3", r"row 3: it has 1 cells, the header has 2\. Complete the row"),
    "empty row": ("a,b\n1,2\n\n3,4", r"row 3: the row is empty"),
    "quoted newline": ('a,b\n1,2\n"3\n",4\n5,x', r"row 5, column 'b': .*'x'"),
    "dates unnamed": (GOOD, r"row 2, column 'date': .*If the column holds times, write task\.time_column=date"),
    "open quote": ('a,b\n1,"2\n3,4', r"row 2: the row cannot be split into cells"),
    "semicolons": ("a;b\n1;2", r"row 1: columns must be separated by commas; got ';'\. .*decimal point in"),
    "tabs": ("a\tb\n1\t2", r"row 1: columns must be separated by commas; got '\\t'"),
    "no header": ("1,2\n3,4", r"row 1: it must hold column names; got 1, 2\. Add a header row"),
    "header only": ("a,b\n", r"there are no rows below the header\. Add rows"),
    "newlines only": ("\n\n", r"there are no column names"),
    "duplicate name": ("a,b,a\n1,2,3", r"row 1: the column name 'a' stands at columns 1 and 3"),
    "nameless column": (",b\n1,2", r"row 1: column 1 has no name"),
    "latin-1": ("a,b\n1,2\n3,é".encode("latin-1"), r"row 3: it is not UTF-8 text\. Save the file as UTF-8"),
    "utf-16": ("a,b\n1,2".encode("utf-16"), r"it must be plain UTF-8 text, and is UTF-16 text"),
    "nul": ("a,b\n1,2\n3,\0004", r"row 3: it holds a NUL byte"),
    "empty file": ("", r"it is empty\. Give a CSV file"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "message"), BAD_CELLS.values(), ids=BAD_CELLS)
def test_a_bad_file_is_one_message_with_file_row_and_remedy(tmp_path: Path, content: str | bytes, message: str):
    path = write(tmp_path, content)
    with pytest.raises(UsageError, match=message) as caught:
        table.read(path)
    text = str(caught.value)
    assert text.startswith(f"task.path: {path}")
    assert "\n" not in text.replace("\\n", "")


BAD_TIMES = {
    "duplicate": ("t,a\n1,0\n2,0\n2,0", {}, r"row 4, column 't': '2' is the same time as row 3\. Sort the file"),
    "unsorted": ("t,a\n1,0\n3,0\n2,0", {}, r"row 4, column 't': '2' is a time before row 3"),
    "no time": ("t,a\n1,0\nsoon,0", {}, r"row 3, column 't': .*got 'soon'\. Write times as 2016-07-01"),
    "mixed": ("t,a\n1,0\n2024-01-01,0", {}, r"row 3, column 't': .*as the rows above; got '2024-01-01'"),
    "day first": ("t,a\n01/02/2024,0", {}, r"row 2, column 't': .*got '01/02/2024'"),
    "gap": ("t,a\n1,0\n2,0\n3,0\n6,0\n7,0", {}, r"row 5, column 't': 1 gap .*first of 3 .* step is 1\. .*gaps=allow"),
    "hours": (
        "t,a\n" + "".join(f"2024-01-01 {hour:02}:00,0\n" for hour in (0, 1, 2, 5, 6, 9)), {},
        r"2 gaps in the times, the first of 10800 s where the usual step is 3600 s\.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "options", "message"), BAD_TIMES.values(), ids=BAD_TIMES)
def test_times_that_do_not_increase_evenly_are_refused(tmp_path: Path, content: str, options: dict, message: str):
    with pytest.raises(UsageError, match=message):
        table.read(write(tmp_path, content), None, "t", **options)


def test_gaps_and_months_of_different_lengths_are_accepted(tmp_path: Path):
    gap = write(tmp_path, BAD_TIMES["gap"][0])
    assert len(table.read(gap, None, "t", gaps="allow").values) == 5
    months = "t,a\n" + "".join(f"2024-{month:02}-01,0\n" for month in range(1, 13))
    assert len(table.read(write(tmp_path, months, "months.csv"), None, "t").values) == 12


@pytest.mark.parametrize(("columns", "time_column", "message"), [
    (["c"], None, r"task\.columns names 'c', and the columns are 'date', 'a', 'b'\. Choose one of these"),
    (["dates"], None, r"Did you mean 'date'"),
    (["a"], "dat", r"task\.time_column names 'dat', .*Did you mean 'date'"),
    (["a", "a"], None, r"task\.columns names 'a', which is empty or chosen twice"),
    (["a", "date"], "date", r"task\.columns names 'date', the column of times\. Choose columns of numbers\."),
    ([], None, r"no column of numbers is chosen"),
    ("ab", None, r"task\.columns must be a list of column names; got 'ab'"),
])  # fmt: skip
def test_columns_that_are_not_there_are_refused_with_the_nearest(
    tmp_path: Path, columns: list, time_column: str | None, message: str
):
    with pytest.raises(UsageError, match=message):
        table.read(write(tmp_path, GOOD), columns, time_column)


def test_only_plain_files_of_this_machine_are_opened(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    write(tmp_path, gzip.compress(GOOD.encode()), "x.gz")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("x.csv", GOOD)
    write(tmp_path, GOOD, "prices.csv")
    cases = {
        None: r"task\.path must name a CSV file; got None",
        "": r"task\.path must name a CSV file; got ''",
        "a\0b": r"task\.path must name a CSV file",
        "https://example.org/x.csv": r"must be a file on this machine; got the URL",
        "/dev/zero": r"it must be a plain file, and is a device",
        tmp_path: r"it must be a plain file, and is a folder",
        tmp_path / "pipe": r"is a device, pipe or socket",
        tmp_path / "link": r"is a device, pipe or socket",
        tmp_path / "x.gz": r"is gzip-compressed\. Unpack it",
        tmp_path / "x.zip": r"is a zip archive",
        tmp_path / "price.csv": r"there is no such file\. Did you mean .*prices\.csv\?$",
        tmp_path / "none" / "x": r"there is no such file\. The folder .* cannot be listed",
        tmp_path / ("n" * 300): r"it cannot be looked at",
    }
    start = time.monotonic()
    for path, message in cases.items():
        with pytest.raises(UsageError, match=message):
            table.read(path)
    assert time.monotonic() - start < 1


@pytest.mark.parametrize("path", ["[1,2]", "3", "[]"])
def test_what_is_no_path_is_refused_by_the_command_line(path: str):
    with pytest.raises(UsageError, match=r"task\.path must name a CSV file; got"):
        compose(["task=time_series", "model=gru", f"task.path={path}"])


def test_a_file_above_the_size_limit_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(plain_file, "MAX_BYTES", 10)
    with pytest.raises(UsageError, match=rf"it has {len(GOOD)} bytes, at most 10 are read"):
        table.read(write(tmp_path, GOOD))


def test_a_changed_file_is_read_again(tmp_path: Path):
    path = write(tmp_path, "a\n1\n")
    first = table.read(path)
    assert table.read(path) is first
    write(tmp_path, "a\n1\n2\n")
    assert len(table.read(path).values) == 2


def test_the_values_cannot_be_written(tmp_path: Path):
    with pytest.raises(ValueError, match="read-only"):
        table.read(write(tmp_path, GOOD), ["a"]).values[0] = 1


@given(
    cells=st.lists(
        st.lists(st.one_of(st.floats(allow_subnormal=False), st.just(None)), min_size=2, max_size=2), min_size=1
    )
)
def test_the_number_of_bad_cells_is_counted_exactly(tmp_path_factory: pytest.TempPathFactory, cells: list):
    path = tmp_path_factory.mktemp("cells") / "x.csv"
    path.write_text("a,b\n" + "".join(",".join("" if c is None else repr(c) for c in row) + "\n" for row in cells))
    flat = np.array([np.nan if c is None else c for row in cells for c in row])
    missing, infinite = int(np.isnan(flat).sum()), int(np.isinf(flat).sum())
    if not missing and not infinite:
        assert table.read(path).values.flatten().tolist() == flat.tolist()
        return
    with pytest.raises(UsageError) as caught:
        table.read(path)
    counts = {kind: int(n) for n, kind in re.findall(r"(\d+) (missing|not a number)", str(caught.value))}
    assert (counts.get("missing", 0), counts.get("not a number", 0)) == (missing, infinite)
