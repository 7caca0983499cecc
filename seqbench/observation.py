"""What instruments leave, put together: arrays that grow with every observation, and the summary of them.

The arrays of an instrument carry its name, as in "gradient_profile/input". When it looked stands beside them, as in
"gradient_profile/step", so nothing else need be saved for a run that is continued.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from seqbench.spec import Instrument, Moment, Task

Arrays = dict[str, np.ndarray]
Axes = dict[str, tuple[str, ...]]


def observe(
    instruments: Iterable[Instrument], network: Any, task: Task, moment: Moment, step: int, arrays: Arrays, axes: Axes
) -> None:
    """Let every instrument that is due look at one member, and add what it measured to ``arrays`` and ``axes``."""
    for instrument in instruments:
        steps = f"{instrument.name}/step"
        last = int(arrays[steps][-1]) if steps in arrays else None
        if not instrument.due(moment, step, last):
            continue
        measured = instrument.measure(network, task)
        for name, (named, values) in measured.items():
            add(arrays, axes, f"{instrument.name}/{name}", named, values)
        if measured:
            add(arrays, axes, steps, ("observation",), np.array([step]))


def add(arrays: Arrays, axes: Axes, name: str, named: tuple[str, ...], values: np.ndarray) -> None:
    """Append ``values`` where their first axis is one of moments, replace what was there where it is not."""
    grows = named[0] in ("observation", "evaluation") and name in arrays
    arrays[name] = np.concatenate([arrays[name], values]) if grows else values
    axes[name] = named


def summaries(instruments: Iterable[Instrument], arrays: Arrays, network: Any) -> dict[str, Any]:
    """Name of each instrument that has looked at a member, ``network`` -> its derived numbers."""
    found = {}
    for instrument in instruments:
        prefix = f"{instrument.name}/"
        own = {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}
        if own:
            found[instrument.name] = dict(instrument.summary(own, network))
    return found
