import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from seqbench import series
from seqbench.schema import UsageError


def csv(folder: Path, rows: int = 60) -> Path:
    path = folder / "x.csv"
    path.write_text("date,a\n" + "".join(f"{i},{i * i % 7}\n" for i in range(rows)))
    return path


def test_null_takes_the_defaults_of_the_source(tmp_path: Path):
    membrane = series.load("membrane")
    assert (membrane.values.shape, membrane.window, membrane.horizon, membrane.season) == ((12_000, 1), 64, 16, 143)
    assert membrane.splits == (7200, 2400, 2400)
    assert membrane.sha256 == series.MEMBRANE_SHA256
    assert "as published" in membrane.source
    glass = series.load("mackey_glass")
    assert (len(glass.values), glass.splits) == (10_000, (6000, 2000, 2000))
    file = series.load("csv", csv(tmp_path, 400), time_column="date")
    assert (file.columns, file.window, file.horizon, file.season) == (("a",), 96, 24, 1)


def test_a_season_of_the_recording_and_of_the_equation_is_a_peak_of_its_autocorrelation():
    for source in ("membrane", "mackey_glass"):
        data = series.load(source)
        x = data.values[:, 0] - data.values.mean()
        near = {lag: float(x[lag:] @ x[:-lag]) for lag in range(data.season - 5, data.season + 6)}
        assert max(near, key=lambda lag: near[lag]) == pytest.approx(data.season, abs=1), source


def test_the_parts_hold_all_their_targets_and_the_look_back_reaches_into_the_part_before(tmp_path: Path):
    data = series.load("csv", csv(tmp_path), time_column="date", window=5, horizon=3, splits=[30, 12, 11])
    assert data.origins("train") == range(5, 28)
    assert data.origins("validation") == range(30, 40)
    assert data.origins("test") == range(42, 51)


@pytest.mark.parametrize(("splits", "rows", "expected"), [
    ([0.6, 0.2, 0.2], 60, (36, 12, 12)),
    ([0.7, 0.1, 0.2], 61, (42, 6, 13)),
    ([0.5, 0.2, 0.1], 60, (30, 12, 6)),
    ([20, 10, 9], 60, (20, 10, 9)),
])  # fmt: skip
def test_splits_are_fractions_or_row_counts(tmp_path: Path, splits: list, rows: int, expected: tuple):
    path = csv(tmp_path, rows)
    assert series.load("csv", path, time_column="date", window=3, horizon=2, splits=splits).splits == expected


@pytest.mark.parametrize(("given", "message"), [
    ({"source": "membran"}, r"task\.source must be membrane or .* or ett; got 'membran'\. Write task\.source=membrane"),
    ({"path": "x.csv"}, r"task\.path belongs to task\.source=csv or ett; got 'x\.csv' with membrane"),
    ({"tau": 17}, r"task\.tau belongs to task\.source=mackey_glass"),
    ({"source": "csv"}, r"task\.path must name a CSV file; got None"),
    ({"source": "ett"}, r"task\.path must name ETTh1\.csv; got None\. Get it from https://github\.com/zhouhaoyi"),
    ({"window": 0}, r"task\.window must be an integer of at least 1; got 0"),
    ({"horizon": -1}, r"task\.horizon must be"),
    ({"season": 0}, r"task\.season must be"),
    ({"source": "mackey_glass", "num_samples": 5}, r"task\.num_samples must be an integer from 10"),
    ({"source": "mackey_glass", "tau": 0}, r"task\.tau must be"),
    ({"splits": [0.6, 0.4]}, r"task\.splits must be three row counts that fit into 12000 rows, or three fractions"),
    ({"splits": [0.6, 0.4, 0.2]}, r"task\.splits must be .*got \[0\.6, 0\.4, 0\.2\]"),
    ({"splits": [6000, 6000, 1]}, r"task\.splits must be"),
    ({"splits": [6000, 0.2, 0.2]}, r"task\.splits must be"),
    ({"splits": [7000, 10, 4000]}, r"the validation part must have at least 16 rows \(window 64, .*got 10 of 12000"),
    ({"splits": [70, 100, 4000]}, r"the train part must have at least 144 rows"),
    ({"window": 7200}, r"the train part must have at least 7216 rows .*lower task\.window or task\.horizon"),
])  # fmt: skip
def test_keys_that_make_no_sense_are_refused(given: dict, message: str):
    with pytest.raises(UsageError, match=message):
        series.load(**given)


def test_values_of_wrong_types_are_refused_where_types_are_not_checked(tmp_path: Path):
    # In the tests every annotation is checked, so what a YAML file may bring is tried in a plain process.
    cases = [{"window": 2.5}, {"horizon": "3"}, {"season": True}, {"splits": 3}, {"splits": ["a", "b", "c"]}]
    cases += [
        {"source": 3},
        {"source": "csv", "path": 5},
        {"source": "csv", "path": str(csv(tmp_path)), "columns": [1]},
    ]
    program = (
        "import sys\nfrom seqbench import series\nfrom seqbench.schema import UsageError\n"
        f"for case in {cases!r}:\n    try:\n        series.load(**case)\n"
        "    except UsageError as error:\n        print(str(error).split()[0])\n"
        "print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    keys = ["window", "horizon", "season", "splits", "splits", "source", "path", "columns"]
    assert done.stdout.split() == [f"task.{key}" for key in keys] + ["False"]


def test_missing_sample_data_is_a_usage_error_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    series._membrane.cache_clear()
    monkeypatch.setattr(series, "_matplotlib_data", lambda: tmp_path)
    with pytest.raises(
        UsageError, match=r"sample data; .*membrane\.dat cannot be read .*take task\.source=mackey_glass"
    ):
        series.load("membrane")


def test_sample_data_is_found_where_matplotlib_says(monkeypatch: pytest.MonkeyPatch):
    assert series._matplotlib_data() == Path(matplotlib.get_data_path())
    monkeypatch.setattr(series, "find_spec", lambda name: None)
    assert series._matplotlib_data() == Path(matplotlib.get_data_path())


def test_another_file_than_the_published_is_accepted_and_said(tmp_path: Path):
    path = csv(tmp_path)
    data = series.load("ett", path, window=3, horizon=2, splits=[40, 10, 10])
    assert f"not the published ETTh1.csv: its SHA-256 is {data.sha256}" in data.source
    assert (data.licence, data.columns) == ("CC BY-ND 4.0", ("a",))


def test_values_are_read_only_and_loaded_once_per_process():
    first, second = series.load("mackey_glass"), series.load("mackey_glass", window=3)
    assert first.values is second.values
    with pytest.raises(ValueError, match="read-only"):
        first.values[0] = 0.0


def test_the_published_etth1_is_recognised_and_split_as_in_the_field(data_folder: Path):
    data = series.load("ett", data_folder / "ETTh1.csv")
    assert data.values.shape == (17_420, 7)
    assert data.columns == ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")
    assert data.splits == (8640, 2880, 2880)
    assert "ETTh1.csv as published" in data.source
    assert len(data.origins("test")) == 2785
    assert np.isfinite(data.values).all()
