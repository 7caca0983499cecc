"""The store: a folder with one folder a record, ``<run_id>-<env_id>[-<attempt>]/{record.json,arrays.npz}``.

A record appears whole or not at all: both files are written and flushed in a private folder, which is then renamed.
Nothing that is there is ever overwritten. What cannot be read is named in ``problems`` and hides nothing else.
"""

import errno
import hashlib
import io
import os
import re
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from seqbench.record.files import check_arrays, pack, sync_folder, text_of, write
from seqbench.record.record import dump, load
from seqbench.schema import Record, UsageError

_FOLDER = re.compile(r"(?P<run_id>[0-9a-f]{16})-(?P<env_id>[0-9a-f]{12})(?:-(?P<attempt>[2-9]|[1-9][0-9]+))?")
_TEMPORARY = ".tmp-"
_ABANDONED_S = 24 * 3600.0
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)


class Store:
    """The folder of records at ``root``; it need not exist yet."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self._problems: dict[str, str] | None = None

    def publish(self, record: Record, arrays: Mapping[str, np.ndarray]) -> Path:
        """Add a record; returns its folder.

        Where the run's folder is taken by other content the record gets the next attempt number; where the very same
        record is there already, that one is returned.

        Raises:
            ValueError: arrays and ``record.arrays`` disagree, or hold what cannot be stored.
            OSError: the disk refuses; nothing is left behind.
        """
        check_arrays(record, arrays)
        packed = pack(arrays)
        record = replace(record, files={"arrays.npz": hashlib.sha256(packed).hexdigest()})
        self.root.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=self.root))
        try:
            temporary.chmod(0o755)
            write(temporary / "arrays.npz", packed)
            return self._rename(record, temporary)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _rename(self, record: Record, temporary: Path) -> Path:
        """Give the folder the first free name; the record says which attempt it became."""
        while True:
            text, target = dump(record), self.path(record)
            if target.is_dir() and text_of(target / "record.json") == text:
                return target
            if not os.path.lexists(target):
                write(temporary / "record.json", text.encode())
                sync_folder(temporary)
                try:
                    os.rename(temporary, target)
                except OSError as error:
                    if error.errno not in _TAKEN:
                        raise
                else:
                    sync_folder(self.root)
                    return target
            record = replace(record, attempt=record.attempt + 1)

    def path(self, record: Record) -> Path:
        """The folder that the record has or would have."""
        suffix = "" if record.attempt == 1 else f"-{record.attempt}"
        return self.root / f"{record.run_id}-{record.env_id}{suffix}"

    def records(self, kind: str | None = None) -> list[Record]:
        """All readable records, attempts that were superseded included, by folder name; ``problems`` is renewed."""
        self._problems = {}
        found = [record for folder in self._folders() if (record := self._read(folder)) is not None]
        return [record for record in found if kind is None or record.kind == kind]

    def find(self, run_id: str, env_id: str | None = None) -> list[Record]:
        """The readable records of one run, in one environment or in all, by environment and attempt."""
        self._problems = self._problems or {}
        folders = sorted(self.root.glob(f"{run_id}-{env_id or ''}*"))
        found = [self._read(folder) for folder in folders if not folder.name.startswith(_TEMPORARY)]
        matches = [record for record in found if record and record.run_id == run_id]
        matches = [record for record in matches if env_id in (None, record.env_id)]
        return sorted(matches, key=lambda record: (record.env_id, record.attempt))

    def arrays(self, record: Record) -> dict[str, np.ndarray]:
        """The arrays of a record.

        Raises:
            ValueError: the file is missing or damaged; the message names it.
        """
        path = self.path(record) / "arrays.npz"
        try:
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() != record.files.get("arrays.npz"):
                raise ValueError("its checksum is not the one in record.json")
            with np.load(io.BytesIO(content), allow_pickle=False) as packed:
                return {name: packed[name] for name in packed.files}
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise ValueError(f"cannot read {path}: {error}; delete its folder and run again") from error

    @property
    def problems(self) -> list[str]:
        """One sentence for each thing in the folder that is not a readable record: what it is, what to do."""
        if self._problems is None:
            self.records()
        return [f"{name}: {text}" for name, text in sorted((self._problems or {}).items())]

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
            with tempfile.TemporaryDirectory(prefix=_TEMPORARY, dir=self.root) as probe:
                write(Path(probe) / "probe", b"seqbench")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(
                f"{key} must be a folder that can be written; got {str(self.root)[:80]!r} ({reason}). "
                f"Choose another one with {key}=FOLDER."
            ) from error
        finally:
            for folder in reversed(made):
                with suppress(OSError):  # somebody else put something into it meanwhile
                    folder.rmdir()

    def _entries(self) -> list[Path]:
        try:
            if not self.root.exists():
                return []
            if not self.root.is_dir():
                self._note(self.root, "is a file, not a folder of records; point store= to a folder")
                return []
            return sorted(self.root.iterdir())
        except (OSError, ValueError) as error:  # no permission, a name too long
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(
                f"store must be a folder that can be read; got {str(self.root)[:80]!r} ({reason}). "
                "Choose another one with store=FOLDER."
            ) from error

    def _folders(self) -> Iterator[Path]:
        """Folders that bear a record's name; what else lies here is named as a problem."""
        for path in self._entries():
            if path.name.startswith(_TEMPORARY):
                self._note_abandoned(path)
            elif _FOLDER.fullmatch(path.name) and path.is_dir():
                yield path
            elif not path.name.startswith("."):
                self._note(path, "is not a record; move it out of the store")

    def _read(self, folder: Path) -> Record | None:
        """The record in a folder; None, and a problem, where it cannot be trusted."""
        try:
            record = load((folder / "record.json").read_text(encoding="utf-8"))
            named = _FOLDER.fullmatch(folder.name)
            if named is None or self.path(record).name != folder.name:
                raise ValueError("lies in a folder of another name; move it back or delete it")
            self._check_files(folder, record)
        except FileNotFoundError as error:
            self._note(folder, f"has no {Path(error.filename).name}; delete the folder and run again")
        except OSError as error:
            self._note(folder, f"cannot be read ({error.strerror}); mend its permissions or delete it")
        except UnicodeDecodeError:
            self._note(folder, "record.json is not text; delete the folder and run again")
        except ValueError as error:
            self._note(folder, f"record.json {error}")
        else:
            return record
        return None

    def _check_files(self, folder: Path, record: Record) -> None:
        if set(record.files) != {"arrays.npz"}:
            raise ValueError("names other files than arrays.npz; delete the folder and run again")
        if hashlib.sha256((folder / "arrays.npz").read_bytes()).hexdigest() != record.files["arrays.npz"]:
            raise ValueError("is fine, but arrays.npz beside it is damaged; delete the folder and run again")

    def _note(self, path: Path, text: str) -> None:
        assert self._problems is not None
        self._problems[path.name] = text

    def _note_abandoned(self, path: Path) -> None:
        """Name the folder of a process that was killed while publishing; a young one may still be at work."""
        try:
            age = time.time() - path.stat().st_mtime
        except OSError:
            return
        if age > _ABANDONED_S:
            self._note(path, "was left by a process that was killed; delete it")
