"""The index: what the store last read, in one file beside the records, so that it need not be read again.

It is a cache and never the truth: whoever deletes it loses seconds. A record counts as unchanged while inode, size and
change time of its two files are those of the moment before it was read. A whole-file checksum guards against damage: an
index that is damaged, or of another version, is as good as none. Writers put a new file in place of the old one.

Format, JSON lines: a header; blocks ``[new shared values, entries]``; last the SHA-256 of all lines before. Shared
values are numbered, and so are rows of such numbers and the keys of a summary; an entry is folder name, stamp, number
of a row, own values, number of the keys, values of the summary.
"""

import hashlib
import os
import stat
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import orjson

from seqbench.record import shape
from seqbench.record.fields import OWN, SHARED, restored
from seqbench.record.private import private_folder
from seqbench.record.record import field_value
from seqbench.record.second import second_process
from seqbench.record.summary import Row
from seqbench.schema import SCHEMA_VERSION, Record

NAME = ".index"
WORTH_WRITING = 500
"""Records that must have been read before an index is written: a small store needs none, and stays untouched."""

_HEADER = [2, SCHEMA_VERSION, OWN, SHARED, shape.SHAPES]  # what was accepted by other rules is read again
_SETTLED_NS = 2 * 10**9
"""A file changed twice within the clock's step would keep its times; some file systems' clocks have steps of 2 s."""
_GONE = -1
"""Never a stamp: of nothing Python's hash is -1."""
_PER_BLOCK = 1000
_CHECKSUM_BYTES = 65
_ROW, _KEYS, _SUMMARY = "row", "keys", "summary"
_OTHER = tuple(name for name in OWN if name != _SUMMARY)
_FIELDS = (*SHARED, *_OTHER, _SUMMARY)
_shared, _own = attrgetter(*SHARED), attrgetter(*_OTHER)


class Known(NamedTuple):
    """A record, and how to notice that its files changed.

    Attributes:
        stamp: what ``stamp`` says of the files before they were read; 0 where they were too young to tell.
    """

    record: Record
    stamp: int


def stamp(document: os.stat_result, arrays: os.stat_result, now_ns: int) -> int:
    """A hash of inode, size and change time of the two files of a record; 0 if too young to be trusted ``now_ns``."""
    settled = max(document.st_ctime_ns, arrays.st_ctime_ns) < now_ns - _SETTLED_NS
    return _stamp(document, arrays) if settled else 0


def _stamp(one: os.stat_result, two: os.stat_result) -> int:
    # Of numbers Python's hash is the same in every process.
    return hash((one.st_ino, one.st_size, one.st_ctime_ns, two.st_ino, two.st_size, two.st_ctime_ns))


