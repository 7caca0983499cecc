"""The form of a field: its text without the numbers and texts in it, which are nearly all that two records differ in.

A form is judged once, with everything that reading checks; of a field that has a known form only its numbers and texts
are read. What is accepted, and what comes out, is the same.
"""

import json
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from seqbench.record.shape import MAX_NUMBER

Read = tuple[Any, str]
"""The value of a field, and its part of the canonical JSON that the checksum is made of."""

_SCALAR = re.compile(r'((?<!\\)"[ !#-\[\]-~]*"|-?[0-9][0-9.e+-]*)(?=,?$)', re.MULTILINE)
"""A number, or a text that JSON writes as it is, at the end of its line: as a value, and never in a text or a key."""
_REMEMBERED = 10_000


class _Form(NamedTuple):
    """What fields have in common.

    Attributes:
        pattern: their value, with a scalar's number in place of each scalar.
        between: their canonical JSON before, between and after the scalars.
    """

    pattern: Any
    between: Sequence[str]

    def filled(self, scalars: Sequence[str]) -> Read:
        """The field with these scalars. Raises ValueError for a number that seqbench would not write."""
        values, written = [], [self.between[0]]
        for scalar, after in zip(scalars, self.between[1:], strict=True):
            value, canonical = (interned(scalar[1:-1]), scalar) if scalar[0] == '"' else _number(scalar)
            values.append(value)
            written += canonical, after
        return _value(self.pattern, values), "".join(written)


class Forms:
    """Reads fields, and remembers their forms.

    Args:
        judge: reads any field by its name and its text, with all checks; none may depend on what a text says.
    """

    def __init__(self, judge: Callable[[str, str], Read]) -> None:
        self._judge = judge
        self._known: dict[tuple[Any, ...], _Form] = {}

    def read(self, name: str, piece: str) -> Read:
        """The field of that name in a piece of a document. Raises what ``judge`` raises."""
        parts = _SCALAR.split(piece)
        scalars = parts[1::2]
        key = name, *parts[::2], *[scalar[0] == '"' for scalar in scalars]
        form = self._known.get(key)
        if form is not None:
            return form.filled(scalars)
        read = self._judge(name, piece)
        if scalars:
            self._learn(key, parts, read)
        return read

    def _learn(self, key: tuple[Any, ...], parts: Sequence[str], read: Read) -> None:
        numbered = [part if index % 2 == 0 else str(index // 2) for index, part in enumerate(parts)]
        between = [re.sub(r"\n *", "", part).replace('": ', '":') for part in parts[::2]]
        form = _Form(interned(json.loads("".join(numbered))), between)
        if repr(form.filled(parts[1::2])) == repr(read):  # else it holds what this module does not foresee
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = form


def _number(scalar: str) -> tuple[float | int, str]:
    value = float(scalar) if "." in scalar or "e" in scalar else int(scalar)
    if repr(value) != scalar or abs(value) > MAX_NUMBER:
        raise ValueError("a number is not written as seqbench writes")
    return value, str(int(value)) if isinstance(value, float) and value.is_integer() else scalar


def _value(pattern: Any, values: Sequence[Any]) -> Any:
    kind = type(pattern)
    if kind is int:
        return values[pattern]
    if kind is dict:
        return {key: _value(item, values) for key, item in pattern.items()}
    return [_value(item, values) for item in pattern] if kind is list else pattern


def interned(value: Any) -> Any:
    """The value with one object for each key and each short text, which recur in all records."""
    if isinstance(value, str):
        return sys.intern(value) if len(value) <= 40 else value
    if isinstance(value, dict):
        return {sys.intern(key): interned(item) for key, item in value.items()}
    return [interned(item) for item in value] if isinstance(value, list) else value
