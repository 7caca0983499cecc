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
        if "--store DIR" in rule and os.path.isdir(rest[0]):
            near = f" Did you mean --store {rest[0][:80]!a}?"
        raise UsageError(f"{rule}; got {rest[0][:80]!a}.{near or ' Remove it.'}")


def formats_of(values: list[str], known: tuple[str, ...], default: tuple[str, ...]) -> tuple[str, ...]:
    """The formats that ``--format`` names, as a list with commas or again and again."""
    named = [(name, value) for value in values for name in value.split(",")]
    for name, value in named:
        if name not in known:
            got = name or value  # of a comma too many all that was given, for the name is empty
            raise UsageError(f"--format must be some of {', '.join(known)}; got {got[:80]!a}. Give names with commas.")
    asked = [name for name, _ in named] or default
    return tuple(dict.fromkeys(asked))


def out_of(values: list[str], stores: Sequence[Path]) -> Path:
    """The one value of ``--out``, which must lie in none of the stores."""
    from seqbench.values import check_outside  # late, as above

    if len(values) > 1:
        raise UsageError(f"--out must be given once; got {len(values)} of them. Remove all but one.")
    for store in stores:
        check_outside("--out", values[0], store)
    return Path(values[0])


def stores_to_compare(words: list[str]) -> list[Path]:
    """The folders that ``compare`` is given."""
    refuse_rest(
        [word for word in words if word.startswith("-")],
        "compare takes folders of records and --format NAME, and prints",
    )
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
    rule, got, inside = f"{what} must be an existing folder of records", f"{folder[:80]!r}", Path(folder)
    if not os.path.isdir(folder):
        raise UsageError(f"{rule}; got {got}. Train something first.")
    if (inside / "record.json").is_file():
        raise UsageError(f"{rule}; got {got}, which is one record. Name the store that it lies in: {inside.parent}.")
    if (inside / "runs").is_dir() and next(inside.glob("*/record.json"), None) is None:
        raise UsageError(f"{rule}; got {got}, which holds none itself. Did you mean {inside / 'runs'}?")
    return inside
