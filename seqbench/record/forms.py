"""The form of fields: their text without the numbers and texts in it, which are nearly all that two records differ in.

A form is judged once, with everything that reading checks; of fields that have a known form only the numbers and texts
are read. What is accepted, and what comes out, is the same.
"""

import json
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson

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

    def taken(self, values: Sequence[Any]) -> Any:
        """The scalar itself."""
        return values[self]


class _Form(NamedTuple):
    """What fields have in common.

    Attributes:
        build: makes the fields of all scalars.
        around: canonical JSON before, between and after the scalars, with a line break between fields.
        texts, numbers: which of the scalars are texts, and which are numbers.
    """

    build: Callable[[Sequence[Any]], dict[str, Any]]
    around: Sequence[str]
    texts: Sequence[int]
    numbers: Sequence[int]

    def filled(self, scalars: Sequence[str]) -> Read:
        """The fields with these scalars. Raises ValueError for a number that seqbench would not write."""
        values = orjson.loads(f"[{','.join(scalars)}]")
        numbers = [values[at] for at in self.numbers]
        written = list(map(repr, numbers))
        if written != [scalars[at] for at in self.numbers] or max(map(abs, numbers), default=0) > MAX_NUMBER:
            raise ValueError("a number is not written as seqbench writes")
        canonical = list(scalars)
        for at, number in zip(self.numbers, numbers, strict=True):
            if type(number) is float and number.is_integer():
                canonical[at] = str(int(number))
        for at in self.texts:
            values[at] = interned(values[at])
        pieces = [*self.around, *canonical]
        pieces[::2], pieces[1::2] = self.around, canonical
        return self.build(values), "".join(pieces).split("\n")


class Forms:
    """Reads fields, and remembers their forms.

    Args:
        judge: reads any fields by their texts, with all checks; none may depend on what a text says, nor on more of a
            number than whether digits are all that it is written with.
    """

    def __init__(self, judge: Callable[[Sequence[str]], Read]) -> None:
        self._judge = judge
        self._known: dict[tuple[Any, ...], _Form] = {}

    def read(self, parts: Sequence[str]) -> Read:
        """The fields in parts of a document, each as in ``name": value``. Raises what ``judge`` raises."""
        pieces = _SCALAR.split(BETWEEN.join(parts))
        scalars = pieces[1::2]
        key = *pieces[::2], *['"' if scalar[0] == '"' else scalar.isdigit() for scalar in scalars]
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
    texts = [at for at, scalar in enumerate(pieces[1::2]) if scalar[0] == '"']
    numbers = [at for at, scalar in enumerate(pieces[1::2]) if scalar[0] != '"']
    return _Form(
        _builder(interned(pattern)), "\n".join([f'"{field}' for field in canonical]).split("\0"), texts, numbers
    )


def _float_or_hole(text: str) -> float:
    """What is left are numbers in lists; none is written with ``e0``."""
    return _Hole(text[:-2]) if text.endswith("e0") else float(text)


def _builder(pattern: Any) -> Callable[[Sequence[Any]], Any]:
    """What puts scalars into the holes of a pattern; every mapping and list that it makes is new."""
    if type(pattern) is list:
        items = [_builder(item) for item in pattern]
        return lambda values: [build(values) for build in items]
    if type(pattern) is not dict:
        return pattern.taken if type(pattern) is _Hole else lambda values: pattern
    holes = {key: item for key, item in pattern.items() if type(item) is _Hole}
    inner = [(key, _builder(item)) for key, item in pattern.items() if type(item) in (dict, list)]
    names, places = tuple(holes), tuple(holes.values())

    def built(values: Sequence[Any]) -> dict[str, Any]:
        found = pattern.copy()
        found.update(zip(names, [values[at] for at in places], strict=True))
        for key, build in inner:
            found[key] = build(values)
        return found

    return built


def interned(value: Any) -> Any:
    """The value with one object for each key and each short text, which recur in all records."""
    if isinstance(value, str):
        return sys.intern(value) if len(value) <= 40 else value
    if isinstance(value, dict):
        return {sys.intern(key): interned(item) for key, item in value.items()}
    return [interned(item) for item in value] if isinstance(value, list) else value
