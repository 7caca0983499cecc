"""Words to a study: parse, compose, expand the swept keys to cells, check every one."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

from seqbench.config.cells import CellMaker, distinct
from seqbench.config.composer import Composed, Composer, check_keys, read_sweep
from seqbench.config.device import resolve_device
from seqbench.config.folder import GROUPS, Folders, did_you_mean, own_folder
from seqbench.config.typed import check, leaves
from seqbench.config.words import MAX_VALUES, ROOT_KEYS, Word, parse, render, split
from seqbench.schema import Cell, Options, Study, UsageError, require
from seqbench.tuning import Tuned

MAX_SEEDS = 10_000


@dataclass(frozen=True, kw_only=True)
class Request:
    """The words, merged with those of the sweep.

    Attributes:
        sweep: name of the sweep file, None without one.
        words: key -> word; the command line's replace those of the sweep.
        choices: group -> the choices its cells take.
        root: the configuration before the words, whose keys beside the groups are the settings.
    """

    sweep: str | None
    words: Mapping[str, Word]
    choices: Mapping[str, tuple[str, ...]]
    root: Mapping[str, Any]


def read_study(words: Sequence[str], config_dir: Path | None = None) -> Study:
    """See ``seqbench.config.compose``."""
    user, texts = split(words)
    folders = Folders(own=own_folder(), user=user or config_dir)
    with Composer(folders) as composer:
        request = _read_request(texts, composer)
        nodes = list(_compose_choices(request, composer))
        _check_words(request, [bare for _, bare in nodes])
    if request.sweep is not None:
        check_keys(request.root, nodes[0][1].config, request.sweep)
    settings = _settings(request)
    about = settings["study"]
    tuned = Tuned.read(folders.file("tuned", about["tuned"])) if about["tuned"] else Tuned()
    options, seeds = _options(settings), _seeds(settings["seeds"])
    _check_plugins(settings["plugins"])
    asked = request.words["device"].values if "device" in request.words else (settings["device"],)
    devices = {name: resolve_device(name) for name in asked}
    maker = CellMaker(
        nodes=nodes, words=request.words, tuned=tuned, folders=folders, settings=settings, sweep=request.sweep
    )
    cells = [
        replace(maker.make(choices, values, devices[values.get("device", asked[0])]), seeds=seeds)
        for choices, values in _combinations(request)
    ]
    return _study(request, about, tuned, distinct(cells), options, folders)


def _read_request(texts: list[str], composer: Composer) -> Request:
    """The words of the command line on top of the sweep's."""
    choices_of = composer.folders.choices
    given = parse(texts, choices_of)
    sweep = _sweep_name(given)
    words = {key: word for key, word in given.items() if not (key == "sweep" and word.prefix)}
    if sweep is not None:
        read_sweep(composer.folders, sweep)
    base = composer.compose({}, sweep)
    declared = parse(_sweep_texts(base, given, sweep), choices_of, f" (in sweep {sweep})")
    merged = {**declared, **words}
    defaults = {group: Word(key=group, values=(base.choices[group],)) for group in GROUPS}
    choices = {group: merged.get(group, defaults[group]) for group in GROUPS}
    for group, word in choices.items():
        for value in word.values:
            composer.folders.file(group, value, word.origin)
    taken = {group: word.values for group, word in choices.items()}
    return Request(sweep=sweep, words=merged, choices=taken, root=beside_groups(base.config))


def _sweep_name(given: Mapping[str, Word]) -> str | None:
    word = given.get("sweep")
    if word is None:
        return None
    name = word.single()
    if word.prefix in ("", "~"):
        raise UsageError(f"a sweep must be added with a plus; got {word.prefix}sweep={name}. Write '+sweep={name}'.")
    if isinstance(name, list):
        raise UsageError(f"one sweep runs at a time; got +sweep={render(name)}. Run the command once for each.")
    return str(name)


def _sweep_texts(base: Composed, given: Mapping[str, Word], sweep: str | None) -> list[str]:
    """The sweep's parameters at the scale that was asked for, as words."""
    params = dict(base.params)
    scale = given["scale"].single() if "scale" in given else base.config["scale"]
    scales = base.config["study"]["scales"]
    if scale != "default":
        if scale not in scales:
            owner = f"sweep {sweep}" if sweep else "a single cell"
            raise UsageError(
                f"scale must be one of {', '.join(['default', *scales])} for {owner}; got {render(scale)}."
                f"{did_you_mean(str(scale), scales, 'scale=')}"
            )
        params |= scales[scale]
    return [f"{key}={value if isinstance(value, str) else render(value)}" for key, value in params.items()]


