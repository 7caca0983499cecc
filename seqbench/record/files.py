"""The bytes of a record: arrays packed without a clock, files and folders that survive a power cut."""

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seqbench.schema import Record


def check_arrays(record: Record, arrays: Mapping[str, Any]) -> None:
    """Raise ValueError unless the arrays are numbers with just the axes that the record names."""
    if set(record.arrays) != set(arrays):
        odd = ", ".join(sorted(set(record.arrays) ^ set(arrays)))
        raise ValueError(f"record.arrays must name the axes of exactly the arrays given; they differ in {odd}.")
    for name, array in arrays.items():
        array = np.asarray(array)
        if array.ndim != len(record.arrays[name]):
            raise ValueError(f"array {name} must have the axes {record.arrays[name]}; got the shape {array.shape}.")
        if array.dtype.hasobject:
            raise ValueError(f"array {name} must hold numbers; got the type {array.dtype}.")


def pack(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The bytes of an ``.npz`` file; the same arrays give the same bytes, because no clock enters."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in sorted(arrays):
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.asarray(arrays[name]), allow_pickle=False)
            packed.writestr(zipfile.ZipInfo(f"{name}.npy"), entry.getvalue(), zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def write(path: Path, content: bytes) -> None:
    """Write a file through to the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Make names in a folder survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def text_of(path: Path) -> str | None:
    """The text of a file, None where it cannot be read as text."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
