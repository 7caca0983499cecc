"""Real and generated series for the time series task: where they come from, their columns, and their three parts.

No torch: the command line calls ``load`` to refuse a bad file before anything is trained or written.
"""

import hashlib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np

from seqbench.schema import UsageError
from seqbench.sources import mackey_glass, table
from seqbench.sources.cells import shorten
from seqbench.values import check_choice, check_count

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
ETT_URL = "https://github.com/zhouhaoyi/ETDataset"
ETTH1_SHA256 = "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066"
MEMBRANE_SHA256 = "ab795b429201a5bb575c6370d5e17090dfcfc317431aa9382f8e881366f43357"
_FRACTIONS = (0.6, 0.2, 0.2)


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What a source takes where the user says null: rows of window and horizon, the season, the three parts."""

    window: int
    horizon: int
    season: int
    splits: tuple[int | float, ...] = _FRACTIONS


DEFAULTS = {
    # The regular part of the recording repeats after 143 samples (the autocorrelation's first peak).
    "membrane": Defaults(window=64, horizon=16, season=143),
    "mackey_glass": Defaults(window=64, horizon=16, season=50),
    "csv": Defaults(window=96, horizon=24, season=1),
    # 12, 4 and 4 months of 30 days (Zhou et al. 2021), horizon 96 of their long-term setting.
    "ett": Defaults(window=96, horizon=96, season=24, splits=(8640, 2880, 2880)),
}
_KEYS_OF = {
    "path": ("csv", "ett"),
    "columns": ("csv", "ett"),
    "time_column": ("csv", "ett"),
    "num_samples": ("mackey_glass",),
    "tau": ("mackey_glass",),
}


@dataclass(frozen=True, kw_only=True)
class Series:
    """A series with the sizes of its forecasting task, all checked.

    Attributes:
        values: (rows, channels) float64, read-only, in the source's own units.
        columns: names of the channels.
        season: rows after which the series roughly repeats, 1 where it has no season.
        window, horizon: rows a forecast sees, rows it foretells.
        splits: rows of the training, validation and test part, which follow each other from row 0.
        sha256: of the file, or of ``values`` where they are generated.
        source: one sentence: what it is and where it comes from.
        licence: its licence.
    """

    values: np.ndarray
    columns: tuple[str, ...]
    season: int
    window: int
    horizon: int
    splits: tuple[int, int, int]
    sha256: str
    source: str
    licence: str

    def __post_init__(self) -> None:
        need = {"train": max(self.window + self.horizon, self.season + 1)}
        for part, rows in zip(PARTS, self.splits, strict=True):
            if rows < need.get(part, self.horizon):
                why = f"window {self.window}, horizon {self.horizon}, season {self.season}"
                raise UsageError(
                    f"task.splits: the {part} part must have at least {need.get(part, self.horizon)} rows ({why}); got "
                    f"{rows} of {len(self.values)} rows. Give more rows, or lower task.window or task.horizon."
                )

    def origins(self, part: Part) -> range:
        """The first target row of each window of a part: no target leaves it, inputs may reach back before it."""
        at = PARTS.index(part)
        start, end = sum(self.splits[:at]), sum(self.splits[: at + 1])
        return range(max(start, self.window), end - self.horizon + 1)


def load(
    source: str = "membrane",
    path: str | os.PathLike[str] | None = None,
    columns: Sequence[str] | None = None,
    time_column: str | None = None,
    gaps: str = "refuse",
    window: int | None = None,
    horizon: int | None = None,
    season: int | None = None,
    splits: Sequence[int | float] | None = None,
    num_samples: int | None = None,
    tau: int | None = None,
) -> Series:
    """The series that the keys of ``conf/task/time_series.yaml`` describe; None takes the source's own value.

    ``source`` is "membrane", "mackey_glass" (``num_samples`` long, delay ``tau``), "csv" or "ett" (the file ``path``).
    ``columns`` are the channels, seen and foretold; None takes all but ``time_column`` ("ett": date), whose times must
    increase; ``gaps`` says whether to "refuse" or "allow" steps above 1.5 times the median step. ``window``,
    ``horizon`` and ``season`` as in ``Series``; ``splits`` are three row counts or three fractions of the rows.

    Raises:
        UsageError: a key that makes no sense, a file that cannot be read exactly, parts too short or without spread.
    """
    data, (where, licence) = _table(source, path, columns, time_column, gaps, num_samples, tau)
    defaults = DEFAULTS[source]
    sizes = {"window": window, "horizon": horizon, "season": season}
    sizes = {key: getattr(defaults, key) if value is None else value for key, value in sizes.items()}
    for key, value in sizes.items():
        check_count(f"task.{key}", value, 1)
    rows = _split_rows(defaults.splits if splits is None else splits, len(data.values))
    about = {"columns": data.columns, "sha256": data.sha256, "source": where, "licence": licence}
    series = Series(values=data.values, splits=rows, **sizes, **about)
    _check_scale(series)
    return series


def _table(
    source: str,
    path: str | os.PathLike[str] | None,
    columns: Sequence[str] | None,
    time_column: str | None,
    gaps: str,
    num_samples: int | None,
    tau: int | None,
) -> tuple[table.Table, tuple[str, str]]:
    """The columns of a source, and what it is and its licence in words."""
    given = {"path": path, "columns": columns, "time_column": time_column, "num_samples": num_samples, "tau": tau}
    _check_keys(source, given)
    if source == "membrane":
        return _membrane()
    if source == "mackey_glass":
        return _mackey_glass(10_000 if num_samples is None else num_samples, 17 if tau is None else tau)
    if source == "ett":
        return _ett(path, columns, time_column or "date", gaps)
    return table.read(path, columns, time_column, gaps), ("a CSV file of the user's", "the user's")


def _check_scale(series: Series) -> None:
    """Refuse channels that do not vary in the training part: errors in them could be measured in no unit."""
    known = series.values[: series.splits[0]]
    still = [name for name, spread in zip(series.columns, np.ptp(known, axis=0), strict=True) if spread == 0]
    if still:
        names = ", ".join(map(shorten, still[:3])) + (", ..." if len(still) > 3 else "")
        raise UsageError(
            f"task.columns must vary in the training part, or errors have no unit; got {names} with one value in all "
            f"of its {len(known)} rows. Leave it out of task.columns, or move task.splits."
        )


def _check_keys(source: str, given: dict[str, object]) -> None:
    check_choice("task.source", source, tuple(DEFAULTS))
    for key, value in given.items():
        if value is not None and source not in _KEYS_OF[key]:
            owners = " or ".join(_KEYS_OF[key])
            raise UsageError(
                f"task.{key} belongs to task.source={owners}; got {repr(value)[:80]} with {source}. Set it to null."
            )


def _split_rows(splits: Sequence[int | float], rows: int) -> tuple[int, int, int]:
    """Row counts of the three parts.

    >>> _split_rows([0.6, 0.2, 0.2], 11)
    (6, 2, 3)
    """
    kinds = {type(value) for value in splits} if isinstance(splits, Sequence) and len(splits) == 3 else set()
    if kinds == {int} and min(splits) >= 1 and sum(splits) <= rows:
        return int(splits[0]), int(splits[1]), int(splits[2])
    if kinds == {float} and min(splits) > 0 and sum(splits) <= 1 + 1e-9:
        # The small term undoes rounding: 0.6 + 0.2 + 0.2 of 10 rows is 10 rows.
        ends = [math.floor(rows * sum(splits[: at + 1]) + 1e-6) for at in range(3)]
        return ends[0], ends[1] - ends[0], ends[2] - ends[1]
    raise UsageError(
        f"task.splits must be three row counts that fit into {rows} rows, or three fractions of at most 1 together; "
        f"got {repr(splits)[:80]}. Write e.g. task.splits=[0.6,0.2,0.2]."
    )


def _ett(
    path: str | os.PathLike[str] | None, columns: Sequence[str] | None, time_column: str, gaps: str
) -> tuple[table.Table, tuple[str, str]]:
    """Electricity transformer temperature, hourly, 7 channels: ETDataset of Zhou et al. 2021 (Informer, AAAI)."""
    if path is None:
        raise UsageError(f"task.path must name ETTh1.csv; got None. Get it from {ETT_URL}; write task.path=ETTh1.csv.")
    data = table.read(path, columns, time_column, gaps)
    same = data.sha256 == ETTH1_SHA256
    what = "ETTh1.csv as published" if same else f"not the published ETTh1.csv: its SHA-256 is {data.sha256}"
    return data, (f"ETDataset, Zhou et al. 2021, {ETT_URL}; {what}", "CC BY-ND 4.0")


@lru_cache(maxsize=1)
def _membrane() -> tuple[table.Table, tuple[str, str]]:
    """Membrane potential of a neuron, 12,000 float32 samples 0.5 ms apart: matplotlib's sample data."""
    file = _matplotlib_data() / "sample_data" / "membrane.dat"
    try:
        raw = file.read_bytes()
        values = np.frombuffer(raw, "<f4").astype(np.float64).reshape(-1, 1)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"task.source=membrane reads matplotlib's sample data; {file} cannot be read ({error}). Some distributions "
            "leave sample_data out: pip install matplotlib, or take task.source=mackey_glass."
        ) from error
    sha256 = hashlib.sha256(raw).hexdigest()
    what = "as published" if sha256 == MEMBRANE_SHA256 else f"not the known file: its SHA-256 is {sha256}"
    source = f"membrane potential of a neuron, 0.5 ms a sample, matplotlib's sample_data/membrane.dat; {what}"
    return _frozen(values, "potential", sha256), (source, "that of matplotlib (PSF-style)")


def _matplotlib_data() -> Path:
    """Matplotlib's data folder; where it is in its usual place, without the 0.2 s that the import takes."""
    found = find_spec("matplotlib")
    usual = Path(found.origin).with_name("mpl-data") if found and found.origin else None
    if usual and usual.is_dir():
        return usual
    import matplotlib

    return Path(matplotlib.get_data_path())


@lru_cache(maxsize=4)
def _mackey_glass(num_samples: int, tau: int) -> tuple[table.Table, tuple[str, str]]:
    check_count("task.num_samples", num_samples, 10, 1_000_000)
    check_count("task.tau", tau, 1, 1000)
    values = mackey_glass.generate(num_samples, tau).reshape(-1, 1)
    source = f"Mackey & Glass 1977, tau={tau}, generated by seqbench/sources/mackey_glass.py"
    return _frozen(values, "x", hashlib.sha256(values.tobytes()).hexdigest()), (source, "none needed: generated")


def _frozen(values: np.ndarray, column: str, sha256: str) -> table.Table:
    values.flags.writeable = False
    return table.Table(values=values, columns=(column,), sha256=sha256)
