"""Records read field by field: a field that an earlier record had, to the letter, is the same object and costs nothing.

The records of a study share nearly all they say about task, model, machine and metrics. Reading 100,000 of them takes
a fraction of the time and the memory this way; what is accepted is exactly what ``record.load`` accepts in the form
that ``record.dump`` writes, so that no byte of a record can change unnoticed.
"""

import gc
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from json.encoder import encode_basestring_ascii
from typing import Any

from seqbench.record.forms import BETWEEN, Forms, Read, interned
from seqbench.record.record import CHECKSUM, check_field, dump, field_value, load
from seqbench.schema import SCHEMA_VERSION, Record

OWN = ("run_id", "seed", "command", "started_at", "duration_s", "files", "summary")
"""The fields that hardly two records share."""
SHARED = tuple(sorted({item.name for item in fields(Record)} - set(OWN)))

NEW_LINE = "\n "
"""How a line of a field begins."""
_NAMES = tuple(sorted((*OWN, *SHARED, CHECKSUM)))
_SHARED_AT, _OWN_AT = ([at for at, name in enumerate(_NAMES) if name in group] for group in (SHARED, OWN))
_CHECKSUM_AT = _NAMES.index(CHECKSUM)
_CANONICAL_AT = sorted((*_SHARED_AT, *_OWN_AT))
_ORDER = tuple(_NAMES[at] for at in (*_OWN_AT, *_SHARED_AT))
_REMEMBERED = 40_000
"""Fields to remember; where a study has more different ones, sharing them pays little."""


class Reader:
    """Reads the documents of many records."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, Any, str]] = {}
        self._forms = Forms(_read_all)

    def record(self, text: str) -> Record:
        """The record in a document.

        Raises:
            ValueError: what ``record.load`` raises, or a byte of the text is not the one that was written.
        """
        try:
            found = self._fast(text)
        except (ValueError, RecursionError):  # whatever it is, load says it best
            found = None
        if found is None:
            found = load(text)
            if dump(found) != text:
                raise ValueError("has other characters than were written, by damage; run again, which sets it aside")
        return found

    def _fast(self, text: str) -> Record | None:
        """The record, or None where the slow way must find out what is wrong."""
        if (text[:4], text[-3:]) != ('{\n "', "\n}\n"):
            return None
        parts = text[4:-3].split(BETWEEN)
        if len(parts) != len(_NAMES):
            return None
        values, written = self._forms.read([parts[at] for at in _OWN_AT])
        canonical = dict(zip(_OWN_AT, written, strict=True))
        for at in _SHARED_AT:
            name, value, canonical[at] = self._known.get(parts[at]) or self._new(parts[at])
            values[name] = value
        if tuple(values) != _ORDER or values["schema_version"] != SCHEMA_VERSION or values["duration_s"] < 0:
            return None
        whole = hashlib.sha256(f"{{{','.join([canonical[at] for at in _CANONICAL_AT])}}}".encode()).hexdigest()
        return restored(values.items()) if parts[_CHECKSUM_AT] == f'{CHECKSUM}": "{whole}"' else None

    def same(self, name: str, value: Any) -> Any:
        """What a record holds for the value of a field: where an earlier one had that value, the same object."""
        known = self._known.get(f'{name}": {indented(value, NEW_LINE)}')
        return known[1] if known else field_value(name, value)

    def _new(self, part: str) -> tuple[str, Any, str]:
        """Name and value of a field, and its part of the canonical JSON that the checksum is made of."""
        found = _read(part)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[part] = found
        return found


def _read_all(parts: Sequence[str]) -> Read:
    values, written = {}, []
    for name, value, canonical in map(_read, parts):
        values[name] = value
        written.append(canonical)
    return values, written


def _read(part: str) -> tuple[str, Any, str]:
    name, _, piece = part.partition('": ')
    value, _ = _EXACT.raw_decode(piece)
    if indented(value, NEW_LINE) != piece:
        raise ValueError(f"{name} is not written as seqbench writes")
    check_field(name, value)
    if isinstance(value, dict | list):
        inner = _COMPACT.encode(_WHOLE.raw_decode(piece)[0])
        return name, field_value(name, interned(value)), f'"{name}":{inner}'
    inner = str(int(value)) if isinstance(value, float) and value.is_integer() else piece
    return name, value, f'"{name}":{inner}'


def _whole(text: str) -> float | int:
    value = float(text)
    return int(value) if value.is_integer() else value


_EXACT = json.JSONDecoder()
_WHOLE = json.JSONDecoder(parse_float=_whole)
_COMPACT = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
"""Together ``record.canonical``, of a piece of JSON."""


def indented(value: Any, start: str = "\n") -> str:
    """The same as ``json.dumps(value, indent=1, sort_keys=True)``, in half the time, for values that came from JSON.

    Args:
        value: mappings, lists, texts, finite numbers, booleans, None.
        start: how a line of the level that ``value`` stands on begins.
    """
    kind, inner = type(value), start + " "
    if kind is str:
        return encode_basestring_ascii(value)
    if kind is float or kind is int:
        return repr(value)  # never what JSON says for a number that is not finite
    if kind is dict and value:
        items = [f"{encode_basestring_ascii(key)}: {indented(value[key], inner)}" for key in sorted(value)]
        return f"{{{inner}{f',{inner}'.join(items)}{start}}}"
    if kind is list and value:
        return f"[{inner}{f',{inner}'.join([indented(item, inner) for item in value])}{start}]"
    return json.dumps(value)


_set = object.__setattr__  # the record's own refuses, as it is frozen


def restored(values: Iterable[tuple[str, Any]]) -> Record:
    """A record of all its fields, which were checked; its constructor would take a third of all the time."""
    record = object.__new__(Record)
    for name, value in values:
        _set(record, name, value)
    return record


@contextmanager
def collector_paused() -> Iterator[None]:
    """No search for reference cycles while this block makes millions of objects that stay: it takes half the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.freeze()  # with the next line: all objects count as old, which spares a search through all of them now
            gc.unfreeze()
            gc.enable()
