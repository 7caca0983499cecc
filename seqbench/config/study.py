"""Words to a study: parse, compose, expand the swept keys to cells, check every one."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

from seqbench.config.cells import CellMaker, distinct
from seqbench.config.composer import Composer
from seqbench.config.folder import GROUPS, Folders, own_folder
from seqbench.config.launcher import device_of, read_launcher
from seqbench.config.lengths import Lengths
from seqbench.config.request import Request, check_words, compose_choices, read_request
from seqbench.config.settings import check_lanes, read_options, read_seeds, read_settings
from seqbench.config.words import MAX_VALUES, split
from seqbench.schema import Bisection, Cell, Launcher, Options, Study, UsageError, length_key
from seqbench.tuning import Tuned

Make = Callable[[Mapping[str, Any]], Cell]
"""Dotted key -> value, on top of a combination -> its cell."""


def read_study(words: Sequence[str], config_dir: Path | None = None) -> Study:
    """See ``seqbench.config.compose``."""
    user, texts = split(words)
    folders = Folders(own=own_folder(), user=user or config_dir)
    launcher, texts = read_launcher(texts, folders.choices)
    with Composer(folders) as composer:
        request = read_request(texts, composer)
        nodes = list(compose_choices(request, composer))
    check_words(request, [bare for _, bare in nodes])
    settings = read_settings(request, nodes[0][1].config)
    options, name = read_options(settings), settings["study"]["name"] or request.sweep
    if launcher is not None:  # whatever machine trained a run: it is done
        options = replace(options, launcher=launcher, reuse="any")
    else:
        check_lanes(options.lanes)
    lengths = Lengths.read(settings, request.words, nodes)
    table = settings["study"]["tuned"]
    maker = CellMaker(
        nodes=nodes,
        words={**request.words, **lengths.words()},
        tuned=Tuned.read(folders.file("tuned", table)) if table else Tuned(),
        folders=folders,
        settings=settings,
        sweep=request.sweep,
    )
    seeds = read_seeds(settings["seeds"])
    made = [
        (replace(make(changes), study=name, seeds=seeds), make)
        for choices, make in _makes(request, maker, launcher, len(lengths.values or (0,)))
        for changes in lengths.of(choices["task"])
    ]
    study = _study(name, maker, distinct([cell for cell, _ in made]), options)
    return replace(study, bisection=_bisection(lengths, {cell.curve: make for cell, make in made}))


def _makes(
    request: Request, maker: CellMaker, launcher: Launcher | None, lengths: int
) -> Iterator[tuple[Mapping[str, str], Make]]:
    """(group -> choice, what makes its cell from further values) of each combination."""
    asked = request.words["device"].values if "device" in request.words else (maker.settings["device"],)
    devices = {name: device_of(name, launcher) for name in asked}
    for choices, values in _combinations(request, lengths):
        yield choices, partial(_make, maker, choices, values, devices[values.get("device", asked[0])])


def _make(
    maker: CellMaker, choices: Mapping[str, str], values: Mapping[str, Any], device: str, changes: Mapping[str, Any]
) -> Cell:
    return maker.make(choices, {**values, **changes}, device, [key.removeprefix("task.") for key in changes])


def _bisection(lengths: Lengths, makes: Mapping[str, Make]) -> Bisection | None:
    """How further lengths are made: as the others of their curve, from the code that these were read from."""
    if lengths.ratio is None:
        return None

    def at(cell: Cell, length: int) -> Cell:
        made = makes[cell.curve]({f"task.{length_key(cell.task)}": length})
        return replace(made, study=cell.study, seeds=cell.seeds, sources=cell.sources)

    return Bisection(ratio=lengths.ratio, at=at)


def _combinations(request: Request, lengths: int) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """(group -> choice, dotted key -> value) of each cell, the last swept key fastest."""
    keys = [key for key in request.words if key not in GROUPS and (key == "device" or key.partition(".")[0] in GROUPS)]
    axes: list[tuple[Any, ...]] = [request.choices[group] for group in GROUPS]
    axes += [request.words[key].values for key in keys]
    count = prod(len(axis) for axis in axes) * lengths
    if count > MAX_VALUES:
        raise UsageError(f"a study must have at most {MAX_VALUES} cells; got {count}. Sweep fewer values.")
    for combination in itertools.product(*axes):
        yield dict(zip(GROUPS, combination, strict=False)), dict(zip(keys, combination[len(GROUPS) :], strict=True))


def _study(name: str | None, maker: CellMaker, cells: tuple[Cell, ...], options: Options) -> Study:
    about, tuned = maker.settings["study"], maker.tuned
    if about["reference"] is not None:
        maker.folders.file("model", about["reference"], " as study.reference")
    pairs = [(cell.labels["task"], cell.labels["model"]) for cell in cells]
    given = "model.learning_rate" in maker.words
    return Study(
        name=name,
        description=about["description"],
        reference=about["reference"],
        tuning="" if given else tuned.sentence(pairs),
        cells=cells,
        options=options,
        expected_steps=tuned.steps,
        trials={} if given else {pair: tuned.trials_of(pair) for pair in pairs},
    )
