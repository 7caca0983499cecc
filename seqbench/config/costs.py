"""The words of ``cost`` that are about measuring: ``lengths``, ``rounds``, ``backends``, ``seconds``."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from seqbench.config.folder import Folders, did_you_mean, own_folder
from seqbench.config.study import read_study
from seqbench.config.words import Word, parse, render, split
from seqbench.schema import BACKENDS, Costs, Study, UsageError, require

KEYS = ("lengths", "rounds", "backends", "seconds")
MAX_ROUNDS, MAX_LENGTH, MAX_SECONDS = 1000, 2**31 - 1, 600.0


def read_costs(words: Sequence[str]) -> tuple[Study, Costs]:
    """The cells that the words ask for, and what is to be measured of them.

    Raises:
        UsageError: the first thing that is wrong: the rule, what arrived, what to do.
    """
    _, texts = split(words)
    mine = [text for text in texts if text.partition("=")[0] in KEYS]
    own = ["lengths=null", "bisect=null"] if any(text.startswith("lengths=") for text in mine) else []  # of a sweep
    study = read_study([*(word for word in words if word not in mine), *own])
    if study.options.launcher is not None:
        raise UsageError("cost must run on this machine, alone; got a launcher. Remove hydra/launcher=.")
    if seeds := [text for text in texts if text.partition("=")[0].lstrip("+") == "seeds"]:
        raise UsageError(
            f"cost must be given no seeds: it measures untrained models, in rounds; got {seeds[0][:80]!r}. Remove it, "
            "or say how many rounds=N."
        )
    given = parse(mine, Folders(own=own_folder()).choices)
    costs = Costs()
    if "lengths" in given:
        costs = replace(costs, lengths=_lengths(_listed(given["lengths"])))
    if "backends" in given:
        costs = replace(costs, backends=_backends(_listed(given["backends"])))
    if "rounds" in given:
        costs = replace(costs, rounds=_rounds(given["rounds"].single()))
    if "seconds" in given:
        costs = replace(costs, seconds=_seconds(given["seconds"].single()))
    return study, costs


def _listed(word: Word) -> list[Any]:
    """Values written as a list, or with commas, which elsewhere would sweep."""
    first = word.values[0] if word.values else None
    return list(first) if len(word.values) == 1 and isinstance(first, list) else list(word.values)


def _lengths(values: list[Any]) -> tuple[int, ...]:
    whole = all(type(value) is int and 1 <= value <= MAX_LENGTH for value in values)
    require(bool(values) and whole, "lengths", f"whole numbers from 1 to {MAX_LENGTH}", render(values)[:80])
    require(len(set(values)) == len(values), "lengths", "different from each other", render(values)[:80])
    return tuple(sorted(values))


def _backends(values: list[Any]) -> tuple[Any, ...]:
    for value in values:
        if value not in BACKENDS:
            near = did_you_mean(str(value), BACKENDS)
            raise UsageError(f"backends must be some of {', '.join(BACKENDS)}; got {render(value)[:80]}.{near}")
    require(bool(values), "backends", f"some of {', '.join(BACKENDS)}", render(values)[:80])
    require(len(set(values)) == len(values), "backends", "different from each other", render(values)[:80])
    return tuple(values)


def _rounds(value: Any) -> int:
    valid = type(value) is int and 1 <= value <= MAX_ROUNDS
    require(valid, "rounds", f"a whole number from 1 to {MAX_ROUNDS}", render(value)[:80])
    return value


def _seconds(value: Any) -> float:
    valid = type(value) in (int, float) and 0 < value <= MAX_SECONDS
    require(valid, "seconds", f"above 0 and at most {MAX_SECONDS:g}", render(value)[:80])
    return float(value)
