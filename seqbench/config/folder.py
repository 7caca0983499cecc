"""The folder ``conf/``: where it is, which choices each group has, what each choice says about itself.

Nothing here imports Hydra, so ``ls`` and ``--help`` answer at once.
"""

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from seqbench.schema import UsageError

Choices = Callable[[str], Collection[str]]
"""Group -> the names of its choices."""
GROUPS = ("task", "model", "train", "instruments")
"""The groups a cell takes one choice of each from, in the order that cells are sorted by."""


@dataclass(frozen=True, kw_only=True)
class Folders:
    """Our configuration folder and, where there is one, the user's.

    Attributes:
        own: the folder that holds ``config.yaml``, absolute.
        user: the folder of ``--config-dir`` as it was written, None without one.
    """

    own: Path
    user: Path | None = None

    def __post_init__(self) -> None:
        if self.user is None:
            return
        if not self.user.is_dir():
            raise UsageError(
                f"--config-dir must be an existing folder; got {str(self.user)!r}. Create it, or check it."
            )
        if "${" in str(self.user.resolve()):
            raise UsageError(f"--config-dir must be a path without '${{'; got {str(self.user)!r}. Rename the folder.")
        self._check_not_shadowed()

    def choices(self, group: str) -> dict[str, Path]:
        """Name -> file of every choice of ``group``, sorted by name; ``long/copy_10`` lies in a folder ``long``."""
        return {name: file for name, file in self._named(group) if _can_be_asked_for(name)}

    def misnamed(self, group: str) -> list[str]:
        """Names of files that Hydra's grammar cannot take, quoted or not, so that they are no choices."""
        return [name for name, _ in self._named(group) if not _can_be_asked_for(name)]

    def _named(self, group: str) -> list[tuple[str, Path]]:
        found: dict[str, Path] = {}
        for root in self._roots():
            folder = root / group
            for file in folder.rglob("*.yaml"):
                name = file.relative_to(folder).with_suffix("").as_posix()
                if file.is_file():  # a pipe would never be read to its end
                    found.setdefault(name, file)
        return sorted(found.items())

    def file(self, group: str, choice: object, origin: str = "") -> Path:
        """The file of one choice.

        Raises:
            UsageError: there is no such choice; names those there are.
        """
        choices = self.choices(group)
        if not isinstance(choice, str) or choice not in choices:
            written = "+sweep=" if group == "sweep" else f"{group}="
            near = did_you_mean(str(choice), choices, written)
            own = f" A YAML file of your own, {group}/NAME.yaml, is found in the folder that --config-dir names."
            raise UsageError(
                f"{group} must be one of {', '.join(choices)}; got {ascii(choice)[:80]}{origin}."
                f"{near or (own if self.user is None and isinstance(choice, str) else '')}"
            )
        return choices[choice]

    def users_files(self) -> list[Path]:
        """The YAML files of the user's that may be chosen."""
        groups = sorted(folder.name for folder in self.own.iterdir() if folder.is_dir())
        files = [file for group in groups for file in self.choices(group).values()]
        return [file for file in files if not file.is_relative_to(self.own)]

    def _roots(self) -> Iterator[Path]:
        yield self.own
        if self.user is not None and self.user.resolve() != self.own:
            yield self.user

    def _check_not_shadowed(self) -> None:
        """Hydra would silently prefer our file to a user's file of the same name."""
        for root in list(self._roots())[1:]:
            for ours in sorted(self.own.rglob("*.yaml")):  # not theirs: a user's folder may be a whole disk
                file = root / ours.relative_to(self.own)
                if file.is_file() and ours.read_bytes() != file.read_bytes():
                    raise UsageError(
                        f"a file in --config-dir must have a name of its own; got {str(file)!r}, "
                        f"which seqbench also has and would prefer. Rename it."
                    )


def _can_be_asked_for(name: str) -> bool:
    """Whether Hydra's grammar reads a name as text, where need be between quotes.

    >>> [_can_be_asked_for(name) for name in ("long/copy_10", "my gru", "a<b", "1e5", "null")]
    [True, True, False, False, False]
    """
    if not re.fullmatch(r"[A-Za-z0-9_/.:+*?|@$% -]+", name) or name != name.strip():
        return False
    try:
        float(name)
    except ValueError:
        return name.lower() not in ("null", "true", "false")
    return False


def own_folder() -> Path:
    """The folder ``conf`` of this installation: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    homes = (package / "conf", package.parent / "conf")
    for home in homes:
        if (home / "config.yaml").is_file():
            return home
    raise UsageError(f"seqbench needs its conf/config.yaml; looked in {homes[0]} and {homes[1]}. Install it again.")


def description(file: Path) -> str:
    """The first comment line of a YAML file that is no Hydra directive, "" where there is none."""
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if not line.startswith("#"):
                return ""
            if not line.lstrip("# ").startswith("@package"):
                return printable(line.lstrip("#").strip())
    return ""


def printable(text: str) -> str:
    r"""Text of a file with nothing in it that a terminal obeys.

    >>> printable("a\x1b[31mb")
    'a?[31mb'
    """
    return "".join(character if character.isprintable() else "?" for character in text)


def package_of(file: Path) -> str | None:
    """What the ``# @package NAME`` line at the head of a YAML file names, None without one."""
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                return None
            words = line.lstrip("# ").split()
            if words[:1] == ["@package"]:
                return " ".join(words[1:])
    return None


def did_you_mean(word: str, names: Iterable[str], prefix: str = "") -> str:
    """A question with the closest of ``names``, "" where nothing is close. Also compares their last parts.

    >>> did_you_mean("widht", ["model.width", "model.depth"])
    " Did you mean 'model.width'?"
    """
    known = list(names)
    last_parts = {name.replace("/", ".").rpartition(".")[2]: name for name in known}
    near = difflib.get_close_matches(word[:100], [*known, *last_parts], 1, 0.6)
    return f" Did you mean {prefix + last_parts.get(near[0], near[0])!r}?" if near else ""


def guess_choice(word: str, choices: Choices, close: bool = True) -> str:
    """A question with the choice that a bare word may mean, "" where it looks like none; ``close`` forgives typos.

    >>> guess_choice("grru", lambda group: ["gru"] if group == "model" else [])
    " Did you mean 'model=gru'?"
    """
    written = {name: f"{group}={name}" for group in reversed(GROUPS) for name in choices(group)}
    written |= {name: f"+sweep={name}" for name in choices("sweep")}
    near = [word] if word in written else difflib.get_close_matches(word[:100], written, 1) if close else []
    return f" Did you mean {written[near[0]]!r}?" if near else ""
