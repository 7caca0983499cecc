"""Sessions of the past, one line of JSON each; where a benchmark changed its level, which is advice, never a gate."""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqbench.check.finding import Finding
from seqbench.record.texts import append_line
from seqbench.schema import UsageError
from seqbench.statistics.change_point import DRAWS, FEWEST, change_point

MOST_BYTES = 50_000_000
RARE = 0.005
"""A change point is told where chance makes one of any benchmark less often than so."""


def read(path: Path) -> list[dict[str, Any]]:
    """All sessions of the file, of whatever machine; none where it is missing.

    Raises:
        UsageError: the file holds something else.
    """
    try:
        if not path.exists():
            return []
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
        lines = enumerate(path.read_text(encoding="utf-8").split("\n"), 1)
        return [_session(line, number) for number, line in lines if line.strip()]
    except (OSError, ValueError, RecursionError) as error:
        reason = ascii(getattr(error, "strerror", None) or str(error))[1:-1][:160]
        raise UsageError(f"--history must be a file of past sessions; got {str(path)[:80]!a} ({reason}).") from error


def of_machine(path: Path, env_id: str) -> list[dict[str, Any]]:
    """The sessions of one machine class, torch build and number of threads."""
    return [session for session in read(path) if session["env_id"] == env_id]


def alike(sessions: Sequence[Mapping[str, Any]], name: str, source: str | None) -> list[Mapping[str, Any]]:
    """The sessions that timed a benchmark as it is now.

    They are of this source, or of one that is not known, and none is older than the last that was slower and accepted:
    it is the first of another level.
    """
    since = max((at for at, session in enumerate(sessions) if name in session.get("accepted", {})), default=0)
    timed = [session for session in sessions[since:] if name in session["seconds"]]
    return [session for session in timed if source is None or source_of(session, name) in (None, source)]


def source_of(session: Mapping[str, Any], name: str) -> str | None:
    """The hash of what a benchmark was made of; None where that is not known, as in sessions before 2026-11-30."""
    return session.get("sources", {}).get(name)


def add(path: Path, session: Mapping[str, Any]) -> None:
    """Append a session to the file, which is made where it is missing.

    Args:
        path: JSON lines.
        session: "env_id", "commit", "at" (ISO 8601), "seconds": name of the benchmark -> of a call of the head, and
            "sources": name -> hash of what it is made of; "accepted": name -> why it may be slower than before, of
            those that are.

    Raises:
        UsageError: it is no file that can be written.
        OSError: the disk is full or broken, which is no wrong use.
    """
    append_line(path, json.dumps(session, allow_nan=False), "--history")


def _session(line: str, number: int) -> dict[str, Any]:
    try:
        return _checked(json.loads(line))
    except ValueError as error:  # where an earlier check was killed while it wrote, that line can be removed
        raise ValueError(f"line {number}: {error}") from error


def _checked(found: Any) -> dict[str, Any]:
    """Refuse what is no session.

    Raises:
        ValueError: naming what is wrong.
    """
    if not isinstance(found, dict) or not isinstance(found.get("env_id"), str):
        raise ValueError("it must be a session with its env_id")
    if not isinstance(found.get("commit"), str | None) or not isinstance(found.get("at"), str):
        raise ValueError("a session must have its commit and when it was")
    if not isinstance(found.get("seconds"), dict):
        raise ValueError("a session must have its seconds")
    for name, seconds in found["seconds"].items():
        number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if not number or not 0 < seconds <= sys.float_info.max:
            raise ValueError(f"the seconds of {name[:60]!a} must be a number above 0")
    if not all(isinstance(found.get(key, {}), dict) for key in ("sources", "accepted")):
        raise ValueError("the sources, and what was accepted, must be mappings of names")
    return found


def findings(sessions: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Advisory findings: change points of what the last session timed, or that there are too few sessions for any."""
    names = sorted(sessions[-1]["seconds"]) if sessions else []
    found = [finding for name in names if (finding := _changed(name, sessions, RARE / len(names))) is not None]
    if len(sessions) < FEWEST:
        says = f"{len(sessions)} sessions of this machine: change points need {FEWEST}"
        found.append(Finding(kind="time", name="history", verdict="inconclusive", says=says, advisory=True))
    return found


def _changed(name: str, sessions: Sequence[Mapping[str, Any]], rare: float) -> Finding | None:
    having = alike(sessions, name, source_of(sessions[-1], name))
    draws = max(DRAWS, math.ceil(2 / rare))  # with fewer no chance is as small as that
    found = change_point([math.log(session["seconds"][name]) for session in having], draws=draws)
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
