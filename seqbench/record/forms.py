"""The form of fields: their text without the numbers and texts in it, which are nearly all that two records differ in.

A form is judged once, with everything that reading checks; of fields that have a known form only the numbers and texts
are read. What is accepted, and what comes out, is the same.
"""

import json
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from seqbench.record.shape import MAX_NUMBER

Read = tuple[dict[str, Any], list[str]]
"""Name -> value of fields, and of each the canonical JSON, ``"name":value``, that the checksum is made of."""

BETWEEN = ',\n "'
"""What lies between two fields of a document: no text in JSON holds a line break, and what is deeper is indented."""

_SCALAR = re.compile(r'": ("[ !#-\[\]-~]*"|-?[0-9][0-9.e+-]*)')
"""A number, or a text that JSON writes as it is, after a key; fields with a text that looks like this have no form."""
_REMEMBERED = 10_000


class _Hole(int):
    """The number of the scalar whose place it holds, in the pattern of a form."""


class _Form(NamedTuple):
    """What fields have in common.

    Attributes:
        pattern: name -> value, with holes for scalars.
        around: canonical JSON before, between and after the scalars, with a line break between fields.
    """

    pattern: Any
    around: Sequence[str]

    def filled(self, scalars: Sequence[str]) -> Read:
        """The fields with these scalars. Raises ValueError for a number that seqbench would not write."""
        values, written = [], [self.around[0]]
        for scalar, after in zip(scalars, self.around[1:], strict=True):
            value, canonical = (interned(scalar[1:-1]), scalar) if scalar[0] == '"' else _number(scalar)
            values.append(value)
            written += canonical, after
        return _value(self.pattern, values), "".join(written).split("\n")


class Forms:
    """Reads fields, and remembers their forms.

    Args:
        judge: reads any fields by their texts, with all checks; none may depend on what a text says.
    """

    def __init__(self, judge: Callable[[Sequence[str]], Read]) -> None:
        self._judge = judge
        self._known: dict[tuple[Any, ...], _Form] = {}

    def read(self, parts: Sequence[str]) -> Read:
        """The fields in parts of a document, each as in ``name": value``. Raises what ``judge`` raises."""
        pieces = _SCALAR.split(BETWEEN.join(parts))
        scalars = pieces[1::2]
        key = *pieces[::2], *[scalar[0] == '"' for scalar in scalars]
        form = self._known.get(key)
        if form is not None:
            return form.filled(scalars)
        read = self._judge(parts)
        form = _form(pieces)
        if repr(form.filled(scalars)) == repr(read):  # else they hold what this module does not foresee
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = form
        return read


def _form(pieces: Sequence[str]) -> _Form:
    holes = "".join([f'": {index // 2}e0' if index % 2 else piece for index, piece in enumerate(pieces)])
    pattern = json.loads(f'{{"{holes}}}', parse_float=_float_or_hole)
    fields = "\0".join(pieces[::2]).split(BETWEEN)
    canonical = [re.sub("\n *", "", field).replace('": ', '":').replace("\0", '":\0') for field in fields]
    return _Form(interned(pattern), "\n".join([f'"{field}' for field in canonical]).split("\0"))


def _float_or_hole(text: str) -> float:
    """What is left are numbers in lists; none is written with ``e0``."""
    return _Hole(text[:-2]) if text.endswith("e0") else float(text)


def _number(scalar: str) -> tuple[float | int, str]:
    value = float(scalar) if "." in scalar or "e" in scalar else int(scalar)
    if repr(value) != scalar or abs(value) > MAX_NUMBER:
        raise ValueError("a number is not written as seqbench writes")
    return value, str(int(value)) if isinstance(value, float) and value.is_integer() else scalar


def _value(pattern: Any, values: Sequence[Any]) -> Any:
    kind = type(pattern)
    if kind is _Hole:
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
