"""Sessions of the past, one line of JSON each: where a benchmark changed its level. Advisory, never a gate."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqbench.check.finding import Finding
from seqbench.schema import UsageError
from seqbench.statistics.change_point import FEWEST, change_point

MOST_BYTES = 50_000_000
RARE = 0.005
"""A change point is told where chance makes one of any benchmark less often than so."""


def add(path: Path, session: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Append a session to the file; returns all sessions of its machine, this one last.

    Args:
        path: JSON lines; made where it is missing.
        session: "env_id", "commit", "at" and "seconds": name of the benchmark -> median seconds of the head.

    Raises:
        UsageError: the file holds something else, or cannot be written.
    """
    try:
        if path.exists() and path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        past = [_session(line) for line in lines if line.strip()]
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(session, allow_nan=False) + "\n")
    except (OSError, ValueError, RecursionError) as error:
        reason = ascii(getattr(error, "strerror", None) or str(error))[1:-1][:160]
        raise UsageError(f"--history must be a file of past sessions; got {str(path)[:80]!a} ({reason}).") from error
    return [one for one in [*past, dict(session)] if one["env_id"] == session["env_id"]]


def _session(line: str) -> dict[str, Any]:
    found = json.loads(line)
    if not isinstance(found, dict) or not isinstance(found.get("env_id"), str):
        raise ValueError("a line must be a session with its env_id")
    if not isinstance(found.get("commit"), str | None) or not isinstance(found.get("seconds"), dict):
        raise ValueError("a session must have its commit and seconds")
    for name, seconds in found["seconds"].items():
        number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if not number or not 0 < seconds < math.inf:
            raise ValueError(f"the seconds of {name[:60]!a} must be a number above 0")
    return found


def findings(sessions: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Advisory findings: change points of the benchmarks, or that there are too few sessions to look for any."""
    names = sorted({name for session in sessions for name in session["seconds"]})
    found = [finding for name in names if (finding := _changed(name, sessions, RARE / len(names))) is not None]
    if len(sessions) < FEWEST:
        says = f"{len(sessions)} sessions of this machine: change points need {FEWEST}"
        found.append(Finding(kind="time", name="history", verdict="inconclusive", says=says, advisory=True))
    return found


def _changed(name: str, sessions: Sequence[Mapping[str, Any]], rare: float) -> Finding | None:
    having = [session for session in sessions if name in session["seconds"]]
    found = change_point([math.log(session["seconds"][name]) for session in having])
    if found is None or found.p > rare:
        return None
    commit = (having[found.at]["commit"] or "no commit")[:12]
    return Finding(
        kind="time",
        name=f"{name} (history)",
        verdict="regressed" if found.change > 0 else "fine",
        says=f"another level since {commit}, session {found.at + 1} of {len(having)}",
        unit="s",
        change=math.expm1(found.change),
        advisory=True,
    )
