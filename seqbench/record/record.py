"""A record as a JSON document, and the names that are hashes of its content.

Canonical JSON: keys sorted, no spaces, a number that is whole is written as an integer, so that ``1``, ``1.0`` and
``-0.0`` against ``0`` are the same value; ``true`` is not ``1``. What JSON cannot hold (NaN, infinity) is refused.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from seqbench.record import shape
from seqbench.schema import CONTINUED, FINISHED, SCHEMA_VERSION, STATUSES, Record

CHECKSUM = "sha256"
"""Key of a document that holds the SHA-256 of the canonical JSON of all its other keys."""

_SHOWN = 300
"""Characters of a message about a document, whose keys may be anybody's."""
_NONE = type(None)
_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("kind", "run_id", "cell_id", "env_id", "command", "status", "started_at"), (str,)),
    **dict.fromkeys(("study", "reason", "traceback"), (str, _NONE)),
    **dict.fromkeys(("labels", "config", "sources", "environment", "task", "architecture", "metrics"), (dict,)),
    **dict.fromkeys(("summary", "arrays", "files"), (dict,)),
    **{"git": (dict, _NONE), "baselines": (list,), "seed": (int, _NONE), "attempt": (int,)},
    **{"duration_s": (int, float), "schema_version": (int,)},
}
_CHOICES: dict[str, tuple[str, ...]] = {"kind": ("learning", "cost"), "status": STATUSES}


def run_id(identity: Mapping[str, Any], seed: int | None, kind: str) -> str:
    """16 hexadecimal digits that name one run: a hash of a cell's identity, the seed and the kind of record.

    >>> run_id({"width": 1, "depth": 2}, 0, "learning") == run_id({"depth": 2.0, "width": 1}, 0, "learning")
    True
    """
    return _hash({"identity": identity, "seed": seed, "kind": kind})[:16]


def cell_id(identity: Mapping[str, Any]) -> str:
    """16 hexadecimal digits that name a cell: records that share them differ in seed or kind only."""
    return _hash({"identity": identity})[:16]


def canonical(value: Any) -> str:
    """Canonical JSON of ``value``.

    >>> canonical({"b": 1.0, "a": [True, None, 0.1]})
    '{"a":[true,null,0.1],"b":1}'
    """
    return json.dumps(_whole(plain(value)), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _hash(value: Any) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def _whole(value: Any) -> Any:
    """``value`` with every whole float as an integer."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


def plain(value: Any, where: str = "value") -> Any:
    """``value`` in the types that JSON has; NumPy scalars become Python numbers, tuples become lists.

    Raises:
        ValueError: a number that is not finite, a key that is not text, or a type that JSON does not have; the
            message names the place.
    """
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, Mapping):
        return {_key(key, where): plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"a number in a record must be finite; {where} is {value}. Store null instead.")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"a record holds text, numbers, lists and mappings; {where} is a {type(value).__name__}.")


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise ValueError(f"a key in a record must be text; {where} has the key {key!r}.")
    return key


def dump(record: Record) -> str:
    """The strict JSON text of a record, its checksum included. Floats come back from ``load`` bit for bit."""
    document = plain({item.name: getattr(record, item.name) for item in fields(record)}, "record")
    document[CHECKSUM] = _hash(document)
    return json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n"


def load(text: str) -> Record:
    """The record in a JSON text.

    Raises:
        ValueError: it is not strict JSON, not a record, damaged, or written by a newer version; the message says which
            and what to do.
    """
    try:
        return _record(_parse(text))
    except RecursionError as error:
        raise ValueError("is nested too deeply to be a record") from error
    except ValueError as error:
        told = str(error)
        raise ValueError((told if told.isprintable() else ascii(told)[1:-1])[:_SHOWN]) from error


def _record(document: dict[str, Any]) -> Record:
    version = document.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ValueError(
            f"has record format {version}, this seqbench reads up to {SCHEMA_VERSION}; read it with a newer seqbench"
        )
    if document.pop(CHECKSUM, None) != _hash(document):
        raise ValueError("does not match its own checksum: it was changed or damaged; run again, which sets it aside")
    _check_types(document)
    return Record(**{name: field_value(name, value) for name, value in document.items()})


def _parse(text: str) -> dict[str, Any]:
    def refuse(token: str) -> float:
        raise ValueError(f"holds {token}, which strict JSON does not have")

    try:
        document = json.loads(text, parse_constant=refuse)
        canonical(document)  # also refuses 1e999, which Python reads as infinity
    except json.JSONDecodeError as error:
        raise ValueError(f"is not complete JSON ({error}); run again, which sets it aside") from error
    if not isinstance(document, dict):
        raise ValueError(f"is a JSON {type(document).__name__}, not a record")
    return document


def _check_types(document: Mapping[str, Any]) -> None:
    """Refuse what carries a right checksum but is not a record of ours."""
    names = {item.name for item in fields(Record)}
    if set(document) != names:
        odd = ", ".join(sorted(set(document) ^ names))
        raise ValueError(f"is not a record of format {SCHEMA_VERSION}: missing or unknown {odd}")
    for name, value in document.items():
        check_field(name, value)


def check_field(name: str, value: Any) -> None:
    """Refuse the value of one field of a document.

    Raises:
        ValueError: naming what is wrong with it.
    """
    if name not in _TYPES:
        raise ValueError(f"is not a record: it has the unknown field {name[:40]!r}")
    if not isinstance(value, _TYPES[name]) or isinstance(value, bool):
        raise ValueError(f"is not a record: {name} is a {type(value).__name__}")
    if name in _CHOICES and value not in _CHOICES[name]:
        raise ValueError(f"is not a record: {name} is {value!r}")
    shape.check(name, value)


def field_value(name: str, value: Any) -> Any:
    """What a ``Record`` holds where its document holds ``value``: baselines and axis names are tuples."""
    return _tuples(value) if name in ("baselines", "arrays") else value


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}
    return tuple(value)


def current(records: Iterable[Record]) -> list[Record]:
    """Of each run in each environment the attempt that counts: the last finished one, else the last one."""
    best: dict[tuple[str, str], Record] = {}
    for record in records:
        key = (record.run_id, record.env_id)
        if key not in best or _rank(record) > _rank(best[key]):
            best[key] = record
    return list(best.values())


def ended(records: Iterable[Record]) -> list[Record]:
    """The attempts that count of runs that came to an end: one that the same command continues has no result yet.

    So it takes part in no verdict, mean, curve or denominator, as little as a seed that was not begun.
    """
    return [record for record in current(records) if record.status not in CONTINUED]


def _rank(record: Record) -> tuple[bool, int]:
    return record.status in FINISHED, record.attempt
