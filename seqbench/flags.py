"""Options of the commands that compose no configuration: ``--store DIR`` and their like."""

import os
import re
from collections.abc import Sequence
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
            kind = "names of formats" if name == "--format" else what
            raise UsageError(f"{name} must be followed by {kind}; got {ascii(value[:80]) if value else 'nothing'}.")
        found[name].append(value)
    return found, rest


def refuse_rest(rest: list[str], rule: str) -> None:
    """Refuse the words that a command does not take; ``rule`` names the options that it has."""
    if rest:
        from seqbench.config.folder import did_you_mean  # late: --help must not wait for it

        near = did_you_mean(rest[0].partition("=")[0], re.findall(r"--[a-z-]+", rule))
        raise UsageError(f"{rule}; got {rest[0][:80]!a}.{near or ' Remove it.'}")


def formats_of(values: list[str], known: tuple[str, ...], default: tuple[str, ...]) -> tuple[str, ...]:
    """The formats that ``--format`` names, as a list with commas or again and again."""
    asked = [name for value in values for name in value.split(",")] or list(default)
    for name in asked:
        if name not in known:
            raise UsageError(f"--format must be some of {', '.join(known)}; got {name[:80]!a}. Give names with commas.")
    return tuple(dict.fromkeys(asked))


def out_of(values: list[str], stores: Sequence[Path]) -> Path:
    """The last of the values of ``--out``, which must lie in none of the stores."""
    from seqbench.values import check_outside  # late, as above

    for store in stores:
        check_outside("--out", values[-1], store)
    return Path(values[-1])


def stores_to_compare(words: list[str]) -> list[Path]:
    """The folders that ``compare`` is given."""
    refuse_rest([word for word in words if word.startswith("-")], "compare takes folders of records and --format NAME")
    if len(words) < 2:
        raise UsageError(f"compare must be given two folders of records or more; got {len(words)}. E.g. compare A B.")
    for word in words:
        if not os.path.isdir(word) and os.path.isdir(word.rpartition(":")[0]):
            raise UsageError(
                f"compare takes whole folders, for one store holds a configuration once; got {word!r}. Train the other "
                "side with store=DIR; what differs in its values is compared by the report of one store."
            )
    return [existing_store(word, "each folder of compare") for word in words]


def existing_store(folder: str, what: str = "--store") -> Path:
    """The folder of records that ``--store`` names, or that ``what`` says."""
    if not os.path.isdir(folder):
        raise UsageError(f"{what} must be an existing folder of records; got {folder!r}. Train something first.")
    return Path(folder)
