"""From choices and values to a Cell: its nodes, its labels, the command that trains it alone."""

import json
import shlex
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from seqbench.config.composer import Composed
from seqbench.config.data import check_data
from seqbench.config.folder import Folders
from seqbench.config.typed import check, leaves
from seqbench.config.words import Word, render
from seqbench.registry import source_sha256
from seqbench.schema import Cell, Train, UsageError
from seqbench.tuning import Tuned

_OPTIONAL: dict[str, dict[str, Any]] = {
    "task": {"version": 1},
    "model": {"version": 1, "embed": "direct", "embed_size": None},
    "train": {},
    "instruments": {},
}
"""Reserved keys that a user's YAML file may leave out."""
_RATE = "model.learning_rate"

Node = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class CellMaker:
    """Makes the cells of one study.

    Attributes:
        nodes: compositions (with the sweep's own values, without) that hold every choice of every group.
        words: key -> word, for the types' messages and to know what was given.
        tuned: learning rates chosen on validation.
        settings: the keys of ``config.yaml`` beside the groups.
    """

    nodes: Sequence[tuple[Composed, Composed]]
    words: Mapping[str, Word]
    tuned: Tuned
    folders: Folders
    settings: Mapping[str, Any]
    sweep: str | None

    def make(
        self, choices: Mapping[str, str], values: Mapping[str, Any], device: str, named: Collection[str] = ()
    ) -> Cell:
        """The cell of one combination; its seeds and study are set by the caller.

        Args:
            choices: group -> choice.
            values: dotted key -> value, on top of the choices' files.
            device: resolved.
            named: keys of the task that its label names, also where the value is that of the file.

        Raises:
            UsageError: a value of the wrong type, or a node that lacks what every node needs.
        """
        nodes, plain = self._nodes(choices, values)
        changed = {group: _differences(nodes[group], plain[group]) for group in nodes}
        shown = {**changed, "task": _differences(nodes["task"], plain["task"], named)}
        labels = self._labels(choices, shown)
        rate = self.tuned.learning_rate.get((labels["task"], labels["model"]))
        if rate is not None and _RATE not in self.words:
            nodes["model"]["learning_rate"] = check(_RATE, rate, rate, f" (in tuned {self.settings['study']['tuned']})")
            changed["model"] = _differences(nodes["model"], plain["model"])
            labels = self._labels(choices, {**shown, "model": _without_rate(changed["model"])})
        plugins = tuple(self.settings["plugins"])
        return Cell(
            task=nodes["task"],
            model=nodes["model"],
            train=Train(**nodes["train"]),
            instruments=nodes["instruments"],
            seeds=(),
            device=device,
            labels=labels,
            command=self._command(choices, changed, device),
            sources={kind: source_sha256(nodes[kind]["target"], plugins) for kind in ("task", "model")},
            plugins=plugins,
            data_sha256=check_data(nodes["task"]),
        )

    def _nodes(self, choices: Mapping[str, str], values: Mapping[str, Any]) -> tuple[dict[str, Node], dict[str, Node]]:
        """Group -> node: as this cell has it, and as the YAML file of the choice has it."""
        pairs = {group: self._choices[group, choice] for group, choice in choices.items()}
        plain = {group: _OPTIONAL[group] | pair[1] for group, pair in pairs.items()}
        nodes = {group: deepcopy(_OPTIONAL[group] | pair[0]) for group, pair in pairs.items()}
        for group, node in nodes.items():
            _check_node(group, choices[group], node)
            for key, default in dict(leaves(plain[group])).items():
                full = f"{group}.{key}"
                given = full in values
                origin = self.words[full].origin if given else f" (in sweep {self.sweep})"
                value = values[full] if given else _get(node, key)
                if given or value != default:
                    _set(node, key, check(full, value, default, origin))
        return nodes, plain

    @cached_property
    def _choices(self) -> dict[tuple[str, str], tuple[Node, Node]]:
        return {
            (group, bare.choices[group]): (swept.config[group], bare.config[group])
            for swept, bare in self.nodes
            for group in _OPTIONAL
        }

    @cached_property
    def _short(self) -> dict[str, str]:
        """Task choice -> its last part, or all of it where two choices end alike."""
        tasks = {choice for group, choice in self._choices if group == "task"}
        last = Counter(choice.rpartition("/")[2] for choice in tasks)
        return {
            choice: choice if last[choice.rpartition("/")[2]] > 1 else choice.rpartition("/")[2] for choice in tasks
        }

    def _labels(self, choices: Mapping[str, str], changed: Mapping[str, Node]) -> dict[str, str]:
        model = {key: value for key, value in changed["model"].items() if key != "learning_rate"}
        variant = [_text(key, value) for key, value in changed["model"].items() if key == "learning_rate"]
        # Instruments set no cell apart: a run that is observed is the run that is not.
        variant += [f"train={choices['train']}"] if choices["train"] != "default" else []
        variant += [_text(key, value) for key, value in changed["train"].items()]
        return {
            "task": " ".join([self._short[choices["task"]], *(_text(*item) for item in changed["task"].items())]),
            "model": " ".join([choices["model"], *(_text(*item) for item in model.items())]),
            "variant": " ".join(variant),
        }

    def _command(self, choices: Mapping[str, str], changed: Mapping[str, Node], device: str) -> str:
        words = ["python", "-m", "seqbench"]
        if self.folders.user is not None:
            words += ["--config-dir", str(self.folders.user)]
        words += [
            f"{group}={choice}"
            for group, choice in choices.items()
            if group in ("task", "model") or choice != "default"
        ]
        words += [f"{group}.{key}={render(value)}" for group in changed for key, value in changed[group].items()]
        words += [f"plugins={render(self.settings['plugins'])}"] if self.settings["plugins"] else []
        return " ".join(shlex.quote(word) for word in [*words, f"device={device}"])


