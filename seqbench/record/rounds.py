"""Rounds of cost measurements as they were taken: which samples are pairs, told by when each began and its seconds.

That two samples bear the same number is not enough: what was measured today and what tomorrow both begin with round 0.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from seqbench.record.record import canonical, current
from seqbench.schema import FINISHED, Record

Sample = tuple[str, str, int]
"""(run_id, env_id, attempt) of a cost record."""

PAUSE_S = 600.0
"""Seconds between two samples from which on they are of different rounds: twice what a measurement may take until it is
given up, of which only the end is known."""
_COARSE_S = 1.0
"""Records tell when they began in whole seconds."""
_SHARED = ("task", "train", "device", "precision", "data_sha256")


def sample(record: Record) -> Sample:
    """Which sample a record is."""
    return record.run_id, record.env_id, record.attempt


def taken(records: Iterable[Record]) -> dict[Sample, int]:
    """Sample -> number of the round in which it was taken, counted in the order of time.

    Samples are of one round where they were asked for with the same number and came one after the other in one
    environment: with nothing of another round between them, no long pause, and never two at once, as on two machines.

    Args:
        records: all attempts of the measurements; those that failed or no longer count took time as well.
    """
    ordered = sorted((r.env_id, _began(r), asked(r), r.run_id, r.attempt, r.duration_s) for r in records)
    found: dict[Sample, int] = {}
    number, before = -1, ("", 0.0, -1)
    for env_id, began, wanted, run_id, attempt, duration in ordered:
        pause = began - before[1]
        if (env_id, wanted) != (before[0], before[2]) or not -_COARSE_S <= pause <= PAUSE_S:
            number += 1
        found[run_id, env_id, attempt] = number
        before = (env_id, began + duration, wanted)
    return found


def counting(records: Iterable[Record], numbers: Mapping[Sample, int]) -> list[Record]:
    """Of each measurement in each environment the attempt that counts among these: they shall be pairs if they can.

    Of the finished attempts the one of the round that holds most of these measurements; of several such rounds, of
    those that were taken most often with the same ones in them, so that all rounds of a study are chosen alike; of
    these the newest. So what was measured as a whole stays one, whatever is measured again with something else. Where
    none finished, see ``record.current``.

    Args:
        records: all attempts of what is shown or wanted together.
        numbers: of these records at least, from ``taken``.
    """
    every = sorted(records, key=lambda record: record.attempt)
    held: dict[tuple[int, str], dict[str, Record]] = {}
    for record in every:
        if record.status in FINISHED:
            held.setdefault((numbers[sample(record)], comparable(record.config)), {})[record.run_id] = record
    kinds = {key: (key[1], frozenset(record.cell_id for record in runs.values())) for key, runs in held.items()}
    often = Counter(kinds.values())
    counted = {(record.run_id, record.env_id): record for record in current(every)}
    for key in sorted(held, key=lambda key: (len(held[key]), often[kinds[key]], key)):
        counted |= {(record.run_id, record.env_id): record for record in held[key].values()}
    return list(counted.values())


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
