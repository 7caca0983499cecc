"""The index: what the store last read, in one file beside the records, so that it need not be read again.

It is a cache and never the truth: whoever deletes it loses seconds. A record counts as unchanged while inode, size and
change time of its two files are those of the moment before it was read. A whole-file checksum guards against damage: an
index that is damaged, or of another version, is as good as none. Writers put a new file in place of the old one.

Format, JSON lines: a header; blocks ``[new shared values, entries]``; last the SHA-256 of all lines before. Shared
values are numbered, and so are rows of such numbers and the keys of a summary; an entry is folder name, stamp, number
of a row, own values, number of the keys, values of the summary.
"""

import hashlib
import json
import os
import stat
import time
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain, islice
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from seqbench.record import shape
from seqbench.record.fields import OWN, SHARED, restored
from seqbench.record.private import private_folder
from seqbench.record.record import field_value
from seqbench.schema import SCHEMA_VERSION, Record

NAME = ".index"
WORTH_WRITING = 500
"""Records that must have been read before an index is written: a small store needs none, and stays untouched."""

_HEADER = [2, SCHEMA_VERSION, OWN, SHARED, shape.SHAPES]  # what was accepted by other rules is read again
_SETTLED_NS = 2 * 10**9
"""A file changed twice within the clock's step would keep its times; some file systems' clocks have steps of 2 s."""
_PER_BLOCK = 1000
_CHECKSUM_BYTES = 65
_ROW, _KEYS, _SUMMARY = "row", "keys", "summary"
_OTHER = tuple(name for name in OWN if name != _SUMMARY)
_NO_OWN = dict.fromkeys(OWN)
"""Their places: a copy of a mapping that has them need not grow."""
_shared, _own = attrgetter(*SHARED), attrgetter(*_OTHER)


class Known(NamedTuple):
    """A record, and how to notice that its files changed.

    Attributes:
        stamp: what ``stamp`` said before the files were read; 0 where they were too young to tell.
    """

    record: Record
    stamp: int


def stamp(folder: str) -> int:
    """A hash of inode, size and change time of the two files of a record; 0 while they are too young to be trusted."""
    try:
        document, arrays = os.lstat(f"{folder}/record.json"), os.lstat(f"{folder}/arrays.npz")
    except OSError:  # whoever reads them tells
        return 0
    settled = max(document.st_ctime_ns, arrays.st_ctime_ns) < time.time_ns() - _SETTLED_NS
    return _stamp(document, arrays) if settled else 0


def _stamp(one: os.stat_result, two: os.stat_result) -> int:
    # Of numbers Python's hash is the same in every process.
    return hash((one.st_ino, one.st_size, one.st_ctime_ns, two.st_ino, two.st_size, two.st_ctime_ns))


def load(root: Path, names: Container[str]) -> dict[str, Known]:
    """The records that the index holds, of the folders ``names``, as far as their files are unchanged."""
    try:
        handle = os.open(root / NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(handle, "rb") as file:
            return _known(f"{root}/", names, file) if _is_whole(file) else {}
    except (OSError, ValueError, TypeError, LookupError):  # a cache has no errors, it only fails to help
        return {}


def _is_whole(file: BinaryIO) -> bool:
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        return False
    sha256, left = hashlib.sha256(), status.st_size - _CHECKSUM_BYTES
    while left > 0:
        block = file.read(min(left, 1 << 20))
        sha256.update(block)
        left -= len(block) or left
    whole = file.read() == f"{sha256.hexdigest()}\n".encode()
    file.seek(0)
    return whole and json.loads(file.readline()) == json.loads(json.dumps(_HEADER))


def _known(start: str, names: Container[str], lines: Iterable[bytes]) -> dict[str, Known]:
    values: list[Any] = []
    known = {}
    for line in lines:
        if not line.startswith(b"["):
            break  # the checksum
        shared, entries = json.loads(line)
        for name, value in shared:
            if name == _ROW:
                value = {**dict(zip(SHARED, [values[number] for number in value], strict=True)), **_NO_OWN}
            values.append(field_value(name, value))
        for name, stamped, row, own, keys, summary in entries:
            if name in names and stamped == _stamp_now(start + name):
                every = values[row].copy()
                every.update(zip(_OTHER, own, strict=True))
                every[_SUMMARY] = dict(zip(values[keys], summary, strict=True))
                known[name] = Known(restored(every), stamped)
    return known


def _stamp_now(folder: str) -> int:
    try:
        return _stamp(os.lstat(f"{folder}/record.json"), os.lstat(f"{folder}/arrays.npz"))
    except OSError:
        return 0


def save(root: Path, known: Mapping[str, Known]) -> None:
    """Put a new index in place; where the store cannot be written there is simply none."""
    with suppress(OSError), private_folder(root) as temporary:
        with (temporary / NAME).open("wb") as file:
            sha256 = hashlib.sha256()
            for line in chain([_line(_HEADER)], _blocks(known)):
                sha256.update(line)
                file.write(line)
            file.write(f"{sha256.hexdigest()}\n".encode())
        os.replace(temporary / NAME, root / NAME)


def _blocks(known: Mapping[str, Known]) -> Iterator[bytes]:
    entries, table = iter(known.items()), _Table()
    while block := list(islice(entries, _PER_BLOCK)):
        lines = [_entry(name, item, table) for name, item in block if item.stamp]
        yield _line([table.taken(), lines])


def _entry(name: str, item: Known, table: "_Table") -> list[Any]:
    record = item.record
    keys = table.keys(tuple(record.summary))
    return [name, item.stamp, table.row(record), _own(record), keys, list(record.summary.values())]


class _Table:
    """Numbers for shared values: equal ones have one number."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, ...], int] = {}
        self._keys: dict[tuple[str, ...], int] = {}
        self._by_object: dict[tuple[str, int], int] = {}
        self._by_content: dict[tuple[str, bytes], int] = {}
        self._new: list[tuple[str, Any]] = []

    def row(self, record: Record) -> int:
        """The number of the row of numbers of all shared values; the runs of a cell have the same one."""
        values = _shared(record)
        key = tuple(map(id, values))  # the records keep their values alive, so an id stays theirs
        if key not in self._rows:
            self._rows[key] = self._content(_ROW, list(map(self._object, SHARED, values)))
        return self._rows[key]

    def keys(self, names: tuple[str, ...]) -> int:
        """The number of the keys of a summary, in their order."""
        if names not in self._keys:
            self._keys[names] = self._content(_KEYS, names)
        return self._keys[names]

    def _object(self, name: str, value: Any) -> int:
        number = self._by_object.get((name, id(value)))
        if number is None:
            number = self._by_object[name, id(value)] = self._content(name, value)
        return number

    def _content(self, name: str, value: Any) -> int:
        content = name, hashlib.sha256(_line(value)).digest()
        if content not in self._by_content:
            self._by_content[content] = len(self._by_content)
            self._new.append((name, value))
        return self._by_content[content]

    def taken(self) -> list[tuple[str, Any]]:
        """The values that got a number since the last call."""
        new, self._new = self._new, []
        return new


def _line(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode() + b"\n"
