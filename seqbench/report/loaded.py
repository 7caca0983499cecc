"""Arrays of learning runs as figures need them: of one record, of one cell, at the first and the last observation."""

from collections.abc import Mapping, Sequence

import numpy as np

from seqbench.report.group import Cell, Group
from seqbench.schema import Record

Arrays = Mapping[str, np.ndarray]
Loaded = Mapping[tuple[str, str], Arrays]
"""(run_id, env_id) -> the arrays of the attempt that counts."""


def arrays_of(loaded: Loaded, record: Record) -> Arrays:
    """The arrays of a record, none where it left none."""
    return loaded.get((record.run_id, record.env_id), {})


def with_array(loaded: Loaded, cell: Cell, name: str) -> list[Record]:
    """The records of a cell that left an array of that name."""
    return [record for record in cell.records if name in arrays_of(loaded, record)]


def any_array(groups: Sequence[Group], loaded: Loaded, name: str) -> bool:
    """Whether any record left an array of that name."""
    return any(with_array(loaded, cell, name) for group in groups for cell in group.cells)


def first_run(loaded: Loaded, cell: Cell, name: str) -> tuple[Record, Arrays] | None:
    """The run of the lowest seed that left an array of that name, completed ones before others."""
    found = sorted(with_array(loaded, cell, name), key=lambda record: record.status != "completed")
    return (found[0], arrays_of(loaded, found[0])) if found else None


def positive(values: np.ndarray) -> np.ndarray:
    """Values for a logarithmic axis: NaN, a gap, where there is nothing to take the logarithm of."""
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def median_over(profile: np.ndarray) -> np.ndarray:
    """Median over the first axis, NaN where nothing has that lag; an infinity is the largest there is."""
    profile = np.asarray(profile, dtype=np.float64)
    result = np.full(profile.shape[1], np.nan)
    known = ~np.isnan(profile).all(axis=0)
    result[known] = np.nanmedian(profile[:, known], axis=0)
    return result
