"""Text files that an option names: refused before the work where they cannot be written; then whole or not at all."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seqbench.record.files import DISK
from seqbench.schema import UsageError

IN_PLACE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.EXDEV)
"""What a folder says in which a file may be written, but not replaced: not ours, read-only, or the file is mounted."""


def check_writable(path: Path, option: str) -> None:
    """Refuse what cannot be written, while there is nothing to lose yet.

    Args:
        path: of a file that need not exist, nor its folder.
        option: that named it.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        if path.exists():
            path.open("a").close()
        else:
            there = next(folder for folder in Path(os.path.realpath(path)).parents if folder.exists())
            tempfile.TemporaryFile(dir=there).close()
    except OSError as error:
        raise _refused(path, option, error) from error


def write_text(path: Path, text: str, option: str) -> None:
    """Write a file whole or not at all, its folder included; what is no plain file, as /dev/stdout, is not replaced.

    Raises:
        UsageError: it is no file that can be written; the message names the option that named it.
        OSError: the disk is full or broken, which is no wrong use.
    """
    with _told(path, option):
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", errors="replace")
        else:
            replace_file(path, [text])


def append_line(path: Path, line: str, option: str) -> None:
    """Append a line to a file, which is made where it is missing, its folder included; of no line a part stays.

    Raises:
        UsageError, OSError: as ``write_text``.
    """
    with _told(path, option):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab", buffering=0) as file:
            before, content = file.tell(), f"{line}\n".encode()
            try:
                while content:
                    content = content[file.write(content) :]
            except OSError:
                file.truncate(before)
                raise


@contextmanager
def _told(path: Path, option: str) -> Iterator[None]:
    """Raise what a disk refuses with the name of the file, and all else as wrong use of the option."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise _refused(path, option, error) from error


def replace_file(path: Path, parts: Iterable[str | bytes]) -> None:
    """Put a whole file in place of what was there: a reader sees the old one or the new one.

    A link is followed, and a file that is there keeps its mode. Where its folder lets nothing take its place, it is
    written where it is, once all parts are there.

    Args:
        path: of the file; its folder is made.
        parts: of its content; what UTF-8 cannot hold becomes "?".

    Raises:
        OSError: it cannot be written; what was there is as it was, and nothing lies beside it.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    there = path.is_file()
    handle, temporary = _temporary(path.parent, there)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(part if isinstance(part, bytes) else part.encode(errors="replace") for part in parts)
        os.chmod(temporary, path.stat().st_mode if there else 0o644)
        try:
            os.replace(temporary, path)
        except OSError as error:
            if not there or error.errno not in IN_PLACE:
                raise
            shutil.copyfile(temporary, path)
    finally:
        with suppress(OSError):
            os.unlink(temporary)


def _temporary(folder: Path, there: bool) -> tuple[int, str]:
    """A new file in the folder; elsewhere, if the folder takes none and the file to be written is there already."""
    try:
        return tempfile.mkstemp(prefix=".tmp-", dir=folder)
    except OSError as error:
        if not there or error.errno not in IN_PLACE:
            raise
        return tempfile.mkstemp(prefix="seqbench-")


def _refused(path: Path, option: str, error: OSError) -> UsageError:
    return UsageError(f"{option} must be a file that can be written; got {str(path)[:120]!a} ({error.strerror}).")