def _compose_choices(request: Request, composer: Composer) -> Iterator[tuple[Composed, Composed]]:
    """As many compositions as the longest group has choices: nodes of different groups do not touch each other."""
    rounds = max(len(choices) for choices in request.choices.values())
    for index in range(rounds):
        taken = {group: choices[index % len(choices)] for group, choices in request.choices.items()}
        yield composer.under(taken, request.sweep)


def _check_words(request: Request, bare: list[Composed]) -> None:
    """Refuse unknown keys, and prefixes that would add or remove what cannot be."""
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


def _settings(request: Request, root: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of ``config.yaml`` beside the groups, with the words' values, checked for their types."""
    settings = {
        key: dict(node) if isinstance(node, Mapping) else node for key, node in root.items() if key not in GROUPS
    }
    for word in request.words.values():
        group, _, name = word.key.partition(".")
        if group in GROUPS:
            continue
        default = settings[group][name] if name else settings[group]
        values = [check(word.key, value, default, word.origin) for value in word.values]
        if word.key == "device":
            continue
        if name:
            settings[group][name] = values[0]
        else:
            settings[group] = values[0]
    return settings


def _combinations(request: Request) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """(group -> choice, dotted key -> value) of each cell, the last swept key fastest."""
    keys = [key for key in request.words if key not in GROUPS and (key == "device" or key.partition(".")[0] in GROUPS)]
    axes: list[Iterable[Any]] = [request.choices[group] for group in GROUPS]
    axes += [request.words[key].values for key in keys]
    count = 1
    for axis in axes:
        count *= len(tuple(axis))
    if count > MAX_VALUES:
        raise UsageError(f"a study must have at most {MAX_VALUES} cells; got {count}. Sweep fewer values.")
    for combination in itertools.product(*axes):
        yield dict(zip(GROUPS, combination, strict=False)), dict(zip(keys, combination[len(GROUPS) :], strict=True))


def _seeds(value: int | list[Any]) -> tuple[int, ...]:
    """Seeds 0 .. n-1, or those of a list."""
    if isinstance(value, int):
        require(1 <= value <= MAX_SEEDS, "seeds", f"1 to {MAX_SEEDS} members, or a list such as [0,3]", value)
        return tuple(range(value))
    shown = render(value)[:80]
    whole = all(type(seed) is int and 0 <= seed < 2**31 for seed in value)
    require(bool(value) and whole, "seeds", "whole numbers from 0 to 2147483647", shown)
    require(len(set(value)) == len(value), "seeds", "different from each other", shown)
    require(len(value) <= MAX_SEEDS, "seeds", f"at most {MAX_SEEDS}", len(value))
    return tuple(value)


def _options(settings: Mapping[str, Any]) -> Options:
    rerun = get_args(get_type_hints(Options)["rerun"])
    if settings["rerun"] not in rerun:
        near = did_you_mean(settings["rerun"], rerun, "rerun=")
        raise UsageError(f"rerun must be one of {', '.join(rerun)}; got {render(settings['rerun'])}.{near}")
    lanes = settings["lanes"]
    require(
        lanes == "auto" or (type(lanes) is int and lanes >= 1), "lanes", "auto or a whole number of at least 1", lanes
    )
    for key in ("store", "out"):
        require(bool(settings[key].strip()), key, "the path of a folder", render(settings[key]))
    return Options(
        store=settings["store"],
        out=settings["out"],
        lanes=None if lanes == "auto" else lanes,
        rerun=settings["rerun"],
        cost=settings["cost"],
        report=settings["report"],
    )


def _check_plugins(plugins: list[Any]) -> None:
    for name in plugins:
        valid = isinstance(name, str) and all(part.isidentifier() for part in name.split("."))
        require(valid, "plugins", "a list of module names such as [mine]", render(name))


def _study(
    request: Request,
    about: Mapping[str, Any],
    tuned: Tuned,
    cells: tuple[Cell, ...],
    options: Options,
    folders: Folders,
) -> Study:
    if about["reference"] is not None:
        folders.file("model", about["reference"], " as study.reference")
    name = about["name"] or request.sweep
    return Study(
        name=name,
        description=about["description"],
        reference=about["reference"],
        tuning="" if "model.learning_rate" in request.words else tuned.sentence(_pair(cell) for cell in cells),
        cells=tuple(replace(cell, study=name) for cell in cells),
        options=options,
        expected_steps=tuned.steps,
    )


def _pair(cell: Cell) -> tuple[str, str]:
    return cell.labels["task"], cell.labels["model"]
