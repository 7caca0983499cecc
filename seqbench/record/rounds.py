"""Rounds of cost measurements as they were taken: which samples are pairs, told by when each began and its seconds.

That two samples bear the same number is not enough: what was measured today and what tomorrow both begin with round 0.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from seqbench.record.record import canonical
from seqbench.schema import Record

PAUSE_S = 600.0
"""Seconds between two samples from which on they are of different rounds: twice what a measurement may take until it is
given up, of which only the end is known."""
_COARSE_S = 1.0
"""Records tell when they began in whole seconds."""
_SHARED = ("task", "train", "device", "precision", "data_sha256")


def taken(records: Iterable[Record]) -> dict[tuple[str, str], int]:
    """(run_id, env_id) of cost records -> number of the round in which each was taken, counted in the order of time.

    Samples are of one round where they were asked for with the same number and came one after the other in one
    environment: with nothing of another round between them, no long pause, and never two at once, as on two machines.

    Args:
        records: of each measurement the one that counts, see ``record.current``; those that failed took time as well.
    """
    ordered = sorted((r.env_id, _began(r), asked(r), r.run_id, r.duration_s) for r in records)
    found: dict[tuple[str, str], int] = {}
    number, before = -1, ("", 0.0, -1)
    for env_id, began, wanted, run_id, duration in ordered:
        pause = began - before[1]
        if (env_id, wanted) != (before[0], before[2]) or not -_COARSE_S <= pause <= PAUSE_S:
            number += 1
        found[run_id, env_id] = number
        before = (env_id, began + duration, wanted)
    return found


def asked(record: Record) -> int:
    """The round that was asked for; 0 before there were rounds."""
    return int((record.config.get("cost") or {}).get("round", 0))


def comparable(config: Mapping[str, Any]) -> str:
    """What measurements have in common that may stand side by side: all but architecture, length and backend."""
    return canonical({key: config.get(key) for key in _SHARED})


def _began(record: Record) -> float:
    """Seconds since the epoch; minus infinity where the record does not tell, and then it is a pair of nothing."""
    try:
        began = datetime.fromisoformat(record.started_at)
    except ValueError:
        return float("-inf")
    return (began if began.tzinfo else began.replace(tzinfo=UTC)).timestamp()
