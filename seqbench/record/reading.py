"""The folder of one record, judged: a record that can be trusted, or what is wrong with it and what to do."""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seqbench.record import index
from seqbench.record.fields import Reader
from seqbench.record.files import digest, read
from seqbench.schema import SCHEMA_VERSION, Record

_AGAIN = "delete the folder and run again"
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
        stamp = index.stamp(folder)  # before reading: a later change is then noticed
        text = read(f"{folder}/record.json", _MAX_DOCUMENT_BYTES).decode()
        record = reader.record(text)
        if not folder.endswith(f"/{folder_name(record)}"):
            return Problem(what="record.json lies in a folder of another name", remedy="move it back or delete it")
        return _checked(folder, record) or index.Known(record, stamp)
    except FileNotFoundError as error:
        return Problem(what=f"has no {Path(error.filename).name}", remedy=_AGAIN, damaged=True)
    except OSError as error:
        return Problem(what=f"cannot be read ({error.strerror})", remedy="mend its permissions or delete it")
    except UnicodeDecodeError:
        return Problem(what="record.json is not text", remedy=_AGAIN, damaged=True)
    except ValueError as error:
        what, _, remedy = f"record.json {error}".partition("; ")
        return Problem(what=what, remedy=remedy or _AGAIN, damaged=not _is_newer(text))


def _checked(folder: str, record: Record) -> Problem | None:
    """What is wrong with the files beside a record."""
    if set(record.files) != {"arrays.npz"}:
        return Problem(what="record.json names other files than arrays.npz", remedy=_AGAIN, damaged=True)
    with suppress(ValueError):  # not a plain file
        if digest(f"{folder}/arrays.npz") == record.files["arrays.npz"]:
            return None
    return Problem(what="record.json is fine, but arrays.npz beside it is damaged", remedy=_AGAIN, damaged=True)


def _is_newer(text: str) -> bool:
    with suppress(ValueError, RecursionError):
        document = json.loads(text)
        version = document.get("schema_version") if isinstance(document, dict) else None
        return isinstance(version, int) and version > SCHEMA_VERSION
    return False