def load(root: Path, names: Sequence[str]) -> dict[str, Known]:
    """The records that the index holds, of the folders ``names``, as far as their files are unchanged."""
    try:
        handle = os.open(root / NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(handle, "rb") as file:
            if not _is_whole(file):
                return {}
            with second_process("index.print_stamps", root, names) as printed:
                known = read(file)
                stamps = _parsed(printed(), len(names)) or _stamps(str(root), names)
    except (OSError, ValueError, TypeError, LookupError):  # a cache has no errors, it only fails to help
        return {}
    now = zip(names, stamps, strict=True)
    return {name: item for name, stamp in now if (item := known.get(name)) is not None and item.stamp == stamp}


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
    return whole and file.readline() == orjson.dumps(_HEADER) + b"\n"


def read(lines: Iterable[bytes], restore: Callable[[str, Any], Any] = field_value) -> dict[str, Known]:
    """The records in the lines of an index; whether they are unchanged remains to be seen.

    Args:
        lines: of the file, without its header.
        restore: (field, value in a document) -> what a record holds, perhaps an object that another one has.

    Raises:
        ValueError, TypeError, LookupError: they are not such lines.
    """
    values: list[Any] = []
    known = {}
    for line in lines:
        if not line.startswith(b"["):
            break  # the checksum
        shared, entries = orjson.loads(line)
        for name, value in shared:
            if name == _ROW:
                value = [values[number] for number in value]
            elif name == _KEYS:
                value = {key: at for at, key in enumerate(value)}
            else:
                value = restore(name, value)
            values.append(value)
        for name, stamped, row, own, keys, summary in entries:
            every = *values[row], *own, Row(values[keys], summary)
            known[name] = Known(restored(zip(_FIELDS, every, strict=True)), stamped)
    return known


def print_stamps(root: str) -> None:
    """What a second process does: write the stamps, now, of folders to standard output."""
    sys.stdout.buffer.write(array("q", _stamps(root, sys.stdin.read().split("\n"))).tobytes())


def _parsed(printed: BinaryIO | None, count: int) -> Sequence[int] | None:
    stamps = array("q", printed.read() if printed else b"")
    return stamps if len(stamps) == count else None


def _stamps(root: str, names: Iterable[str]) -> list[int]:
    return [_stamp_now(f"{root}/{name}") for name in names]


def _stamp_now(folder: str) -> int:
    try:
        return _stamp(os.lstat(f"{folder}/record.json"), os.lstat(f"{folder}/arrays.npz"))
    except OSError:
        return _GONE


def save(root: Path, known: Mapping[str, Known]) -> None:
    """Put a new index in place; where the store cannot be written there is simply none."""
    with suppress(OSError), private_folder(root) as temporary:
        with (temporary / NAME).open("wb") as file:
            sha256 = hashlib.sha256()
            for line in chain([orjson.dumps(_HEADER) + b"\n"], lines(known.items())):
                sha256.update(line)
                file.write(line)
            file.write(f"{sha256.hexdigest()}\n".encode())
        os.replace(temporary / NAME, root / NAME)


def lines(known: Iterable[tuple[str, Known]]) -> Iterator[bytes]:
    """The lines of an index that hold records; those too young to be trusted are left out."""
    entries, table = iter(known), _Table()
    while block := list(islice(entries, _PER_BLOCK)):
        found = [line for name, item in block if item.stamp and (line := _entry(name, item, table))]
        yield b"[" + orjson.dumps(table.taken()) + b",[" + b",".join(found) + b"]]\n"


def _entry(name: str, item: Known, table: "_Table") -> bytes | None:
    """A record in the index; None for one that it cannot hold, with half a character in a text, say."""
    record = item.record
    try:
        keys, row = table.keys(tuple(record.summary)), table.row(record)
        return orjson.dumps([name, item.stamp, row, _own(record), keys, list(record.summary.values())])
    except TypeError:
        return None


class _Table:
    """Numbers for shared values: equal ones have one number."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, ...], int] = {}
        self._keys: dict[tuple[str, ...], int] = {}
        self._by_object: dict[tuple[str, int], tuple[int, Any]] = {}
        self._by_content: dict[tuple[str, bytes], int] = {}
        self._new: list[tuple[str, Any]] = []

    def row(self, record: Record) -> int:
        """The number of the row of numbers of all shared values; the runs of a cell have the same one."""
        values = _shared(record)
        key = tuple(map(id, values))  # ``_object`` keeps the values alive, so an id stays theirs
        if key not in self._rows:
            self._rows[key] = self._content(_ROW, list(map(self._object, SHARED, values)))
        return self._rows[key]

    def keys(self, names: tuple[str, ...]) -> int:
        """The number of the keys of a summary, in their order."""
        if names not in self._keys:
            self._keys[names] = self._content(_KEYS, names)
        return self._keys[names]

    def _object(self, name: str, value: Any) -> int:
        if (name, id(value)) not in self._by_object:
            self._by_object[name, id(value)] = self._content(name, value), value
        return self._by_object[name, id(value)][0]

    def _content(self, name: str, value: Any) -> int:
        content = name, hashlib.sha256(orjson.dumps(value)).digest()
        if content not in self._by_content:
            self._by_content[content] = len(self._by_content)
            self._new.append((name, value))
        return self._by_content[content]

    def taken(self) -> list[tuple[str, Any]]:
        """The values that got a number since the last call."""
        new, self._new = self._new, []
        return new
