"""Regressions that a person has accepted, each with a reason, a name and a day on which it is looked at again.

A committed YAML file, a list of mappings:

    - name: test_training_step[gru-cpu]    # as the check prints it, or with its file
      most: 12                             # percent of a time or of steps, number of a count, absolute of a skill
      reason: the new gate is worth it
      author: A. Person
      expires: 2027-03-01

It is accepted once. When the base's own file holds the same entry, what it accepted is in the base, and it accepts
nothing more.
"""

import datetime
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from seqbench.check.finding import Finding
from seqbench.check.wording import amount, names
from seqbench.report.wording import readable
from seqbench.schema import UsageError

MOST_BYTES = 64 * 1024
WRONG = (ValueError, OverflowError, RecursionError, yaml.YAMLError)
"""What a text that lists no entries may raise."""
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
        name: of the finding, whole or as it is printed.
        most: percent of a time or a number of steps, absolute of a count or a skill, that is accepted.
        expires: the last day on which it holds.
    """

    name: str
    most: float
    reason: str
    author: str
    expires: datetime.date

    @property
    def told(self) -> str:
        """All of it but its name, in words."""
        return f"{self.reason} ({self.author}, until {self.expires}, {amount(self.most)} at most)"


Spent = Callable[[Finding, Accepted], bool]
"""Whether what an entry accepts is in the base of a finding already."""


def read(path: Path) -> list[Accepted]:
    """The entries of the file.

    Raises:
        UsageError: it cannot be read, or an entry lacks something.
    """
    try:
        with path.open(encoding="utf-8") as file:
            return _entries(file.read(MOST_BYTES + 1))
    except (OSError, *WRONG) as error:
        raise UsageError(
            f"--accepted must list what is accepted and why; got {str(path)[:80]!a} ({_told(error)})."
        ) from error


def _told(error: Exception) -> str:
    """What is wrong with the file, in one line."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return ascii(f"no YAML, line {mark.line + 1}, column {mark.column + 1}: {error.problem}"[:200])[1:-1]
    return ascii(getattr(error, "strerror", None) or str(error))[1:-1].replace("\\n", " ")[:200]


def of_base(text: str) -> list[Accepted]:
    """The entries that the base had; none where they cannot be read: then it accepts nothing that is accepted now."""
    try:
        return _entries(text)
    except WRONG:
        return []


def _entries(text: str) -> list[Accepted]:
    if len(text) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES:,} characters")
    try:
        entries = yaml.safe_load(text) or []
    except ValueError as error:  # YAML takes 2027-13-01 for a day
        raise ValueError(f"it must hold days that there are, as 2027-03-01; {error}") from error
    if not isinstance(entries, list):
        raise ValueError("it must be a list of mappings")
    found = [_entry(number, entry) for number, entry in enumerate(entries, 1)]
    twice = sorted(name for name, times in Counter(entry.name for entry in found).items() if times > 1)
    if twice:
        raise ValueError(f"it must name each thing once; got {twice[0][:80]} more than once")
    return found


def _entry(number: int, entry: Any) -> Accepted:
    if not isinstance(entry, dict) or set(entry) != set(TYPES):
        got = ", ".join(map(str, entry)) if isinstance(entry, dict) else "no mapping"
        raise ValueError(f"entry {number} must have the keys {', '.join(TYPES)}; got {got[:80]}")
    for key, types in TYPES.items():
        if not isinstance(entry[key], types) or isinstance(entry[key], bool | datetime.datetime) or not entry[key]:
            rule = {"expires": "a day, as 2027-03-01", "most": "a number above 0"}.get(key, "text")
            raise ValueError(f"entry {number}: {key} must be {rule}; got {str(entry[key])[:40]!r}")
    if not 0 < float(entry["most"]) < math.inf:  # nothing is above NaN
        raise ValueError(f"entry {number}: most must be a finite number above 0; got {entry['most']:g}")
    return Accepted(**entry)


def apply(
    findings: Sequence[Finding], accepted: Sequence[Accepted], today: datetime.date, spent: Spent = lambda *words: False
) -> list[Finding]:
    """The findings, with regressions that are accepted marked as such; an entry that has expired accepts nothing.

    Args:
        findings: of one check.
        accepted: entries of the file.
        today: the day of the check.
        spent: which entries accept nothing more.
    """
    entries = zip(findings, _matched(findings, accepted), strict=True)
    return [_applied(finding, entry, today, spent) if entry else finding for finding, entry in entries]


def unmatched(findings: Sequence[Finding], accepted: Sequence[Accepted]) -> list[str]:
    """Names of entries that are those of no finding."""
    used = [entry for entry in _matched(findings, accepted) if entry]
    return [readable(entry.name) for entry in accepted if entry not in used]


def _matched(findings: Sequence[Finding], accepted: Sequence[Accepted]) -> list[Accepted | None]:
    """The entry of each finding: of its whole name, or else of the one that is printed."""
    entries = {entry.name: entry for entry in accepted}
    printed = zip(findings, names(findings), strict=True)
    return [entries.get(finding.name) or entries.get(name) for finding, name in printed]


def _applied(finding: Finding, entry: Accepted, today: datetime.date, spent: Spent) -> Finding:
    if finding.verdict != "regressed":
        return finding
    size = abs(finding.change or 0.0) * (100 if finding.kind == "time" or finding.unit == "steps" else 1)
    if finding.change is None:
        why = "what must be the same bit for bit cannot be accepted"
    elif entry.expires < today:
        why = f"accepted by {entry.author} until {entry.expires} only"
    elif spent(finding, entry):
        why = f"what {entry.author} accepted is in the base already"
    elif size > entry.most:
        why = f"{entry.author} accepted {amount(entry.most)} at most"
    else:
        return replace(finding, verdict="accepted", says=entry.told)
    return replace(finding, says=f"{finding.says}; {why}")
