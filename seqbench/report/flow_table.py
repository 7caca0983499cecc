"""Gradient flow in numbers: verdicts, decay lengths and what goes with them, a row a cell."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from seqbench.derived import derived
from seqbench.report.group import Cell, Group
from seqbench.report.loaded import Arrays, Loaded, arrays_of
from seqbench.report.wording import DASH, number

COLUMNS = (
    "before",
    "after",
    "decades",
    "decay length",
    "lost, %",
    "clipped, %",
    "update / weight",
    "saliency, %",
    "attention, %",
)


@dataclass(frozen=True, kw_only=True)
class FlowRow:
    """One cell: texts of ``COLUMNS`` and the numbers that they are sorted by (None where there is none)."""

    task: str
    label: str
    texts: tuple[str, ...]
    values: tuple[float | None, ...]


def flow_rows(groups: Sequence[Group], loaded: Loaded, titles: Sequence[str]) -> list[FlowRow]:
    """A row for each cell whose gradients were looked at; numbers are medians over seeds."""
    return [
        row
        for group, title in zip(groups, titles, strict=True)
        for cell in group.cells
        if (row := _row(title, cell, loaded)) is not None
    ]


def _row(task: str, cell: Cell, loaded: Loaded) -> FlowRow | None:
    runs = [record for record in cell.records if _profile(arrays_of(loaded, record), "end")]
    if not runs:
        return None
    every = [arrays_of(loaded, record) for record in runs]
    ends = [_profile(arrays, "end") for arrays in every]
    middle = [
        _median([end.get("change_decades") for end in ends]),
        _median_length(ends),
        _percent(_median([end.get("below_resolution") for end in ends])),
        _percent(_median([record.summary.get("clip_fraction") for record in runs])),
        _median([record.summary.get("update_to_weight_median") for record in runs]),
        _percent(_median([derived(arrays, "saliency").get("share_at_lag") for arrays in every])),
        _percent(_median([derived(arrays, "attention_maps").get("share_at_lag") for arrays in every])),
    ]
    verdicts = [_verdicts([_profile(arrays, "start") for arrays in every]), _verdicts(ends)]
    texts = [DASH if value is None else number(value, 2) for value in middle]
    return FlowRow(task=task, label=cell.name, texts=(*verdicts, *texts), values=(None, None, *middle))


def _profile(arrays: Arrays, when: str) -> Mapping[str, Any]:
    found = derived(arrays, "gradient_profile").get(when)
    return (found.get("input") or {}) if isinstance(found, Mapping) else {}


def _verdicts(profiles: Sequence[Mapping[str, Any]]) -> str:
    """The verdict that all seeds share, or how many have which."""
    counts = Counter(str(profile.get("verdict") or "no verdict") for profile in profiles)
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{times} {verdict}" for verdict, times in counts.most_common())


def _median(values: Sequence[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return median(there) if there else None


def _median_length(profiles: Sequence[Mapping[str, Any]]) -> float | None:
    """Steps in which a fit falls by a factor e; one that does not fall takes for ever, and so may the median: None."""
    fitted = [profile for profile in profiles if profile.get("change_decades") is not None]
    lengths = [profile.get("decay_length") for profile in fitted]
    middle = _median([math.inf if length is None else length for length in lengths])
    return middle if middle is not None and math.isfinite(middle) else None


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value
