"""A second process, for stores of many records: it looks at files while this process does the rest.

It saves time and decides nothing: what it does not deliver, for whatever reason, is done here.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

WORTH_A_PROCESS = 20_000
"""Folders from which on a process saves more than its start costs."""
_MAIN = "import sys; from seqbench.record import index, reading; sys.exit({}(*sys.argv[1:]))"


@contextmanager
def second_process(function: str, root: Path, names: Sequence[str]) -> Iterator[Callable[[], BinaryIO | None]]:
    """Start ``function`` of ``index`` or ``reading`` in another process, if there is a core for it and enough to do.

    Args:
        function: takes the store's folder, reads names of folders from standard input, writes to standard output.
        root: the store.
        names: the folders.

    Yields:
        What waits for the end and returns the output; None where there is none.
    """
    process, output = None, None
    with suppress(OSError):
        if len(names) >= WORTH_A_PROCESS and cores() > 1:
            output = tempfile.TemporaryFile()  # noqa: SIM115  closed below; a pipe would make it wait for us
            process = _start(function, root, names, output)

    def result() -> BinaryIO | None:
        if process is None or output is None or process.wait() != 0:
            return None
        output.seek(0)
        return output

    try:
        yield result
    finally:
        if process is not None:
            process.kill()
            process.wait()
        if output is not None:
            output.close()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def _start(function: str, root: Path, names: Sequence[str], output: BinaryIO) -> "subprocess.Popen[bytes]":
    with tempfile.TemporaryFile() as listed:
        listed.write("\n".join(names).encode())
        listed.seek(0)
        command = [sys.executable, "-c", _MAIN.format(function), str(root)]
        path = os.pathsep.join(sys.path)  # it must find the very seqbench that runs here
        return subprocess.Popen(
            command, stdin=listed, stdout=output, stderr=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": path}
        )
