"""Why a run is not done, or not done as it would be now: what differs from what is in the store."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from seqbench.record.record import canonical
from seqbench.record.scratch import Scratch
from seqbench.report.wording import readable
from seqbench.schema import Cell, Record

MACHINE = ("cpu", "cpu_signature", "architecture", "cores", "gpu", "torch", "torch_git", "threads")
"""What tells two environments apart, the most telling first."""
CONTINUES = "continues from its checkpoint"
"""How the reason of a run ends that will be continued."""
_SHOWN = 3
_MISSING = object()


def configuration(cell: Cell, others: Iterable[Record]) -> str:
    """What the cell changes with respect to the most similar of the records, "" where there is none."""
    new = dict(_leaves(cell.identity()))
    changes = [_changes(dict(_leaves(record.config)), new) for record in others]
    return listed(min(changes, key=len)) if changes else ""


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    keys = [key for key in dict.fromkeys([*new, *old]) if not _equal(old.get(key, _MISSING), new.get(key, _MISSING))]
    return [f"{key} {_shown(key, old)} -> {_shown(key, new)}" for key in keys]


def _leaves(node: Mapping[str, Any], start: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{start}{key}.")
        else:
            yield f"{start}{key}", value


def _equal(old: Any, new: Any) -> bool:
    if old is _MISSING or new is _MISSING:
        return old is new
    return canonical(old) == canonical(new)


def _shown(key: str, values: Mapping[str, Any]) -> str:
    """A value as its reader knows it; of a hash the first digits."""
    if key not in values:
        return "absent"
    value = values[key]
    short = "sha256" in key or key.startswith("sources.") or key == "torch_git"
    return readable(str(value)[:8] if short and value is not None else str(value)[:60])


def environment(here: Mapping[str, Any], there: Mapping[str, Any]) -> str:
    """What sets another environment apart from this one."""
    keys = [key for key in MACHINE if here.get(key) != there.get(key)]
    if "torch" in keys and "torch_git" in keys:
        keys.remove("torch_git")  # another version is another commit
    return listed([f"{key} {_shown(key, there)}, here {_shown(key, here)}" for key in keys], "; ")


def listed(changes: list[str], between: str = ", ") -> str:
    """At most three of the changes, and how many more there are."""
    more = f" and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else ""
    return between.join(changes[:_SHOWN]) + more


def same_code(cell: Cell, record: Record) -> bool:
    """Whether the files of task and architecture are those that the record was made with."""
    return all(record.sources.get(key) == value for key, value in cell.sources.items())


def unfinished(store: Path, name: str, budget: int, files: Iterable[str]) -> str:
    """Where a run that has no result stands, "" where it was never begun.

    Args:
        store: the folder of records.
        name: of the run's private files.
        budget: its optimiser steps.
        files: names of all private files in the store.
    """
    if not any(f"{name}.{suffix}" in files for suffix in ("json", "npz", "lock")):
        return ""
    scratch = Scratch(store, name)
    word = scratch.told() or {}
    step = word.get("step")
    at = f"after step {step} of {budget}" if isinstance(step, int) else "before its first evaluation"
    if scratch.claimed():
        return f"trained by another command just now, {at}"
    continues = CONTINUES if f"{name}.npz" in files else "begins again: it has no checkpoint"
    return f"stopped {at}; {continues}"
