"""Python processes that the check starts, in the one tree or the other: one alone, or several that take turns."""

import atexit
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

PYTHON_S = 600.0
"""Seconds that one Python process may take, or several that take turns, all together."""
HANGS = "; one hangs, or they are too many: mark fewer with @pytest.mark.gated, or name a file of them with --suite"
"""What is to be done about benchmarks that take longer."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
    "MALLOC_TOP_PAD_": str(16 * 2**20),
}
"""glibc keeps what it was given. Else it gives large blocks back and asks for them again, or not, by what was allocated
before: the same forward pass took 16 ms in one process and 28 ms in another."""
TURNS = "SEQBENCH_TURNS"
"""Tells a process the pipe that its turn comes from, the one that it goes to, and how many take turns."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two things that are compared.

    Attributes:
        name: what tables call it, e.g. "HEAD~1 (1a2b3c4)".
        root: the folder that its processes run in, and import from.
        python: the interpreter.
        imports_root: whether the code below ``root`` goes before what the interpreter's environment has installed.
    """

    name: str
    root: Path
    python: Path
    imports_root: bool = True

    def environment(self) -> dict[str, str]:
        """The variables of its processes: one compute thread, nothing of a git hook, its own code before the user's.

        Compiled files go into a folder of this process: a tree that has some of its own would start faster than one
        that was just checked out, and nothing is written into either.
        """
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "PYTEST_"))}
        kept |= dict.fromkeys(THREADS, "1") | ALLOCATOR | {"PYTHONPYCACHEPREFIX": _compiled()}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        if self.imports_root:
            users = [self._own(place) for place in kept.get("PYTHONPATH", "").split(os.pathsep) if place]
            kept["PYTHONPATH"] = os.pathsep.join([str(self.root), str(self.root / "src"), *users])
        return kept

    def _own(self, place: str) -> str:
        """A folder of the user's PYTHONPATH as this side has it: one below the current folder lies below its root."""
        inside = os.path.relpath(place)
        return place if inside.partition(os.sep)[0] == os.pardir else str(self.root / inside)


Program = tuple[Side, Sequence[str], Mapping[str, str]]
"""Where, the words of the command line after the interpreter, and variables beside those of the side."""


class ProgramError(RuntimeError):
    """A process of a side failed; the message is its last words."""


def run_python(side: Side, *words: str, more: Mapping[str, str] | None = None, codes: Collection[int] = (0,)) -> str:
    """What ``python *words`` prints in the tree of a side.

    Args:
        side: where.
        words: of the command line, after the interpreter.
        more: variables beside those of the side.
        codes: exit codes that are no failure.

    Raises:
        ProgramError: it failed, or took too long.
    """
    with _running(side, words, more or {}) as ended:
        return ended(codes)


def run_in_turns(programs: Sequence[Program]) -> list[str | ProgramError]:
    """What each of several ``python *words`` prints, or why it failed; they pass a turn around, one to the next.

    They start together. The first has the turn, a number in a pipe, and the last one hands it to the first again. A
    process that has ended closes its pipe, so that the next waits no longer. One that hangs keeps the others waiting:
    all are ended ``PYTHON_S`` after they began.

    Raises:
        ProgramError: one cannot even be started.
    """
    found: list[str | ProgramError] = []
    with ExitStack() as stack:
        number = len(programs)
        with _ring(number) as ring:
            running = [
                stack.enter_context(_running(side, words, {**more, TURNS: f"{take} {give} {number}"}, (take, give)))
                for (side, words, more), (take, give) in zip(programs, ring, strict=True)
            ]
        for ended in running:
            try:
                found.append(ended((0,)))
            except ProgramError as error:
                found.append(error)
    return found


@contextmanager
def _ring(number: int) -> Iterator[list[tuple[int, int]]]:
    """For each of so many processes the end of a pipe to read its turn from, and one to write into; all closed after.

    The turn, a 0 of four bytes, is in the pipe of the first.
    """
    pipes = [os.pipe() for _ in range(number)]
    try:
        os.write(pipes[0][1], bytes(4))
        yield [(read, pipes[(index + 1) % number][1]) for index, (read, _) in enumerate(pipes)]
    finally:
        for end in (end for pipe in pipes for end in pipe):
            os.close(end)


@contextmanager
def _running(
    side: Side, words: Sequence[str], more: Mapping[str, str], pipes: Sequence[int] = ()
) -> Iterator[Callable[[Collection[int]], str]]:
    """A process; what this yields waits for its end, and returns what it printed if its exit code is one of those."""
    variables, until = side.environment() | dict(more), time.monotonic() + PYTHON_S
    with (
        tempfile.TemporaryFile("w+", errors="replace") as output,
        tempfile.TemporaryFile("w+", errors="replace") as errors,
    ):
        process = _started(side, words, variables, output, errors, pipes)

        def ended(codes: Collection[int]) -> str:
            try:
                code = process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                raise ProgramError(f"took more than {PYTHON_S:g} s{HANGS if pipes else ''}") from None
            printed, complaints = (_read(file) for file in (output, errors))
            if code not in codes:
                raise ProgramError(last_words(complaints or printed, code))
            return printed

        try:
            yield ended
        finally:
            with suppress(ProcessLookupError, PermissionError):  # and all that it has started
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@cache
def _compiled() -> str:
    """A folder for compiled files that ends with this process."""
    folder = tempfile.TemporaryDirectory(prefix="seqbench-compiled-")
    atexit.register(folder.cleanup)
    return folder.name


def _started(
    side: Side,
    words: Sequence[str],
    variables: Mapping[str, str],
    output: IO[str],
    errors: IO[str],
    pipes: Sequence[int],
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [str(side.python), *words],
            cwd=side.root,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
            pass_fds=pipes,
        )
    except OSError as error:
        raise ProgramError(f"{side.python} cannot be started in {side.root} ({error.strerror})") from error


def _read(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def last_words(text: str, code: int) -> str:
    """The last line that a process printed, escaped, for the message about its failure."""
    lines = [line for line in text.splitlines() if line.strip()]
    return ascii(lines[-1])[1:-1][:300] if lines else f"it ended with {code} and said nothing"


def run_json(side: Side, *words: str) -> Any:
    """The JSON document that ``python *words`` prints.

    Raises:
        ProgramError: it failed, or what it printed is no JSON.
    """
    printed = run_python(side, *words)
    try:
        return json.loads(printed)
    except ValueError as error:
        raise ProgramError(f"printed no JSON: {printed[-80:]!a}") from error
