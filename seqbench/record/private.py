"""Private folders: where a record is written before it gets its name, and how those of killed processes are removed.

The owner holds a kernel lock on its folder, which ends with the process, however it ends. A folder whose lock is free
is therefore rubbish, and one whose lock is held is not, however old it is.
"""

import errno
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = ".tmp-"
YOUNG_S = 10.0
"""A folder younger than this may be one whose owner has not locked it yet."""
ABANDONED_S = 24 * 3600.0
"""Where the file system has no locks, a folder older than this has no owner."""

_NO_LOCKS = (errno.ENOTSUP, errno.ENOLCK, errno.ENOSYS, errno.EBADF, errno.EINVAL)
"""What file systems without locks on folders answer; NFS wants a folder open for writing, and none can be."""


@contextmanager
def private_folder(root: Path) -> Iterator[Path]:
    """A new folder in ``root``, locked while this block runs, and removed at its end unless it was renamed."""
    folder, handle = _locked(root)
    try:
        folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _close(handle)


def _locked(root: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
        handle = None
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            if _lock(handle) is not False and folder.exists():
                return folder, handle
        except FileNotFoundError:
            pass
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            _close(handle)
            raise
        _close(handle)  # somebody collected the folder before we held its lock: take another


def _lock(handle: int) -> bool | None:
    """Whether the lock is ours now; None where the file system has no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return None
    return True


def _close(handle: int | None) -> None:
    if handle is not None:
        with suppress(OSError):  # nothing was written through it
            os.close(handle)


def collect(root: Path) -> int:
    """Remove the private folders in ``root`` that no living process owns; how many there were."""
    return sum(_removed(folder) for folder in sorted(root.glob(f"{PREFIX}*")))


def _removed(folder: Path) -> bool:
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # gone already, or nothing of ours
        return False
    try:
        locked, age = _lock(handle), age_s(folder)
        if locked is False or age < (ABANDONED_S if locked is None else YOUNG_S):
            return False
        shutil.rmtree(folder, ignore_errors=True)
        return not os.path.lexists(folder)
    except OSError:
        return False
    finally:
        _close(handle)


def age_s(folder: Path) -> float:
    """Seconds since something was last made in the folder."""
    return time.time() - folder.lstat().st_mtime
