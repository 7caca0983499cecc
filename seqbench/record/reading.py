"""The folder of one record, judged: a record that can be trusted, or what is wrong with it and what to do."""

import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seqbench.record import index
from seqbench.record.fields import Reader
from seqbench.record.files import digest, read
from seqbench.schema import SCHEMA_VERSION, Record

_AGAIN = "run the same command again: it moves the folder to .damaged/ and trains anew"
_MAX_DOCUMENT_BYTES = 64 << 20


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something in a store that is not a readable record.

    Attributes:
        what, remedy: what it is; what to do.
        damaged: whether it was a record of this format once, and can be set aside.
    """

    what: str
    remedy: str
    damaged: bool = False


def folder_name(record: Record) -> str:
    """The name of the folder that the record has or would have."""
    suffix = "" if record.attempt == 1 else f"-{record.attempt}"
    return f"{record.run_id}-{record.env_id}{suffix}"


def judge(folder: str, reader: Reader) -> index.Known | Problem:
    """The record in a folder, or why it cannot be trusted."""
    text = ""
    try:
        document, arrays = f"{folder}/record.json", f"{folder}/arrays.npz"
        now_ns, status = time.time_ns(), os.lstat(document)  # before reading: a later change is then noticed
        text = read(document, _MAX_DOCUMENT_BYTES, status).decode()
        record = reader.record(text)
        if not folder.endswith(f"/{folder_name(record)}"):
            return Problem(what="record.json lies in a folder of another name", remedy="move it back or delete it")
        if set(record.files) != {"arrays.npz"}:
            return Problem(what="record.json names other files than arrays.npz", remedy=_AGAIN, damaged=True)
        status_of_arrays = os.lstat(arrays)
        if not _is(arrays, status_of_arrays, record.files["arrays.npz"]):
            return Problem(what="record.json is fine, but arrays.npz beside it is damaged", remedy=_AGAIN, damaged=True)
        return index.Known(record, index.stamp(status, status_of_arrays, now_ns))
    except FileNotFoundError as error:
        return Problem(what=f"has no {Path(error.filename).name}", remedy=_AGAIN, damaged=True)
    except OSError as error:
        return Problem(what=f"cannot be read ({error.strerror})", remedy="mend its permissions or delete it")
    except UnicodeDecodeError:
        return Problem(what="record.json is not text", remedy=_AGAIN, damaged=True)
    except ValueError as error:
        what, _, remedy = f"record.json {error}".partition("; ")
        return Problem(what=what, remedy=remedy or _AGAIN, damaged=not _is_newer(text))


def print_records(root: str) -> None:
    """What a second process does: write the lines of an index of folders to standard output."""
    reader = Reader()
    judged = ((name, judge(f"{root}/{name}", reader)) for name in sys.stdin.read().split("\n"))
    for line in index.lines((name, found) for name, found in judged if isinstance(found, index.Known)):
        sys.stdout.buffer.write(line)


def _is(path: str, status: os.stat_result, sha256: str) -> bool:
    with suppress(ValueError):  # not a plain file
        return digest(path, status) == sha256
    return False


def _is_newer(text: str) -> bool:
    with suppress(ValueError, RecursionError):
        document = json.loads(text)
        version = document.get("schema_version") if isinstance(document, dict) else None
        return isinstance(version, int) and version > SCHEMA_VERSION
    return False