def distinct(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """The cells without repetitions; those that still share all labels get what sets them apart."""
    unique = {json.dumps(cell.identity(), sort_keys=True): cell for cell in reversed(cells)}
    kept = list(reversed(unique.values()))
    shared = Counter(_names(cell) for cell in kept)
    return tuple(cell if shared[_names(cell)] == 1 else _told_apart(cell) for cell in kept)


def _names(cell: Cell) -> tuple[str, ...]:
    return tuple(cell.labels.values())


def _told_apart(cell: Cell) -> Cell:
    data = [f"data={cell.data_sha256[:8]}"] if cell.data_sha256 else []
    words = [cell.labels["variant"], f"device={cell.device}", *data]
    return replace(cell, labels={**cell.labels, "variant": " ".join(filter(None, words))})


def _check_node(group: str, choice: str, node: Mapping[str, Any]) -> None:
    needed = {"task": ("target", "budget"), "model": ("target", "learning_rate")}.get(group, ())
    missing = [key for key in needed if key not in node]
    if missing:
        raise UsageError(
            f"{group}/{choice}.yaml must have the keys {', '.join(needed)}; {', '.join(missing)} is missing."
        )
    if needed and not isinstance(node["target"], str):
        raise UsageError(f"{group}.target must be module:Class; got {node['target']!r} in {group}/{choice}.yaml.")


def _differences(node: Mapping[str, Any], plain: Mapping[str, Any], named: Collection[str] = ()) -> Node:
    """Dotted key -> value where the node is not as its YAML file has it, and of the keys ``named`` anyway."""
    defaults = dict(leaves(plain))
    return {key: value for key, value in leaves(node) if value != defaults[key] or key in named}


def _without_rate(changed: Node) -> Node:
    return {key: value for key, value in changed.items() if key != "learning_rate"}


def _text(key: str, value: Any) -> str:
    """A label's part; of a path its last name, which a reader knows the file by."""
    return f"{key}={Path(value).name if key == 'path' and isinstance(value, str) else render(value)}"


def _get(node: Mapping[str, Any], key: str) -> Any:
    for part in key.split("."):
        node = node[part]
    return node


def _set(node: Node, key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for part in parents:
        node = node[part]
    node[last] = value
