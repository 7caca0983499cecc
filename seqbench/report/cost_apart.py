"""What was measured at different times, so that no ratio relates it, and the command that measures it together."""

import re
import shlex
from collections.abc import Sequence

from seqbench.report.cost_places import together
from seqbench.report.costs import Entry
from seqbench.report.wording import readable, some
from seqbench.statistics.rounds import FEWEST

_JOINED = ("model", "lengths", "backends")
"""Words of ``cost`` that take several values."""


def apart_sentences(entries: Sequence[Entry]) -> list[str]:
    """Of each task what has no round in common with the others, and what to do about it."""
    parts: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        if entry.what == "step" and not entry.twin and entry.records:
            parts.setdefault((entry.env_id, entry.comparable), []).append(entry)
    return [said for members in parts.values() if (said := _sentence(members))]


def _sentence(members: Sequence[Entry]) -> str:
    most = max(together(members), key=len)
    known = {(entry.name, entry.asked) for entry in most}
    others = [entry for entry in members if (entry.name, entry.asked) not in known]
    if not others:
        return ""
    named = {entry.name for entry in most}
    alone = dict.fromkeys(f"{e.name}, {e.length} steps" if e.name in named else e.name for e in others)
    rest = dict.fromkeys(entry.name for entry in most)
    verb = "was" if len(alone) == 1 else "were"
    again = joined([entry.command for entry in members], max(len(entry.records) for entry in members))
    return (
        f"{readable(members[0].task)}: {some([*map(readable, alone)])} {verb} measured in other rounds than "
        f"{some([*map(readable, rest)])}, so no ratio relates them. Measure all of them again together"
        f"{f': {again}' if again else ', by one command'}"
    )


def joined(commands: Sequence[str], rounds: int) -> str:
    """One command for all: equal but for words that take several values; "" where there is none.

    >>> joined(["seqbench cost model=gru lengths=8", "seqbench cost model=lstm lengths=8"], 20)
    'seqbench cost model=gru,lstm lengths=8 rounds=20'
    """
    words: dict[str, dict[str, None]] = {}
    for command in commands:
        for word in shlex.split(command):
            key, _, value = word.partition("=")
            words.setdefault(key, {})[value] = None
    several = {key: values for key, values in words.items() if len(values) > 1}
    plain = all(re.fullmatch(r"[\w/]+", value) for values in several.values() for value in values)
    same = len({tuple(word.partition("=")[0] for word in shlex.split(command)) for command in commands}) == 1
    if not (plain and same and several.keys() <= {*_JOINED}):
        return ""
    made = [f"{key}={','.join(values)}" if any(values) else key for key, values in words.items()]
    return shlex.join([*made, *([f"rounds={rounds}"] if rounds > FEWEST else [])])
