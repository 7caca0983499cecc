"""The words of a command line on top of those of its sweep, and what Hydra composes of their choices."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seqbench.config.composer import Composed, Composer, check_keys, read_sweep
from seqbench.config.folder import GROUPS, Folders, did_you_mean
from seqbench.config.typed import leaves
from seqbench.config.words import ROOT_KEYS, Word, parse, render
from seqbench.schema import UsageError


@dataclass(frozen=True, kw_only=True)
class Request:
    """The words, merged with those of the sweep.

    Attributes:
        sweep: name of the sweep file, None without one.
        words: key -> word; the command line's replace those of the sweep.
        choices: group -> the choices its cells take.
        root: the composed keys of ``config.yaml`` beside the groups, before the words.
    """

    sweep: str | None
    words: Mapping[str, Word]
    choices: Mapping[str, tuple[str, ...]]
    root: Mapping[str, Any]


def read_request(texts: list[str], composer: Composer) -> Request:
    """The words of the command line on top of the sweep's."""
    choices_of = composer.folders.choices
    given = parse(texts, choices_of)
    sweep = _sweep_name(given)
    words = {key: word for key, word in given.items() if key != "sweep"}
    if sweep is not None:
        read_sweep(composer.folders, sweep)
    _check_choices(given, composer.folders)
    first = {group: given[group].values[0] for group in GROUPS if group in given and given[group].values}
    base = composer.compose({} if sweep else first, sweep)
    declared = parse(_sweep_texts(base, given, sweep), choices_of, f" (in sweep {sweep})")
    merged = {**declared, **words}
    defaults = {group: Word(key=group, values=(base.choices[group],)) for group in GROUPS}
    _check_choices(declared, composer.folders)
    taken = {group: merged.get(group, defaults[group]).values or (base.choices[group],) for group in GROUPS}
    return Request(
        sweep=sweep,
        words=merged,
        choices=taken,
        root={key: value for key, value in base.config.items() if key not in GROUPS},
    )


def _check_choices(words: Mapping[str, Word], folders: Folders) -> None:
    for group in GROUPS:
        for value in words[group].values if group in words else ():
            folders.file(group, value, words[group].origin)


def _sweep_name(given: Mapping[str, Word]) -> str | None:
    word = given.get("sweep")
    if word is None:
        return None
    if word.prefix in ("", "~"):
        written = f"{word.prefix}sweep{'=' if word.values else ''}{','.join(map(render, word.values))}"
        raise UsageError(f"a sweep must be added with a plus; got {written}. Write '+{written.lstrip('~')}'.")
    name = word.single()
    if isinstance(name, list):
        raise UsageError(f"one sweep runs at a time; got +sweep={render(name)}. Run the command once for each.")
    return str(name)


def _sweep_texts(base: Composed, given: Mapping[str, Word], sweep: str | None) -> list[str]:
    """The sweep's parameters at the scale that was asked for, as words."""
    params = dict(base.params)
    scale = given["scale"].single() if "scale" in given else base.config["scale"]
    scales = base.config["study"]["scales"]
    if scale != "default":
        if not isinstance(scale, str) or scale not in scales:
            if sweep is None:
                raise UsageError(
                    f"scale is one of a sweep's sizes; got scale={render(scale)} without a sweep. Add +sweep=NAME, or "
                    "set the sizes themselves: task.KEY=VALUE, model.KEY=VALUE."
                )
            raise UsageError(
                f"scale must be one of {', '.join(['default', *scales])} for sweep {sweep}; got {render(scale)}."
                f"{did_you_mean(str(scale), scales, 'scale=')}"
            )
        params |= _mapping(scales[scale], f"study.scales.{scale}")
    return [f"{key}={value if isinstance(value, str) else render(value)}" for key, value in params.items()]


def _mapping(node: Any, key: str) -> Mapping[str, Any]:
    if not isinstance(node, Mapping):
        raise UsageError(f"{key} must be a mapping of sweep parameters; got {render(node)[:80]}. Correct it.")
    return node


def compose_choices(request: Request, composer: Composer) -> Iterator[tuple[Composed, Composed]]:
    """As many compositions as the longest group has choices: nodes of different groups do not touch each other."""
    rounds = max(len(choices) for choices in request.choices.values())
    for index in range(rounds):
        taken = {group: choices[index % len(choices)] for group, choices in request.choices.items()}
        yield composer.under(taken, request.sweep)


def check_words(request: Request, bare: list[Composed]) -> None:
    """Refuse unknown keys, in words and in the sweep file, and prefixes that would add or remove a key."""
    if request.sweep is not None:
        check_keys(request.root, bare[0].config, request.sweep)
    for word in request.words.values():
        for composed in bare:
            _check_word(word, composed)


def _check_word(word: Word, composed: Composed) -> None:
    known = dict(leaves(composed.config))
    if word.key not in known and word.key not in GROUPS:
        group = word.key.partition(".")[0]
        owner = f"{group} {composed.choices[group]}" if group in GROUPS else "the configuration"
        keys = [key for key in known if key.startswith(f"{group}.")] or [*GROUPS, *ROOT_KEYS, "+sweep"]
        raise UsageError(
            f"a key must exist; {owner} has no {word.prefix}{word.key}{word.origin}."
            f"{did_you_mean(word.key, [*known, *GROUPS])} It has {', '.join(keys)}."
        )
    if word.prefix == "~":
        raise UsageError(f"a key cannot be removed; got ~{word.key}{word.origin}. Give it another value.")
    if word.prefix == "+":
        raise UsageError(
            f"+ is for +sweep=NAME only; {word.key} is there already. Write {word.key}=... without the plus."
        )
    if word.key in ("task.target", "task.version", "model.target", "model.version"):
        raise UsageError(
            f"{word.key} belongs to the YAML file; got it{word.origin or ' on the command line'}. Choose another file."
        )
    if word.key.partition(".")[0] not in GROUPS and word.key != "device":
        word.single()
