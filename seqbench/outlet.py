"""What commands print into: a console of a width that fits a table, on a stream that may lose its reader."""

import os
import sys
from typing import IO, TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

if TYPE_CHECKING:
    from rich.console import Console

PLAIN_WIDTH = 120
"""Columns of what is printed into a pipe or a file, where rich assumes 80: too few for the result table."""


@runtime_checkable
class Stream(Protocol):
    """What is asked of a stream of text; ``io.StringIO`` has it, though it is no ``IO[str]``."""

    def write(self, text: str, /) -> int:
        """Write a text; returns its number of characters."""
        ...

    def flush(self) -> None:
        """Hand on what was written."""
        ...

    def fileno(self) -> int:
        """The number of the open file, where there is one."""
        ...


class Outlet:
    """A stream whose reader may go away or whose disk may fill up: what is printed then is lost, never the work."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write as the stream does."""
        try:
            return self.stream.write(text)
        except OSError:
            silence(self.stream)
            return len(text)

    def flush(self) -> None:
        """Flush as the stream does."""
        try:
            self.stream.flush()
        except OSError:
            silence(self.stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def occupy() -> None:
    """Let standard streams that were closed before we began lead nowhere, or the next files opened would take them."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number, which is this one


def silence(stream: Stream | None) -> None:
    """Flush a stream; what it cannot take goes nowhere, or the interpreter's exit would complain of it once more."""
    if stream is None:  # it was closed before we began
        return
    try:
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def complain(text: str) -> None:
    """Print a line on the standard error; that nobody reads it changes no exit code."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        silence(sys.stderr)


def refusal(error: OSError) -> str:
    """One sentence: which file or folder could not be used, why, and what to do."""
    if isinstance(error, FileNotFoundError) and error.filename is None:  # as os.getcwd says it
        return "the current folder must exist; it was deleted meanwhile. Change to another one."
    what = repr(error.filename) if error.filename else "the disk"
    return f"cannot use {what} ({error.strerror or error}). Make room or mend the access to it."


def console(steady: bool = False) -> "Console":
    """A console on the standard output.

    Args:
        steady: whether the work goes on when nobody reads any more.
    """
    from rich.console import Console

    stream = cast(IO[str], Outlet(sys.stdout)) if steady and sys.stdout is not None else None
    made = Console(file=stream)
    return made if made.is_terminal else Console(file=stream, width=PLAIN_WIDTH)
