"""Where the numbers come from: the environments and the code of the records."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from seqbench.record.environment import KEYS
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
