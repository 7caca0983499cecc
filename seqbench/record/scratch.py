"""What a run keeps while it is not finished: its claim, its progress and its checkpoint, in ``<store>/.scratch``.

All of it is private and disposable: a record never depends on it, and whoever deletes it loses minutes, not results.
A claim is a kernel lock, which no owner outlives: a process that was killed holds none.
"""

import errno
import fcntl
import io
import json
import os
import tempfile
import time
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from seqbench.record.files import pack, write

FOLDER = ".scratch"
_UNSUPPORTED = (errno.ENOTSUP, errno.ENOLCK, errno.ENOSYS)
_FACTS = "facts"


def names(store: Path | str) -> set[str]:
    """Whose private files are in a store."""
    with suppress(OSError):
        return {name.partition(".")[0] for name in os.listdir(Path(store) / FOLDER)}
    return set()


class Scratch:
    """The private files of one run, or of one sweep, in a store.

    Args:
        store: the folder of records.
        name: ``<run_id>-<env_id>`` of a run, or the name of a sweep's own entry.
    """

    def __init__(self, store: Path | str, name: str) -> None:
        self.folder, self.name = Path(store) / FOLDER, name
        self._lock: int | None = None

    def claim(self, wait: bool = False) -> bool:
        """Take the run for this process until ``release`` or its end; False where another process has it.

        Args:
            wait: until the other process has ended.

        A file system without kernel locks grants every claim: a run may then be trained twice, and counts once.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        while True:
            lock = os.open(self._path("lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                taken = _lock(lock, wait)
            except OSError:
                os.close(lock)
                raise
            if not taken:
                os.close(lock)
                return False
            if self._is_named(lock):
                self._lock = lock
                return True
            os.close(lock)  # its owner finished, and removed the file, while we waited for it

    def claimed(self) -> bool | None:
        """Whether a living process holds the run, None where the file system has no locks; asking takes no claim."""
        try:
            lock = os.open(self._path("lock"), os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return None
        finally:
            os.close(lock)
        return False

    def tell(self, status: Mapping[str, Any]) -> None:
        """Say where the run stands, for whoever watches; the previous word is replaced."""
        self._replace("json", json.dumps(status, allow_nan=False).encode(), durable=False)

    def told(self) -> dict[str, Any] | None:
        """What the run said last; None where it said nothing."""
        try:
            status = json.loads(self._path("json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return status if isinstance(status, dict) else None

    def save(self, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """Write a checkpoint through to the disk in place of the previous one.

        Args:
            facts: plain values, strict JSON.
            arrays: numbers only.
        """
        text = np.frombuffer(json.dumps(facts, allow_nan=False).encode(), np.uint8)
        self._replace("npz", pack({_FACTS: text, **arrays}, compress=False), durable=True)

    def load(self) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
        """The checkpoint; None where there is none or it is damaged (each array has a checksum in the file)."""
        try:
            with np.load(io.BytesIO(self._path("npz").read_bytes()), allow_pickle=False) as packed:
                arrays = {name: packed[name] for name in packed.files}
            facts = json.loads(arrays.pop(_FACTS).tobytes())
        except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile):
            return None
        return (facts, arrays) if isinstance(facts, dict) else None

    def release(self) -> None:
        """Give the claim back and keep the rest, for whoever continues."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def clear(self) -> None:
        """Remove all: the run is finished. Call it while the claim is held."""
        lock = self._path("lock")
        for path in [*self.folder.glob(f"{self.name}.*.tmp"), self._path("json"), self._path("npz"), lock]:
            with suppress(OSError):  # a process that was killed while it saved left a .tmp
                path.unlink()
        self.release()

    def _path(self, suffix: str) -> Path:
        return self.folder / f"{self.name}.{suffix}"

    def _is_named(self, lock: int) -> bool:
        with suppress(OSError):
            return os.path.samestat(os.fstat(lock), os.stat(self._path("lock")))
        return False

    def _replace(self, suffix: str, content: bytes, durable: bool) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f"{self.name}.", suffix=".tmp", dir=self.folder)
        os.close(handle)
        try:
            if durable:
                write(Path(name), content)
            else:
                Path(name).write_bytes(content)
            os.replace(name, self._path(suffix))
        except BaseException:
            with suppress(OSError):
                os.unlink(name)
            raise


def _lock(handle: int, wait: bool) -> bool:
    """Lock an open file; False where another process has it, also after a moment in which it may only have asked."""
    for pause_s in (0.01, 0.02, 0.0):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            time.sleep(pause_s)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            return True
        else:
            return True
    return False
