"""What instruments derived from their arrays: verdicts, decay lengths, shares. Beside them, as an array of text.

In the document of the record it would be three quarters of all that must be read, checked and kept of every run, for a
page that shows a few of them.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

NAME = "derived"
"""The array of a record that holds the text: strict JSON, name of an instrument -> what it derived."""


def packed(found: Mapping[str, Mapping[str, Any]]) -> np.ndarray:
    """The array, which has no axes, of what instruments derived.

    Raises:
        ValueError: an instrument derived what strict JSON does not have; the message names it.
    """
    texts = [f"{json.dumps(name)}: {_text(name, values)}" for name, values in sorted(found.items())]
    return np.array(f"{{{', '.join(texts)}}}")


def _text(name: str, values: Mapping[str, Any]) -> str:
    try:
        return json.dumps(values, sort_keys=True, allow_nan=False, default=_number)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"what an instrument derives must be finite numbers, texts, None, lists and mappings of them; {name} gave "
            f"something else ({error}). Let it give None for what is not finite."
        ) from error


def _number(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a {type(value).__name__}")


def derived(arrays: Mapping[str, np.ndarray], instrument: str) -> Mapping[str, Any]:
    """What an instrument derived of the run that left these arrays, nothing where it did not look."""
    try:
        every = json.loads(str(arrays[NAME]))
    except (KeyError, ValueError, RecursionError):
        return {}
    found = every.get(instrument) if isinstance(every, dict) else None
    return found if isinstance(found, dict) else {}
