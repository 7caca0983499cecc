"""The programs that the check starts: git, and Python in the one tree or the other. Nothing else here starts any."""

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from seqbench.schema import UsageError

GIT_S, PYTHON_S = 60.0, 600.0
"""Seconds that git, and one Python process, may take."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


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
        """The variables of its processes: one compute thread, nothing of a git hook, its own code first."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "PYTEST_"))}
        kept |= dict.fromkeys(THREADS, "1") | {"PYTHONDONTWRITEBYTECODE": "1"}
        if self.imports_root:
            kept["PYTHONPATH"] = os.pathsep.join([str(self.root), str(self.root / "src")])
        return kept


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
    variables = side.environment() | dict(more or {})
    with (
        tempfile.TemporaryFile("w+", errors="replace") as output,
        tempfile.TemporaryFile("w+", errors="replace") as errors,
    ):
        process = _started(side, words, variables, output, errors)
        try:
            code = process.wait(PYTHON_S)
        except subprocess.TimeoutExpired:
            raise ProgramError(f"took more than {PYTHON_S:g} s") from None
        finally:
            with suppress(ProcessLookupError, PermissionError):  # and all that it has started
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        printed, complaints = (_read(file) for file in (output, errors))
        if code not in codes:
            raise ProgramError(_last_words(complaints or printed, code))
    return printed


def _started(
    side: Side, words: Sequence[str], variables: Mapping[str, str], output: IO[str], errors: IO[str]
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
        )
    except OSError as error:
        raise ProgramError(f"{side.python} cannot be started in {side.root} ({error.strerror})") from error


def _read(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def _last_words(text: str, code: int) -> str:
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


def git(folder: Path, *words: str) -> str:
    """What git prints.

    Raises:
        UsageError: git is missing, or refuses.
    """
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=GIT_S, env=clean, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"--against needs git to work here; got {error}.") from error
    if done.returncode != 0:
        raise UsageError(f"git {words[0]} must work here; got {_last_words(done.stderr, done.returncode)!r}.")
    return done.stdout


@contextmanager
def checked_out(folder: Path, ref: str) -> Iterator[tuple[Path, str]]:
    """The tree of a git ref in a temporary worktree, and its commit; both are gone afterwards.

    Raises:
        UsageError: this is no repository, or it has no such commit.
    """
    commit = resolve(folder, ref)
    with tempfile.TemporaryDirectory(prefix="seqbench-base-") as scratch:
        tree = Path(scratch) / "tree"
        git(folder, "worktree", "add", "--quiet", "--detach", str(tree), commit)
        try:
            yield tree, commit
        finally:
            with suppress(UsageError):
                git(folder, "worktree", "remove", "--force", str(tree))


def resolve(folder: Path, ref: str) -> str:
    """The commit that a ref names.

    Raises:
        UsageError: this is no repository, or it has no such commit.
    """
    git(folder, "rev-parse", "--git-dir")
    try:
        return git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").strip()
    except UsageError:
        known = "; a shallow clone has few: git fetch --unshallow" if is_shallow(folder) else ""
        raise UsageError(f"--against must name a commit of this repository; got {ref[:80]!a}{known}.") from None


def is_shallow(folder: Path) -> bool:
    """Whether the clone has not the whole history."""
    return git(folder, "rev-parse", "--is-shallow-repository").strip() == "true"


def top_folder(folder: Path) -> Path:
    """The top of the repository that holds ``folder``.

    Raises:
        UsageError: none does.
    """
    return Path(git(folder, "rev-parse", "--show-toplevel").strip())


def state(folder: Path) -> str | None:
    """The commit of a folder, with "+" where something in it was changed; None outside a repository."""
    try:
        commit = git(folder, "rev-parse", "--verify", "--quiet", "HEAD").strip()
        return f"{commit}+" if git(folder, "--no-optional-locks", "status", "--porcelain").strip() else commit
    except UsageError:
        return None
