"""What lies inside a record's mappings: looked at when it is read, so that no report meets a text for a number.

Only what seqbench itself reads is named here; what else a record holds is left alone.
"""

from collections.abc import Callable, Mapping
from typing import Any, get_args

from seqbench.schema import Better

MAX_DEPTH = 32
"""Lists and mappings inside each other."""
MAX_NUMBER = 1e150
"""The square of a number is finite, whatever a statistic does with it; float32 ends at 3.4e38."""

NUMBER, TEXT, FLAG, NULL = "a number", "text", "true or false", "null"
COUNT, BETTER = "a whole number from 0 on", "higher, lower, or neither"
ANY = "*"
"""The key of a shape that stands for all keys it does not name."""
NEEDED = "!"
"""Begins a key that must be there."""

_NUMBERS, _TEXTS, _MAYBE, _COUNTED = {ANY: (NUMBER, NULL)}, {ANY: (TEXT,)}, (NUMBER, NULL), (COUNT, NULL)
SHAPES: dict[str, Any] = {
    "duration_s": (NUMBER,),
    "labels": {"!task": (TEXT,), "!model": (TEXT,), ANY: (TEXT,)},
    "sources": _TEXTS,
    "files": _TEXTS,
    "environment": {"memory_bytes": _MAYBE, ANY: (NUMBER, TEXT, FLAG, NULL)},
    "git": {"commit": (TEXT, NULL), "clean": (FLAG, NULL)},
    "metrics": {ANY: {"better": (BETTER,)} | _TEXTS},
    "arrays": {ANY: [(TEXT,)]},
    "config": {
        "model": {"!learning_rate": (NUMBER,)},
        "train": {"steps": _COUNTED, "evaluate_every": _COUNTED, "evaluate_growth": _MAYBE},
        "cost": {
            **dict.fromkeys(("!what", "!backend"), (TEXT,)),
            **dict.fromkeys(("!twin", "!streaming"), (FLAG,)),
            **dict.fromkeys(("!seconds", "!round"), (NUMBER,)),
            "!length": _COUNTED,
        },
    },
    "task": {
        "score": (TEXT,),
        "skill_metric": (TEXT,),
        "floor": (NUMBER,),
        "solved": {"!metric": (TEXT,), "!threshold": (NUMBER,)},
        "length": _COUNTED,
        "budget": _COUNTED,
    },
    "architecture": dict.fromkeys(("parameters", "width", "flops", "state_size"), _COUNTED),
    "baselines": [{"!name": (TEXT,), "!values": _NUMBERS, "skill": (FLAG,), "kind": (TEXT,)}],
    "summary": {
        **dict.fromkeys(("score", "skill", "training_steps_per_s"), _MAYBE),
        **dict.fromkeys(("data_s", "peak_bytes"), _MAYBE),
        **dict.fromkeys(("steps", "steps_to_solve", "budget", "batch_size", "length", "parameters"), _COUNTED),
        **dict.fromkeys(("peak_forward_bytes", "reserved_bytes", "flops", "flops_counted", "energy_j"), _MAYBE),
        **dict.fromkeys(("gemm_flops_per_s", "beside_cores", "state_bytes"), _MAYBE),
        **dict.fromkeys(("step_s", "steps_per_s", "tokens_per_s", "sequences_per_s"), _NUMBERS),
        **dict.fromkeys(("forward_s", "backward_s", "unflushed_s", "stream_s"), _NUMBERS),
        **dict.fromkeys(("stable", "flops_are_bound"), (FLAG,)),
        "kernel": (TEXT, NULL),
        **dict.fromkeys(("test", "validation"), _NUMBERS),
        "solved": (FLAG, NULL),
        "selection": (TEXT, NULL),
    },
}
"""Field of a record -> its shape: a tuple of kinds, a list of one shape, or a mapping of keys to shapes.

Where a mapping or list is named and not needed it may also be null.
"""


def check(name: str, value: Any) -> None:
    """Refuse a field whose values are not of the kinds that ``SHAPES`` names.

    Raises:
        ValueError: naming the first such value.
    """
    if _depth(value) >= MAX_DEPTH:
        raise ValueError(f"is not a record: its values are nested more than {MAX_DEPTH} deep")
    if value is not None and name in SHAPES and (found := _fault(value, SHAPES[name], name)):
        raise ValueError(f"is not a record: {found}")


def _fault(value: Any, shape: Any, where: str) -> str | None:
    if isinstance(shape, tuple):
        return None if any(_IS[kind](value) for kind in shape) else f"{where} must be {' or '.join(shape)}"
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{where} must be a list"
        faults = (_fault(item, shape[0], f"{where}[{index}]") for index, item in enumerate(value))
        return next(filter(None, faults), None)
    return _fault_in_mapping(value, shape, where) if isinstance(value, dict) else f"{where} must be a mapping"


def _fault_in_mapping(value: Mapping[str, Any], shape: Mapping[str, Any], where: str) -> str | None:
    for key in shape:
        if key.startswith(NEEDED) and key[1:] not in value:
            return f"{where}.{key[1:]} is missing"
    for key, item in value.items():
        inner = shape.get(NEEDED + key, shape.get(key, shape.get(ANY)))
        if item is None and key in shape and not isinstance(inner, tuple):
            continue
        if inner is not None and (found := _fault(item, inner, f"{where}.{key}")):
            return found
    return None


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= MAX_NUMBER


_IS: dict[str, Callable[[Any], bool]] = {
    NUMBER: _is_number,
    COUNT: lambda value: type(value) is int and 0 <= value <= MAX_NUMBER,
    TEXT: lambda value: isinstance(value, str),
    BETTER: lambda value: value in get_args(Better),
    FLAG: lambda value: isinstance(value, bool),
    NULL: lambda value: value is None,
}
"""Kind -> whether a value of JSON is of it."""


def _depth(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    items = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_depth, [item for item in items if type(item) in (dict, list)]), default=0)
