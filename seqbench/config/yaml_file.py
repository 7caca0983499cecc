"""YAML files of the user's, looked at before anything is built from them: a few lines can ask for gigabytes."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from seqbench.schema import UsageError

MAX_BYTES = 1 << 16
MAX_DEPTH = 20
MAX_ALIASES = 20
"""Ten levels of two already are 1024 copies; configuration needs a handful."""


def check_yaml(file: Path) -> None:
    """Refuse a file that is too large, nests too deeply or repeats itself too often to be configuration.

    Nor may its defaults list hold an interpolation, which Hydra would resolve, to a secret of the environment say. What
    is no YAML at all passes here: whoever reads it says so.

    Raises:
        UsageError: naming the file and the limit.
    """
    size = file.stat().st_size
    if size > MAX_BYTES:
        raise _refusal(file, f"have at most {MAX_BYTES} bytes; got {size}")
    depth = aliases = 0
    try:
        for event in yaml.parse(file.read_bytes(), Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            aliases += isinstance(event, yaml.AliasEvent)
            if depth > MAX_DEPTH:
                raise _refusal(file, f"nest at most {MAX_DEPTH} deep; it goes deeper")
            if aliases > MAX_ALIASES:
                raise _refusal(file, f"use at most {MAX_ALIASES} aliases (*name); it uses more")
        document = yaml.compose(file.read_bytes(), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError):
        return
    if any("${" in text for text in _texts_of_defaults(document)):
        raise _refusal(file, "be plain, without '${...}' in its defaults list; it has one")


def _texts_of_defaults(document: yaml.Node | None) -> Iterator[str]:
    """As they are written: what a text stands for, a date say, is not asked."""
    if isinstance(document, yaml.MappingNode):
        for key, value in document.value:
            if key.value == "defaults":
                yield from _texts(value)


def _texts(node: yaml.Node, around: tuple[yaml.Node, ...] = ()) -> Iterator[str]:
    if isinstance(node, yaml.ScalarNode):
        yield node.value
    elif node not in around:  # an alias may lead back to what it lies in
        for item in node.value:
            for part in item if isinstance(item, tuple) else (item,):
                yield from _texts(part, (*around, node))


def _refusal(file: Path, rule: str) -> UsageError:
    return UsageError(f"a YAML file in --config-dir must {rule}: {str(file)!r}. Write its values out, or remove it.")
