"""Text files that an option names: refused before the work where they cannot be written; then whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seqbench.record.files import DISK
from seqbench.schema import UsageError


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
            there = next(folder for folder in path.absolute().parents if folder.exists())
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
            path.write_text(text, encoding="utf-8")
        else:
            _replace(path, text)


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


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:60]}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _refused(path: Path, option: str, error: OSError) -> UsageError:
    return UsageError(f"{option} must be a file that can be written; got {str(path)[:120]!a} ({error.strerror}).")
