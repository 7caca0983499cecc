"""Options of the commands that compose no configuration: ``--store DIR`` and their like."""

import os
from pathlib import Path

from seqbench.schema import UsageError


def options_of(
    words: list[str], names: tuple[str, ...], what: str = "a path"
) -> tuple[dict[str, list[str]], list[str]]:
    """Values of the options ``names`` (``--name VALUE``, ``--name=VALUE`` or ``name=VALUE``), and the other words.

    Args:
        words: of the command line.
        names: of options that take a value.
        what: the value is, for the message where there is none.
    """
    found: dict[str, list[str]] = {name: [] for name in names}
    rest: list[str] = []
    remaining = iter(words)
    for word in remaining:
        name, equals, value = word.partition("=")
        name = name if name.startswith("-") or not equals else f"--{name}"
        if name not in found:
            rest.append(word)
            continue
        value = value if equals else next(remaining, "")
        if not value or value.startswith("--") or not value.isprintable():
            raise UsageError(f"{name} must be followed by {what}; got {ascii(value[:80]) if value else 'nothing'}.")
        found[name].append(value)
    return found, rest


def refuse_rest(rest: list[str], rule: str) -> None:
    """Refuse the words that a command does not take."""
    if rest:
        raise UsageError(f"{rule}; got {rest[0][:80]!a}. Remove it.")


def existing_store(folder: str) -> Path:
    """The folder of records that ``--store`` names."""
    if not os.path.isdir(folder):
        raise UsageError(f"--store must be an existing folder of records; got {folder!r}. Train something first.")
    return Path(folder)
