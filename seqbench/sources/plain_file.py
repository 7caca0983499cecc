"""Files a user names: only plain UTF-8 text on this machine is read, and looked at before it is opened."""

import difflib
import hashlib
import os
import re
import stat
from pathlib import Path
from typing import NoReturn

from seqbench.schema import UsageError

MAX_BYTES = 2 << 30
MAX_ROW_BYTES = 1 << 20
"""A row is read as a whole, so one without end would fill the memory."""
_SHOWN = 300
_PACKED = {
    b"\x1f\x8b": "gzip-compressed",
    b"PK\x03\x04": "a zip archive (or a spreadsheet)",
    b"BZh": "bzip2-compressed",
    b"\xfd7zXZ": "xz-compressed",
    b"\x28\xb5\x2f\xfd": "zstd-compressed",
    b"PAR1": "a Parquet file",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}


def find(path: object, home: str = "") -> Path:
    """The ordinary, non-empty file at ``path``; looks at it without opening it, so a FIFO cannot hang.

    Args:
        path: whatever a configuration holds there.
        home: where to get the file from, where that is known.

    Raises:
        UsageError: not a path, a URL, nothing there, a folder, a device, an empty or too large file.
    """
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
    if not text or "\0" in text:
        raise UsageError(f"task.path must name a CSV file; got {ascii(path)[:80]}. Write task.path=data/file.csv.")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        raise UsageError(f"task.path must be a file on this machine; got the URL {shown(text)}. Download it first.")
    try:
        file = Path(text).expanduser()
    except RuntimeError:  # ~name of a user who has no home
        file = Path(text)
    try:
        state = file.stat()
    except FileNotFoundError:
        refuse(file, "", "there is no such file" + (f"; get it from {home}" if home else ""), _near_file(file))
    except (OSError, ValueError) as error:  # ValueError: characters that no file name can have
        reason = getattr(error, "strerror", None) or "it is no file name"
        refuse(file, "", f"it cannot be looked at ({reason})", "Check the path and its permissions")
    if not stat.S_ISREG(state.st_mode):
        kind = "a folder" if stat.S_ISDIR(state.st_mode) else "a device, pipe or socket"
        refuse(file, "", f"it must be a plain file, and is {kind}", "Give the path of a CSV file")
    if not 0 < state.st_size <= MAX_BYTES:
        size = "it is empty" if not state.st_size else f"it has {state.st_size} bytes, at most {MAX_BYTES} are read"
        refuse(file, "", size, "Give a CSV file with a header and rows of numbers")
    return file


def fingerprint(file: Path) -> str:
    """SHA-256 of the file's bytes, read in blocks.

    Raises:
        UsageError: the file is packed, UTF-16, holds a NUL byte or a row without end.
    """
    digest, num_rows = hashlib.sha256(), 0
    with open(file, "rb") as stream:
        _check_start(file, stream.read(8))
        stream.seek(0)
        while block := stream.read(MAX_ROW_BYTES):
            if (at := block.find(b"\0")) >= 0:
                row = num_rows + block.count(b"\n", 0, at) + 1
                refuse(file, f", row {row}", "it holds a NUL byte", "Save the file as CSV text in UTF-8")
            if len(block) == MAX_ROW_BYTES and b"\n" not in block and b"\r" not in block:
                problem = f"it is longer than {MAX_ROW_BYTES} bytes"
                refuse(file, f", row {num_rows + 1}", problem, "Save the file as CSV text, one time step a row")
            num_rows += block.count(b"\n")
            digest.update(block)
    return digest.hexdigest()


def _check_start(file: Path, start: bytes) -> None:
    for magic, kind in _PACKED.items():
        if start.startswith(magic):
            refuse(file, "", f"it must be plain UTF-8 text, and is {kind}", "Unpack it or save it as CSV in UTF-8")


def undecodable_row(file: Path) -> int:
    """The first row that is not UTF-8."""
    with open(file, "rb") as stream:
        for row, line in enumerate(stream, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return row
    raise AssertionError(f"{file} is UTF-8 after all")


def refuse(file: Path, place: str, problem: str, todo: str) -> NoReturn:
    """Raise the one UsageError about ``file``: where, what is wrong there, what to do."""
    raise UsageError(f"task.path: {shown(file)}{place}: {problem}. {todo}{'' if todo.endswith('?') else '.'}")


def shown(path: os.PathLike[str] | str) -> str:
    """A path as messages name it: whole where a terminal can print it, and cut where it is very long."""
    text = os.fspath(path)
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}...{text[-_SHOWN // 2 :]}"


def _near_file(file: Path) -> str:
    """What to do about a missing file: the nearest name in its folder, if any."""
    try:
        near = difflib.get_close_matches(file.name, os.listdir(file.parent), 1)
    except (OSError, ValueError):
        return f"The folder {shown(file.parent)} cannot be listed either"
    return (
        f"Did you mean {shown(file.with_name(near[0]))}?" if near else "Check the path; it starts at the current folder"
    )
