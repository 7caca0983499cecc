"""A baseline: what a commit counted, on which machine, in a JSON file that is committed beside the code."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seqbench.check import counts
from seqbench.check.counts import Counts
from seqbench.check.finding import Finding
from seqbench.record.environment import env_id
from seqbench.record.texts import write_text
from seqbench.schema import UsageError

FORMAT = 1
"""1 (2026-11): first."""
MOST_BYTES = 4_000_000


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What was counted, and where.

    Attributes:
        env_id: fingerprint of the machine class, torch build and threads, as in records.
        environment: the facts behind it.
        commit: of the code, None outside a checkout; with "+" where it had changes.
        counts: see ``counts.py``.
        source: a hash of the script that counted; None in baselines from before 2026-11-30.
    """

    env_id: str
    environment: Mapping[str, Any]
    commit: str | None
    counts: Counts
    source: str | None = None
    format: int = FORMAT


def read(path: Path) -> Baseline:
    """The baseline in a file; of a folder that of this machine, or else any: counts of the code alone hold anywhere.

    Raises:
        UsageError: there is none, or it is no baseline.
    """
    file = _in_folder(path) if path.is_dir() else path
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
        return _checked(json.loads(file.read_bytes()))
    except (OSError, ValueError, OverflowError, RecursionError) as error:
        reason = ascii(getattr(error, "strerror", None) or str(error))[1:-1][:160]
        raise UsageError(
            f"--baseline must be a baseline that check has written; got {str(file)[:120]!a} ({reason}). "
            "Write one with --save."
        ) from error


def is_one(file: Path) -> bool:
    """Whether a file holds a baseline, which a newer one may replace."""
    try:
        read(file)
    except UsageError:
        return False
    return True


def _in_folder(folder: Path) -> Path:
    from seqbench.record.environment import environment

    own = folder / f"{env_id(environment())}.json"
    return own if own.is_file() else next(iter(sorted(folder.glob("*.json"))), own)


def _checked(document: Any) -> Baseline:
    """Refuse what is no baseline of ours.

    Raises:
        ValueError: naming what is wrong.
    """
    names = set(Baseline.__dataclass_fields__)
    if not isinstance(document, dict) or set(document) | {"source"} != names:
        raise ValueError(f"its keys must be {', '.join(sorted(names))}")
    if document["format"] != FORMAT:
        raise ValueError(f"its format must be {FORMAT}")
    if not isinstance(document["env_id"], str) or not isinstance(document["environment"], dict):
        raise ValueError("env_id must be text and environment a mapping")
    if not isinstance(document["commit"], str | None) or not isinstance(document.get("source"), str | None):
        raise ValueError("commit and source must be text or null")
    return Baseline(**{**document, "counts": checked_counts(document["counts"])})


def checked_counts(found: Any) -> Counts:
    """Refuse what are no counts.

    Raises:
        ValueError: naming what is wrong.
    """
    if not isinstance(found, dict) or not found:
        raise ValueError("counts must be a mapping of names")
    for name, count in found.items():
        value = count.get("value") if isinstance(count, dict) else None
        if (
            not name.isprintable()
            or isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            raise ValueError(f"the count {name[:60]!a} must have a number as its value")
        if count.get("depends_on") not in ("code", "torch"):
            raise ValueError(f"the count {name[:60]!a} must depend on code or torch")
    return found


def compare(base: Baseline, head: Baseline) -> list[Finding]:
    """One finding for each count of either."""
    sources = (base.source, head.source)
    return counts.compare(base.counts, head.counts, base.environment, head.environment, sources)


def write(path: Path, baseline: Baseline) -> None:
    """Write a baseline whole or not at all.

    Raises:
        UsageError: the file cannot be written.
    """
    text = json.dumps(asdict(baseline), indent=1, sort_keys=True, allow_nan=False) + "\n"
    write_text(path, text, "--baseline")
