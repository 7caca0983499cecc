"""``report.json``: every number of a report, with its interval, for other programs."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from seqbench.report.content import Content
from seqbench.report.cost_csv import KEYS
from seqbench.report.costs import Entry
from seqbench.report.dependency import Dependency
from seqbench.report.dependency_csv import measured
from seqbench.report.flow_table import COLUMNS as FLOW_COLUMNS
from seqbench.report.verdicts_csv import whole
from seqbench.report.wording import readable
from seqbench.schema import Record

VERSION = 3
"""Of the form of the document; it goes up when a name or a meaning changes, not when something is added."""


def report_json(content: Content) -> str:
    """Strict JSON, the same text for the same records: keys sorted, floats to their last digit.

    An infinite number, such as the median steps of runs that never solve, is the text "infinity" or "-infinity"; what
    was not measured is null. Run by run the same stands in ``runs.csv`` and in the store.
    """
    named = ("study", "reference", "tuning", "missing", "environments", "summary", "banners", "details", "problems")
    taken = (
        "common",
        "across",
        "solving",
        "matrices",
        "fairness",
        "architectures",
        "tasks",
        "code",
        "facts",
        "glance",
    )
    document = {name: getattr(content, name) for name in (*named, *taken)}
    document["sections"] = [
        {"title": section.title, "subtitle": section.subtitle, "rows": list(map(whole, section.rows))}
        for section in content.sections
    ]
    document["dependencies"] = [_dependency(made) for made in content.dependencies]
    document["costs"] = [_cost(entry) for entry in content.costs]
    document["cost_said"] = [*content.cost_said[0], *content.cost_said[1]]
    document["rates_beside_training"] = [
        {"task": task, "architecture": label, "steps_per_s": rate} for task, label, rate in content.beside
    ]
    document["gradient_flow"] = [
        {"task": row.task, "architecture": row.label, "texts": dict(zip(FLOW_COLUMNS, row.texts, strict=True)),
         "values": dict(zip(FLOW_COLUMNS, row.values, strict=True))}
        for row in content.flow
    ]  # fmt: skip
    document["failures"] = [_failure(record) for record in content.failures]
    document["commands"] = [
        {"task": task, "architecture": label, "command": command} for task, label, command in content.commands
    ]
    return strict({"format": "seqbench report", "version": VERSION, **document})


def strict(document: Any) -> str:
    """Any of our values as strict JSON text."""
    return json.dumps(plain(document), sort_keys=True, indent=1, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """Data classes and mappings as objects, sequences as lists, numbers as JSON has them.

    >>> plain({"steps": (1, float("inf")), "skill": float("nan")})
    {'steps': [1, 'infinity'], 'skill': None}
    """
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {readable(key): plain(item) for key, item in value.items()}
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None if math.isnan(value) else f"{'-' * (value < 0)}infinity"
    return [plain(item) for item in (sorted(value) if isinstance(value, frozenset) else value)]


def _dependency(made: Dependency) -> dict[str, Any]:
    """Its fields with the estimate as ``measured`` says it: the 0 and the infinity of a bound are no lengths."""
    own = {field.name: getattr(made, field.name) for field in fields(made) if field.name != "estimate"}
    return {**own, **measured(made), "why": made.estimate.why, "low_power": made.estimate.low_power}


def _cost(entry: Entry) -> dict[str, Any]:
    taken = {key: found for key in KEYS if (found := entry.estimate(key)) is not None}
    names = ("env_id", "task", "model", "variant", "backend", "what", "twin", "length", "flops")
    about = {name: getattr(entry, name) for name in names}
    plainly = {key: entry.first(key) for key in ("batch_size", "parameters", "state_bytes", "kernel")}
    failed = None if entry.failed is None else _failure(entry.failed)
    return {**about, **plainly, "rounds": len(entry.records), "failed": failed, "measured": taken}


def _failure(record: Record) -> dict[str, Any]:
    labels = {key: record.labels.get(key) for key in ("task", "model", "variant")}
    own = ("kind", "run_id", "env_id", "seed", "status", "reason")
    return labels | {key: getattr(record, key) for key in own}
