"""What sets things of one name apart: the settings that they do not have in common."""

from collections.abc import Mapping, Sequence
from typing import Any

from seqbench.record.record import canonical


def differences(every: Sequence[Mapping[str, str]], most: int | None = None) -> list[str]:
    """Of each its own values of what not all have in common, the first ``most`` of these.

    >>> differences([{"clip": "1", "steps": "20"}, {"clip": "2", "steps": "20"}, {"steps": "20"}])
    ['clip=1', 'clip=2', 'clip=null']
    """
    keys = sorted(key for key in {key for one in every for key in one} if len({one.get(key) for one in every}) > 1)
    return [" ".join(f"{key}={one.get(key, 'null')}" for key in keys[:most]) for one in every]


def settings(config: Mapping[str, Any]) -> dict[str, str]:
    """A record's configuration as key -> value; of a hash of a source file what is enough to tell it from another.

    >>> settings({"sources": {"model": "91ffc276ab"}, "train": {"steps": 20}, "device": "cpu"})
    {'sources.model': '91ffc276', 'train.steps': '20', 'device': 'cpu'}
    """
    found = dict[str, str]()
    for part, values in config.items():
        for key, value in (values if isinstance(values, Mapping) else {"": values}).items():
            text = canonical(value).strip('"')
            found[f"{part}.{key}".removesuffix(".")] = text[:8] if part == "sources" else text
    return found
