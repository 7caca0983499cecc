"""Commits, as git knows them: what a ref names, its tree in a folder of its own, and the state of the working tree."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seqbench.check.programs import last_words
from seqbench.schema import UsageError

GIT_S = 60.0
"""Seconds that git may take."""


def git(folder: Path, *words: str) -> str:
    """What git prints.

    Raises:
        UsageError: git is missing, or refuses.
    """
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    no_hooks = ("-c", f"core.hooksPath={os.devnull}")  # the user's have nothing to do here, and one that fails ends it
    command = ["git", "-C", str(folder), *no_hooks, *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=GIT_S, env=clean, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"--against needs git to work here; got {error}.") from error
    if done.returncode != 0:
        raise UsageError(f"git {words[0]} must work here; got {last_words(done.stderr, done.returncode)!r}.")
    return done.stdout


@contextmanager
def checked_out(folder: Path, ref: str) -> Iterator[tuple[Path, str]]:
    """The tree of a git ref in a temporary worktree, and its commit; both are gone afterwards.

    Raises:
        UsageError: this is no repository, or it has no such commit.
    """
    commit = resolve(folder, ref)
    with tempfile.TemporaryDirectory(prefix="seqbench-base-", dir=_beside(folder)) as scratch:
        tree = Path(scratch).resolve() / "tree"
        try:
            git(folder, "worktree", "add", "--quiet", "--detach", str(tree), commit)
            yield tree, commit
        finally:
            shutil.rmtree(tree, ignore_errors=True)  # then git forgets it, half made ones included, and no other tree
            with suppress(UsageError):
                git(folder, "worktree", "remove", "--force", "--force", str(tree))


def _beside(folder: Path) -> Path | None:
    """Where a second tree is read as fast as the one in ``folder``: None, for the temporary folder, if it is there too.

    Else within the folder of git, which no tool looks through: a file system of its own, as a network's or a mounted
    one, would make one side slower in every pair.
    """
    there = folder.stat().st_dev
    if os.stat(tempfile.gettempdir()).st_dev == there:
        return None
    common = folder / git(folder, "rev-parse", "--git-common-dir").strip()
    return common if common.stat().st_dev == there else None


def resolve(folder: Path, ref: str) -> str:
    """The commit that a ref names.

    Raises:
        UsageError: this is no repository, or it has no such commit.
    """
    git(folder, "rev-parse", "--git-dir")
    try:
        return git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").strip()
    except UsageError:
        shallow = "A shallow clone has few: git fetch --unshallow."
        known = shallow if is_shallow(folder) else "git branch --all, git tag and git log list what there is."
        raise UsageError(f"--against must name a commit of this repository; got {ref[:80]!a}. {known}") from None


def text_at(folder: Path, ref: str, file: Path) -> str | None:
    """The text of a file in a commit; None where the commit has none, or the file lies outside of the repository.

    Args:
        folder: that a relative path of the file starts from.
        ref: of the commit.
        file: which need not be there any more.

    Raises:
        UsageError: there is no such commit here.
    """
    commit = resolve(folder, ref)
    try:
        return git(folder, "show", f"{commit}:./{os.path.relpath(folder / file, folder)}")
    except UsageError:
        return None


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
