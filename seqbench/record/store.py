"""The store: a folder with one folder a record, ``<run_id>-<env_id>[-<attempt>]/{record.json,arrays.npz}``.

A record appears whole or not at all: both files are written and flushed in a private folder, which is then renamed.
Nothing that is there is ever overwritten. What cannot be read is named in ``problems`` and hides nothing else.
Reading follows no link and changes nothing but the index, a cache that large stores have.
"""

import errno
import hashlib
import io
import os
import re
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from seqbench.record import index, private
from seqbench.record.fields import Reader, collector_paused
from seqbench.record.files import check_arrays, give_name, make_folder, pack, printable, read, sync_folder, write
from seqbench.record.reading import Problem, folder_name, judge
from seqbench.record.record import dump
from seqbench.record.second import second_process
from seqbench.schema import Record, UsageError

_FOLDER = re.compile(r"[0-9a-f]{16}-[0-9a-f]{12}(-([2-9]|[1-9][0-9]+))?")
_DAMAGED = ".damaged"


class Store:
    """The folder of records at ``root``; it need not exist yet."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self._problems: dict[str, Problem] | None = None

    def publish(self, record: Record, arrays: Mapping[str, np.ndarray]) -> Path:
        """Add a record; returns its folder, which then survives a power cut.

        Where the run's folder is taken by other content the record gets the next attempt number; where the very same
        record is there already, that one is returned.

        Raises:
            ValueError: arrays and ``record.arrays`` disagree, or hold what cannot be stored.
            OSError: the disk refuses; the record is not there.
        """
        check_arrays(record, arrays)
        packed = pack(arrays)
        record = replace(record, files={"arrays.npz": hashlib.sha256(packed).hexdigest()})
        make_folder(self.root)
        with private.private_folder(self.root) as temporary:
            write(temporary / "arrays.npz", packed)
            while True:
                text, target = dump(record), self.path(record)
                if self._holds(target, text.encode(), packed):
                    sync_folder(self.root)  # whoever published it may have died before doing so
                    return target
                write(temporary / "record.json", text.encode())
                sync_folder(temporary)
                if give_name(temporary, target):
                    return target
                record = replace(record, attempt=record.attempt + 1)

    def _holds(self, folder: Path, text: bytes, packed: bytes) -> bool:
        """Whether just these files are there already."""
        try:
            return read(f"{folder}/record.json") == text and read(f"{folder}/arrays.npz") == packed
        except (OSError, ValueError):
            return False

    def path(self, record: Record) -> Path:
        """The folder that the record has or would have."""
        return self.root / folder_name(record)

    def records(self, kind: str | None = None) -> list[Record]:
        """All readable records, attempts that were superseded included, by folder name; ``problems`` is renewed."""
        self._problems = {}
        names = self._folders()
        with collector_paused():
            known = index.load(self.root, names)
            fresh = self._read_all([name for name in names if name not in known])
            known |= fresh
            if len(fresh) >= index.WORTH_WRITING:
                index.save(self.root, known)
        found = [known[name].record for name in names if name in known]
        return [record for record in found if kind in (None, record.kind)]

    def find(self, run_id: str, env_id: str | None = None) -> list[Record]:
        """The readable records of one run, in one environment or in all, by environment and attempt."""
        self._problems = self._problems or {}
        start, reader = f"{run_id}-{env_id or ''}", Reader()
        with suppress(FileNotFoundError, NotADirectoryError):
            names = [name for name in os.listdir(self.root) if name.startswith(start) and _FOLDER.fullmatch(name)]
            names = [name for name in names if not (self.root / name).is_symlink()]
            found = [item.record for name in names if (item := self._read(name, reader)) is not None]
            return sorted(found, key=lambda record: (record.env_id, record.attempt))
        return []

    def arrays(self, record: Record) -> dict[str, np.ndarray]:
        """The arrays of a record.

        Raises:
            ValueError: the file is missing or damaged; the message names it.
        """
        path = self.path(record) / "arrays.npz"
        try:
            content = read(str(path))
            if hashlib.sha256(content).hexdigest() != record.files.get("arrays.npz"):
                raise ValueError("its checksum is not the one in record.json")
            with np.load(io.BytesIO(content), allow_pickle=False) as packed:
                return {name: packed[name] for name in packed.files}
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise ValueError(f"cannot read {path}: {error}; run the same command again, which sets it aside") from error

    @property
    def problems(self) -> list[str]:
        """One sentence for each thing in the folder that is not a readable record: what it is, what to do."""
        if self._problems is None:
            self.records()
        return [f"{name}: {problem.what}; {problem.remedy}" for name, problem in sorted((self._problems or {}).items())]

    def collect(self) -> int:
        """Remove what killed processes left of records they were publishing; how many there were."""
        return private.collect(self.root)

    def set_aside(self) -> list[str]:
        """Move each damaged record to ``.damaged/`` in the store; one sentence each: what was wrong, where it is now.

        Nothing is deleted. Records of newer versions, what is not a record and what may not be read stay where they
        are and remain ``problems``, as does what cannot be moved.
        """
        self.records()
        damaged = {name: problem.what for name, problem in sorted((self._problems or {}).items()) if problem.damaged}
        told = []
        for name, what in damaged.items():
            with suppress(OSError):
                told.append(f"{name}: {what}; it was set aside as {self._move_aside(name)}")
                del (self._problems or {})[name]
        return told

    def _move_aside(self, name: str) -> Path:
        aside, number = self.root / _DAMAGED, 1
        if aside.is_symlink():
            raise OSError(errno.ELOOP, "is a link", str(aside))
        make_folder(aside)
        while not give_name(self.root / name, target := aside / (name if number == 1 else f"{name}.{number}")):
            number += 1
        sync_folder(self.root)  # that the old name is gone
        return target

    def check_writable(self, key: str = "store") -> None:
        """Return if records can be published here; leaves the disk as it was.

        Args:
            key: the key whose value the folder is, for the message.

        Raises:
            UsageError: the store is a file, or cannot be created or written.
        """
        made: list[Path] = []
        try:
            for folder in reversed([self.root, *self.root.parents]):
                if not folder.is_dir():
                    folder.mkdir()
                    made.append(folder)
            with private.private_folder(self.root) as probe:
                write(probe / "probe", b"seqbench")
        except (OSError, ValueError) as error:
            raise self._unusable(error, "written", key) from error
        finally:
            for folder in reversed(made):
                with suppress(OSError):  # somebody else put something into it meanwhile
                    folder.rmdir()

    def _unusable(self, error: Exception, use: str, key: str = "store") -> UsageError:
        reason = getattr(error, "strerror", None) or str(error)
        return UsageError(
            f"{key} must be a folder that can be {use}; got {str(self.root)[:80]!r} ({reason}). "
            f"Choose another one with {key}=FOLDER."
        )

    def _entries(self) -> list[os.DirEntry[str]]:
        try:
            if not self.root.exists():
                return []
            if not self.root.is_dir():
                what = "is a file, not a folder of records"
                self._note(self.root.name, Problem(what=what, remedy="point store= to a folder"))
                return []
            with os.scandir(self.root) as entries:
                return list(entries)
        except (OSError, ValueError) as error:  # no permission, a name too long
            raise self._unusable(error, "read") from error

    def _folders(self) -> list[str]:
        """Names of the folders that bear a record's name; what else lies here is named as a problem."""
        folders = []
        for entry in self._entries():
            if _FOLDER.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            elif entry.name.startswith(private.PREFIX):
                self._note_abandoned(entry)
            elif not entry.name.startswith("."):
                self._note(entry.name, Problem(what="is not a record", remedy="move it out of the store"))
        return sorted(folders)

    def _read_all(self, names: list[str]) -> dict[str, index.Known]:
        """The records in these folders, half of them read by a second process where that pays."""
        reader, half = Reader(), len(names) // 2
        with second_process("reading.print_records", self.root, names[:half]) as printed:
            found = {name: item for name in names[half:] if (item := self._read(name, reader)) is not None}
            with suppress(ValueError, TypeError, LookupError):
                found |= index.read(printed() or (), reader.same)
        rest = [name for name in names[:half] if name not in found]  # above all those with something wrong
        return found | {name: item for name in rest if (item := self._read(name, reader)) is not None}

    def _read(self, name: str, reader: Reader) -> index.Known | None:
        """The record in a folder; None, and a problem, where it cannot be trusted."""
        found = judge(f"{self.root}/{name}", reader)
        return self._note(name, found) if isinstance(found, Problem) else found

    def _note(self, name: str, problem: Problem) -> None:
        assert self._problems is not None
        self._problems[printable(name)] = problem

    def _note_abandoned(self, entry: os.DirEntry[str]) -> None:
        """Name the folder of a process that was killed while publishing; a young one may still be at work."""
        with suppress(OSError):  # gone meanwhile
            if private.age_s(Path(entry.path)) > private.ABANDONED_S:
                what = "was left by a process that was killed"
                self._note(entry.name, Problem(what=what, remedy="delete it, or let the next sweep do so"))
