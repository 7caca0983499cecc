"""Where the numbers come from: the environments, the code and the commands of the records."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from seqbench.record.environment import KEYS
from seqbench.report.group import Group
from seqbench.report.wording import count
from seqbench.schema import Record


def facts(records: Sequence[Record], names: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """Name of each fact, and its values in each environment; several values where records of one disagree."""
    present = [key for key in KEYS if any(key in record.environment for record in records)]
    rows = [("records", [str(sum(record.env_id == env_id for record in records)) for env_id in names])]
    rows += [("env_id", list(names))]
    for key in present:
        values = []
        for env_id in names:
            seen = [record.environment.get(key) for record in records if record.env_id == env_id]
            values.append(" / ".join(dict.fromkeys(_fact(key, value) for value in seen)))
        rows.append((key.replace("_bytes", ""), values))
    return rows


def _fact(key: str, value: Any) -> str:
    if value is None:
        return "none"
    return f"{value / 2**30:.1f} GiB" if key == "memory_bytes" else str(value)


def code(records: Sequence[Record]) -> list[str]:
    """Git states of the records, the most frequent first."""
    states = Counter(_state(record.git) for record in records)
    return [f"{text}: {count(number, 'record')}" for text, number in states.most_common()]


def _state(git: Mapping[str, Any] | None) -> str:
    if not git:
        return "outside a git checkout"
    return f"commit {git.get('commit')}{'' if git.get('clean') else ' with uncommitted changes'}"


def rates_beside(groups: Sequence[Group], titles: Sequence[str]) -> list[tuple[str, str, float]]:
    """Task, architecture and median steps per second of training while other runs went on."""
    found = []
    for group, title in zip(groups, titles, strict=True):
        for cell in group.cells:
            rates = [r for record in cell.records if (r := record.summary.get("training_steps_per_s")) is not None]
            if rates:
                found.append((title, cell.name, median(rates)))
    return found


def training_commands(groups: Sequence[Group], titles: Sequence[str]) -> list[tuple[str, str, str]]:
    """Task, architecture and what to type to train all its runs again."""
    pairs = zip(groups, titles, strict=True)
    return [(title, cell.name, command_of(cell.records)) for group, title in pairs for cell in group.cells]


def command_of(records: Sequence[Record]) -> str:
    """What trains all these runs of one cell again: a record's own command is that of its seed alone."""
    return with_seeds(records[0].command, [record.seed for record in records])


def with_seeds(command: str, seeds: Sequence[int | None]) -> str:
    """A command that trains one run, for all of these seeds."""
    rest = re.sub(r" '?seeds=\[[0-9]*\]'?", "", command)  # no shell's grammar: it may hold anything
    return f"{rest} 'seeds=[{','.join(map(str, seeds))}]'"  # quoted, as zsh takes brackets for a pattern
