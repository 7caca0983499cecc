"""Regressions that a person has accepted, each with a reason, a name and a day on which it is looked at again.

A committed YAML file, a list of mappings:

    - name: bench/test_training_step.py::test_training_step[gru]
      most: 12            # percent of a time, number of a count, that head may be above base
      reason: the new gate is worth it
      author: A. Person
      expires: 2027-03-01
"""

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from seqbench.check.finding import Finding
from seqbench.check.wording import amount
from seqbench.schema import UsageError

MOST_BYTES = 64 * 1024
TYPES: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "most": (int, float),
    "reason": (str,),
    "author": (str,),
    "expires": (datetime.date,),
}
"""Keys of an entry, all of them needed."""


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """One entry of the file.

    Attributes:
        name: of the finding, whole.
        most: percent of a time or a number of steps, absolute of a count or a skill, that is accepted.
        expires: the last day on which it holds.
    """

    name: str
    most: float
    reason: str
    author: str
    expires: datetime.date


def read(path: Path) -> list[Accepted]:
    """The entries of the file.

    Raises:
        UsageError: it cannot be read, or an entry lacks something.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
        entries = yaml.safe_load(path.read_text(encoding="utf-8")) or []
        if not isinstance(entries, list):
            raise ValueError("it must be a list of mappings")
        return [_entry(number, entry) for number, entry in enumerate(entries, 1)]
    except (OSError, ValueError, OverflowError, RecursionError, yaml.YAMLError) as error:
        reason = ascii(getattr(error, "strerror", None) or str(error))[1:-1].replace("\\n", " ")[:200]
        raise UsageError(
            f"--accepted must list what is accepted and why; got {str(path)[:80]!a} ({reason})."
        ) from error


def _entry(number: int, entry: Any) -> Accepted:
    if not isinstance(entry, dict) or set(entry) != set(TYPES):
        raise ValueError(f"entry {number} must have the keys {', '.join(TYPES)}")
    for key, types in TYPES.items():
        if not isinstance(entry[key], types) or isinstance(entry[key], bool | datetime.datetime) or not entry[key]:
            raise ValueError(f"entry {number}: {key} must be {'a day, as 2027-03-01' if key == 'expires' else 'given'}")
    if not math.isfinite(entry["most"]):  # nothing is above NaN
        raise ValueError(f"entry {number}: most must be a finite number")
    return Accepted(**entry)


def apply(findings: Sequence[Finding], accepted: Sequence[Accepted], today: datetime.date) -> list[Finding]:
    """The findings, with regressions that are accepted marked as such; an entry that has expired accepts nothing.

    Args:
        findings: of one check.
        accepted: entries of the file.
        today: the day of the check.
    """
    entries = {entry.name: entry for entry in accepted}
    return [_applied(finding, entries.get(finding.name), today) for finding in findings]


def _applied(finding: Finding, entry: Accepted | None, today: datetime.date) -> Finding:
    if entry is None or finding.verdict != "regressed" or finding.change is None:
        return finding
    if entry.expires < today:
        return replace(finding, says=f"{finding.says}; accepted by {entry.author} until {entry.expires} only")
    size = abs(finding.change) * (100 if finding.kind == "time" or finding.unit == "steps" else 1)
    if size > entry.most:
        return replace(finding, says=f"{finding.says}; {entry.author} accepted {amount(entry.most)} at most")
    return replace(finding, verdict="accepted", says=f"{entry.reason} ({entry.author}, until {entry.expires})")
