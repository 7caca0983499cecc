"""Checks of the values a user wrote: the rule, what arrived and what to write instead in one UsageError."""

import difflib
import os

from seqbench.schema import UsageError


def check_count(key: str, value: object, minimum: int, maximum: int | None = None) -> None:
    """Raise UsageError unless ``value`` is an integer from ``minimum`` to ``maximum``.

    >>> check_count("task.delay", 2.5, minimum=1)
    Traceback (most recent call last):
    seqbench.schema.UsageError: task.delay must be an integer of at least 1; got 2.5. Write e.g. task.delay=1.
    """
    if isinstance(value, int) and not isinstance(value, bool) and minimum <= value <= (maximum or value):
        return
    rule = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
    raise UsageError(f"{key} must be an integer {rule}; got {repr(value)[:80]}. Write e.g. {key}={minimum}.")


def check_choice(key: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise UsageError unless ``value`` is one of ``choices``.

    >>> check_choice("task.scored", "al", ("answers", "all"))
    Traceback (most recent call last):
    seqbench.schema.UsageError: task.scored must be answers or all; got 'al'. Write task.scored=all.
    """
    if value not in choices:
        near = difflib.get_close_matches(str(value), choices, 1, cutoff=0.0)[0]
        raise UsageError(f"{key} must be {' or '.join(choices)}; got {repr(value)[:80]}. Write {key}={near}.")


def check_outside(key: str, path: str | os.PathLike[str], store: str | os.PathLike[str]) -> None:
    """Raise UsageError where ``path``, links followed, is the folder ``store`` or lies in it.

    >>> check_outside("out", "runs/report", store="runs")
    Traceback (most recent call last):
    seqbench.schema.UsageError: out must lie outside the store 'runs', which is for records alone; ...
    """
    try:
        inner, outer = os.path.realpath(path), os.path.realpath(store)
    except (OSError, ValueError):  # no working folder, or no path: whoever opens it says so
        return
    if os.path.commonpath([inner, outer]) == outer:
        raise UsageError(
            f"{key} must lie outside the store {os.fspath(store)!r}, which is for records alone; got "
            f"{os.fspath(path)!r}. Choose another place with {key}=PATH; the store may lie inside it."
        )
