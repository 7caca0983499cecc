"""Types of values: what a key takes is told by its value in the YAML files, and by ``schema.Train`` for ``train``."""

import math
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Any, get_args, get_type_hints

from seqbench.config.words import render
from seqbench.schema import Train, UsageError, require

Types = tuple[type, ...]

_NAMES: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    str: "text",
    list: "a list such as [a,b]",
    NoneType: "null",
}
_DECLARED: dict[str, Types] = {
    "seeds": (int, list),
    "lanes": (int, str),
    "checkpoint_s": (NoneType, float),
    "lengths": (NoneType, list),
    "bisect": (NoneType, float),
    "study.name": (NoneType, str),
    "study.reference": (NoneType, str),
    "study.tuned": (NoneType, str),
}


def leaves(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of every value of a nested mapping; an empty mapping is a value.

    >>> dict(leaves({"a": {"b": 1}, "c": {}}))
    {'a.b': 1, 'c': {}}
    """
    for key, value in node.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def check(key: str, value: Any, default: Any, origin: str = "") -> Any:
    """``value`` as the key's type (a whole number becomes a float where a float is due).

    Args:
        key: dotted, e.g. "model.width".
        value: plain value as Hydra's grammar read it.
        default: the key's value in the YAML file, which tells its type.
        origin: where it was written, for the message.

    Raises:
        UsageError: another type, not finite, or beyond 64 bits.
    """
    types = _types(key, default)
    fitted = _fit(value, types)
    if fitted is _MISFIT:
        names = " or ".join(_NAMES[kind] for kind in types if kind in _NAMES) or "given key by key"
        number = isinstance(value, int | float)
        quote = f" Quote it if you mean text: {key}=\"'{value}'\"." if number and str in types else ""
        raise UsageError(f"{key} must be {names}; got {render(value)[:80]}{origin}.{quote}")
    if key == "model.learning_rate":
        require(fitted > 0, key, "above 0", f"{render(value)}{origin}")
    if key == "task.budget":
        require(fitted >= 1, key, "at least 1", f"{render(value)}{origin}")
    if isinstance(fitted, str):
        readable = fitted.replace("\n", " ").isprintable()
        require(readable, key, "text without control characters", f"{ascii(fitted)[:80]}{origin}")
    return fitted


_MISFIT = object()


def _types(key: str, default: Any) -> Types:
    group, _, name = key.partition(".")
    if group == "train" and name in _TRAIN:
        return _TRAIN[name]
    if key in _DECLARED:
        return _DECLARED[key]
    if default is None:
        return (NoneType, int, float, str, list)
    return (type(default),)


def _train_types() -> dict[str, Types]:
    hints = get_type_hints(Train)
    return {name: get_args(hint) if isinstance(hint, UnionType) else (hint,) for name, hint in hints.items()}


_TRAIN = _train_types()


def _fit(value: Any, types: Types) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value if type(value) in types else _MISFIT
    if isinstance(value, int):
        if abs(value) >= 2**63:
            return _MISFIT
        return value if int in types else float(value) if float in types else _MISFIT
    if isinstance(value, float):
        return value if float in types and math.isfinite(value) else _MISFIT
    if isinstance(value, list) and list in types:
        fitted = [_fit(item, (NoneType, bool, int, float, str)) for item in value]
        return _MISFIT if any(item is _MISFIT for item in fitted) else fitted
    return _MISFIT
