"""Faults of a data file that test_sources_table.py does not show: scale, memory, names, and what is no file at all."""

import gzip
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from seqbench import series
from seqbench.config import compose
from seqbench.schema import UsageError
from seqbench.sources import plain_file, table
from tests import user_folder
from tests.user_folder import my_study

ROOT = Path(__file__).parents[1]
SIZES = {"window": 3, "horizon": 2, "splits": [20, 10, 10]}
mine = user_folder.mine


def write(folder: Path, text: str, name: str = "x.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def refusal(path: Path | str, **options: object) -> str:
    with pytest.raises(UsageError) as caught:
        table.read(path, **options)  # type: ignore[arg-type]
    message = str(caught.value)
    assert message.isprintable()
    return message


# ------------------------------------------------------------------ cells and names


@pytest.mark.parametrize(
    "cell", ["2,5", "1.234,5", "1,234.5", "1,234,567", "1 234", "1'234.5", "1\u00a0234", "1\u202f234,5"]
)
def test_every_way_to_group_digits_is_told_from_other_text(tmp_path: Path, cell: str) -> None:
    told = refusal(write(tmp_path, f'a,b\n1,2\n3,"{cell}"\n'))
    assert f"row 3, column 'b': the cell must be a finite number; got {cell!r} (cells in all: 1 not a number)" in told
    assert told.endswith("Write numbers with a decimal point and without thousands separators.")


def test_the_first_three_bad_cells_are_named_and_all_are_counted(tmp_path: Path) -> None:
    rows = "".join(f'{row},"{row},5"\n' for row in range(100))
    told = refusal(write(tmp_path, "a,b\n" + rows))
    assert "row 2, column 'b': the cell must be a finite number; got '0,5' (cells in all: 100 not a number" in told
    assert "; row 3, column 'b': '1,5'; row 4, column 'b': '2,5')" in told
    assert "row 5" not in told


@pytest.mark.parametrize("option", [{"time_column": ""}, {"columns": [""]}])
def test_an_empty_column_name_is_refused_with_the_columns_there_are(tmp_path: Path, option: dict) -> None:
    assert f"task.{next(iter(option))} names '', and the columns are 'a', 'b'" in refusal(
        write(tmp_path, "a,b\n1,2\n"), **option
    )


def test_names_that_no_terminal_should_print_are_escaped_and_cut(tmp_path: Path) -> None:
    names = ["\x1b[31m" + "n" * 5_000 + str(column) for column in range(30)]
    path = write(tmp_path, ",".join(names) + "\n" + ",".join("x" for _ in names) + "\n")
    for told in (refusal(path), refusal(path, columns=["OT"]), refusal(path, time_column=names[3])):
        assert len(told) < 2_000
        assert r"'\x1b[31mnnn" in told


def test_a_path_that_no_terminal_should_print_is_escaped_and_cut(tmp_path: Path) -> None:
    assert r"\x1b[31m" in refusal(tmp_path / "a\x1b[31m.csv")
    write(tmp_path, "a\n1\n", "b\x1b[31m.csv")
    assert r"Did you mean '" in refusal(tmp_path / "b[31m.csv")
    assert len(refusal("/".join(["n" * 200] * 100))) < 500
    assert "it is no file name" in refusal("\ud800")


def test_a_file_that_is_one_endless_row_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_file, "MAX_ROW_BYTES", 1000)
    assert ", row 3: it is longer than 1000 bytes" in refusal(write(tmp_path, "a\n1\n" + "2" * 3_000))
    assert len(table.read(write(tmp_path, "a\n" + "2\n" * 3_000)).values) == 3_000


# ------------------------------------------------------------------ scale


def numbers(rows: int, **columns: float) -> str:
    """Columns that count, but for ``columns``, which have one value."""
    body = (",".join([str(row), *(repr(value) for value in columns.values())]) for row in range(rows))
    return ",".join(["t", *columns]) + "\n" + "\n".join(body) + "\n"


def test_a_column_without_spread_in_the_training_part_is_refused_by_name(tmp_path: Path) -> None:
    path = write(tmp_path, numbers(40, a=0.1, b=-7.0))
    with pytest.raises(UsageError) as caught:
        series.load("csv", path, **SIZES)
    assert str(caught.value) == (
        "task.columns must vary in the training part, or errors have no unit; got 'a', 'b' with one value in all "
        "of its 20 rows. Leave it out of task.columns, or move task.splits."
    )
    assert series.load("csv", path, columns=["t"], **SIZES).columns == ("t",)


