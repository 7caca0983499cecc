"""The keys of ``config.yaml`` beside the groups: seeds, folders, lanes and what else is no part of a node."""

import os
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, get_args, get_type_hints

from seqbench.config.composer import FREE
from seqbench.config.folder import did_you_mean
from seqbench.config.request import Request
from seqbench.config.typed import check, leaves
from seqbench.config.words import render
from seqbench.schema import Options, UsageError, require
from seqbench.values import check_outside

MAX_SEEDS = 10_000
LANES_A_CORE = 8
"""Lanes for each core at most: more than one share it, a few may hide waiting, and dozens fill the memory."""


def read_settings(request: Request, plain: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a request, each of the type that ``plain``, the configuration without sweep and words, has."""
    settings: dict[str, Any] = {key: deepcopy(value) for key, value in request.root.items()}
    for key, default in leaves({key: plain[key] for key in settings}):
        group, _, name = key.partition(".")
        home, last = (settings[group], name) if name else (settings, group)
        if key != FREE:
            home[last] = check(key, home[last], default, f" (in sweep {request.sweep})")
        if key in request.words:
            word = request.words[key]
            home[last] = next(check(key, value, default, word.origin) for value in word.values)
    _check_plugins(settings["plugins"])
    return settings


def read_seeds(value: int | list[Any]) -> tuple[int, ...]:
    """Seeds 0 .. n-1, or those of a list."""
    if isinstance(value, int):
        require(1 <= value <= MAX_SEEDS, "seeds", f"1 to {MAX_SEEDS} members, or a list such as [0,3]", value)
        return tuple(range(value))
    shown = render(value)[:80]
    whole = all(type(seed) is int and 0 <= seed < 2**31 for seed in value)
    require(bool(value) and whole, "seeds", "whole numbers, one or more, from 0 to 2147483647", shown)
    require(len(set(value)) == len(value), "seeds", "different from each other", shown)
    require(len(value) <= MAX_SEEDS, "seeds", f"at most {MAX_SEEDS}", len(value))
    return tuple(value)


def read_options(settings: Mapping[str, Any]) -> Options:
    """What a command does with its cells.

    Raises:
        UsageError: naming the setting that makes no sense.
    """
    for key in ("rerun", "reuse"):
        _check_choice(key, settings[key])
    lanes, seconds = settings["lanes"], settings["checkpoint_s"]
    require(
        lanes == "auto" or (type(lanes) is int and lanes >= 1), "lanes", "auto or a whole number of at least 1", lanes
    )
    require(seconds is None or seconds >= 0, "checkpoint_s", "at least 0, or null for none", seconds)
    for key in ("store", "out"):
        require(bool(settings[key].strip()), key, "the path of a folder", render(settings[key]))
    if settings["report"]:
        check_outside("out", settings["out"], settings["store"])
    return Options(
        store=settings["store"],
        out=settings["out"],
        lanes=None if lanes == "auto" else lanes,
        rerun=settings["rerun"],
        reuse=settings["reuse"],
        checkpoint_s=seconds,
        cost=settings["cost"],
        report=settings["report"],
    )


def check_lanes(lanes: int | None) -> None:
    """Refuse more lanes than this machine could use: each is a process with a torch of its own.

    Raises:
        UsageError: there are more than ``LANES_A_CORE`` for each core that this process may use.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    most = LANES_A_CORE * cores
    rule = f"auto or at most {most}, {LANES_A_CORE} for each of the cores that this process may use"
    require(lanes is None or lanes <= most, "lanes", rule, lanes)


def _check_choice(key: str, value: str) -> None:
    choices = get_args(get_type_hints(Options)[key])
    if value not in choices:
        near = did_you_mean(value, choices, f"{key}=")
        raise UsageError(f"{key} must be one of {', '.join(choices)}; got {render(value)}.{near}")


def _check_plugins(plugins: list[Any]) -> None:
    for name in plugins:
        valid = isinstance(name, str) and all(part.isidentifier() for part in name.split("."))
        require(valid, "plugins", "a list of module names such as [mine]", render(name))
