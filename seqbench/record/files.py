"""The bytes of a record: arrays packed without a clock, files and folders that survive a power cut."""

import errno
import hashlib
import io
import os
import stat
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from seqbench.schema import Record

_BLOCK = 1 << 20
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What a disk says that is full or broken, whichever folder is chosen on it."""


def check_arrays(record: Record, arrays: Mapping[str, Any]) -> None:
    """Raise ValueError unless the arrays are numbers or text with just the axes that the record names."""
    if set(record.arrays) != set(arrays):
        odd = ", ".join(sorted(set(record.arrays) ^ set(arrays)))
        raise ValueError(f"record.arrays must name the axes of exactly the arrays given; they differ in {odd}.")
    for name, array in arrays.items():
        array = np.asarray(array)
        if array.ndim != len(record.arrays[name]):
            raise ValueError(f"array {name} must have the axes {record.arrays[name]}; got the shape {array.shape}.")
        if array.dtype.hasobject:
            raise ValueError(f"array {name} must hold numbers or text; got the type {array.dtype}.")


def pack(arrays: Mapping[str, np.ndarray], compress: bool = True) -> bytes:
    """The bytes of an ``.npz`` file; the same arrays give the same bytes, because no clock enters."""
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as packed:
        for name in sorted(arrays):
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.asarray(arrays[name]), allow_pickle=False)
            packed.writestr(zipfile.ZipInfo(f"{name}.npy"), entry.getvalue(), method)
    return stream.getvalue()


def write(path: Path, content: bytes) -> None:
    """Write a file through to the disk.

    Raises:
        OSError: the disk refuses; where it is full, with the bytes that are needed.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(handle, left) :]
        os.fsync(handle)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            error.strerror = f"{error.strerror}; {len(content):,} bytes are needed"
        raise
    finally:
        os.close(handle)


def sync_folder(path: Path) -> None:
    """Make names in a folder survive a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        with suppress(OSError):  # nothing was written through it
            os.close(handle)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, that survive a power cut."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def give_name(folder: Path, target: Path) -> bool:
    """Rename a folder, and make the name survive a power cut; False where the name is taken, by whatever it is.

    What lies there is never overwritten: the system refuses to rename over anything but an empty folder, which is
    nothing to lose. Where the new name cannot be flushed the folder gets its old one back.

    Raises:
        OSError: the disk refuses.
    """
    if os.path.lexists(target):
        return False
    try:
        os.rename(folder, target)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            return False
        raise
    try:
        sync_folder(target.parent)
    except OSError:
        with suppress(OSError):
            os.rename(target, folder)
        raise
    return True


def read(path: str, limit: int | None = None, status: os.stat_result | None = None) -> bytes:
    """The bytes of a plain file. Follows no link, and waits for nothing, as opening a pipe would.

    Args:
        path: the file.
        limit: bytes that it may have.
        status: what ``os.lstat`` just said of it, where that is known.

    Raises:
        ValueError: it is no plain file, or larger than ``limit`` bytes.
        OSError: it cannot be read.
    """
    return b"".join(_blocks(path, limit, status))


def digest(path: str, status: os.stat_result | None = None) -> str:
    """SHA-256 of a plain file, block by block, in hexadecimal digits; takes and raises what ``read`` does."""
    sha256 = hashlib.sha256()
    for block in _blocks(path, None, status):
        sha256.update(block)
    return sha256.hexdigest()


def _blocks(path: str, limit: int | None, status: os.stat_result | None) -> Iterator[bytes]:
    status = status or os.lstat(path)
    if not stat.S_ISREG(status.st_mode):  # first: opening a device may do something
        raise ValueError("is not a plain file")
    if limit is not None and status.st_size > limit:
        raise ValueError(f"is larger than {limit} bytes")
    handle, asked = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), min(status.st_size + 1, _BLOCK)
    try:
        while block := os.read(handle, asked):
            yield block
            if len(block) < asked:  # the end: of a plain file all that is there comes at once
                return
    finally:
        os.close(handle)


def printable(name: str) -> str:
    """A file's name without what a terminal would obey or cannot show."""
    return name if name.isprintable() else ascii(name)[1:-1]