def test_a_column_that_begins_to_vary_later_is_refused_and_one_that_stops_is_not(tmp_path: Path) -> None:
    late = "a\n" + "5\n" * 20 + "".join(f"{row}\n" for row in range(20))
    with pytest.raises(UsageError, match="must vary in the training part"):
        series.load("csv", write(tmp_path, late), **SIZES)
    early = "a\n" + "".join(f"{row}\n" for row in range(20)) + "5\n" * 20
    assert len(series.load("csv", write(tmp_path, early, "y.csv"), **SIZES).values) == 40


# ------------------------------------------------------------------ memory and time, of a process of its own


PEAK = """\
import sys, time
def peak():
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
"""


def in_a_process(program: str, *words: object) -> list[float]:
    """The numbers that a program prints, which measures itself: ``peak()`` are its own MiB, none of its parent's."""
    command = [sys.executable, "-c", PEAK + program, *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return [float(word) for word in done.stdout.split()]


needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")


@pytest.mark.slow
@needs_proc
def test_a_million_rows_take_little_more_memory_than_their_numbers(tmp_path: Path) -> None:
    values = np.random.default_rng(0).standard_normal((1_000_000, 2))
    lines = "\n".join(f"{a:.6f},{b:.6f}" for a, b in values.tolist())
    path = write(tmp_path, "a,b\n" + lines + "\n")
    program = "from seqbench.sources import table\nbefore = peak()\n"
    program += "print(table.read(sys.argv[1]).values.nbytes / 2**20, before, peak())"
    numbers_mib, before_mib, peak_mib = in_a_process(program, path)
    assert numbers_mib == pytest.approx(15.26, rel=0.01)
    assert peak_mib - before_mib < 2 * numbers_mib + 30
    assert before_mib < 270


@needs_proc
def test_what_is_no_plain_file_is_refused_at_once_and_without_memory(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, target in (("loop", "pool"), ("pool", "loop"), ("zero", "/dev/zero"), ("to_pipe", "pipe")):
        (tmp_path / name).symlink_to(target)
    with gzip.open(tmp_path / "bomb.gz", "wb", compresslevel=1) as packed:
        for _ in range(200):
            packed.write(bytes(1 << 20))
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("x.csv", bytes(200 << 20))
    with open(tmp_path / "sparse.csv", "wb") as sparse:
        sparse.truncate(100 << 30)
    names = ("pipe", "loop", "zero", "to_pipe", "bomb.gz", "bomb.zip", "sparse.csv", "")
    paths = [
        *(tmp_path / name for name in names),
        "https://example.org/x.csv",
        "file:///etc/passwd",
        "/proc",
        "/dev/stdin",
    ]
    program = (
        "from seqbench.sources import table\nfrom seqbench.schema import UsageError\n"
        "before, start, refused = peak(), time.perf_counter(), 0\n"
        "for path in sys.argv[1:]:\n    try:\n        table.read(path)\n"
        "    except UsageError:\n        refused += 1\n"
        "print(refused, time.perf_counter() - start, peak() - before)"
    )
    refused, seconds, more_mib = in_a_process(program, *paths)
    assert refused == len(paths)
    assert seconds < 1
    assert more_mib < 50


# ------------------------------------------------------------------ through the configuration


@pytest.mark.parametrize(
    ("name", "rule"),
    [("pipe", "a plain file"), ("zero", "a plain file"), ("", "a plain file"), ("none", "read"), ("loop", "read")],
)
def test_data_of_a_users_task_is_looked_at_before_it_is_opened(
    mine: Path, tmp_path: Path, name: str, rule: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UsageError, match=rf"task\.path must be .*{rule}"):
        my_study(mine, f"task.path='{tmp_path / name}'")


def test_a_home_folder_may_be_written_as_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path, numbers(400))
    (cell,) = compose(["task=time_series", "task.source=csv", "task.path='~/x.csv'"]).cells
    assert cell.data_sha256 == table.read(tmp_path / "x.csv").sha256


def test_a_missing_file_of_a_known_source_is_told_with_its_address(tmp_path: Path) -> None:
    words = ["task=time_series", f"task.path='{tmp_path}/ETTh1.csv'"]
    with pytest.raises(UsageError, match=r"no such file; get it from https://github\.com/zhouhaoyi/ETDataset\. Check"):
        compose([*words, "task.source=ett"])
    with pytest.raises(UsageError, match=r"no such file\. Check the path"):
        compose([*words, "task.source=csv"])


def test_the_way_of_reading_is_part_of_a_runs_identity(tmp_path: Path) -> None:
    path = write(tmp_path, "t,a\n" + "".join(f"{row + (row > 300)},{row * row % 7}\n" for row in range(400)))
    words = ["task=time_series", "task.source=csv", f"task.path='{path}'", "task.time_column=t"]
    with pytest.raises(UsageError, match=r"1 gap in the times.*task\.gaps=allow"):
        compose(words)
    (cell,) = compose([*words, "task.gaps=allow"]).cells
    assert cell.identity()["task"]["gaps"] == "allow"
