"""Composition by Hydra's compose API: choices in, plain nodes out. The only file that starts Hydra."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seqbench.config.folder import GROUPS, Folders, did_you_mean, package_of, printable
from seqbench.config.typed import leaves
from seqbench.config.yaml_file import check_yaml
from seqbench.schema import UsageError

FREE = "study.scales"
"""The one node whose keys a sweep file invents."""
_UNUSED = [
    f"~hydra/{name}" for name in ("job_logging", "hydra_logging", "help", "hydra_help", "env", "output", "launcher")
]
"""Hydra's own files that composing alone has no use for: 50 ms a composition without them, 70 ms with them."""


@dataclass(frozen=True, kw_only=True)
class Composed:
    """What Hydra made of one set of choices.

    Attributes:
        config: the whole configuration as plain nested values.
        choices: group -> the choice that was taken.
        params: a sweep's ``hydra.sweeper.params``.
    """

    config: Mapping[str, Any]
    choices: Mapping[str, str]
    params: Mapping[str, Any]


class Composer:
    """A context in which configurations are composed; equal requests are composed once."""

    def __init__(self, folders: Folders) -> None:
        self.folders = folders
        self._known: dict[tuple[str | None, ...], Composed] = {}

    def __enter__(self) -> "Composer":
        _check_current_folder()
        for file in self.folders.users_files():
            check_yaml(file)
        self._context = initialize_config_dir(str(self.folders.own), version_base="1.3", job_name="seqbench")
        self._context.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._context.__exit__(*error)

    def compose(self, choices: Mapping[str, str], sweep: str | None = None) -> Composed:
        """The configuration of ``choices``, under a sweep file or without one.

        Raises:
            UsageError: a file cannot be read, changes another group, or holds more than plain values.
        """
        key = (sweep, *(choices.get(group) for group in GROUPS))
        if key not in self._known:
            for group, choice in choices.items():
                _check_file(self.folders, group, choice)
            overrides = [f"{group}={choice}" for group, choice in choices.items()]
            composed = self._compose([*overrides, *([f"+sweep={sweep}"] if sweep else []), *_UNUSED])
            _check_choices(choices, composed.choices)
            self._known[key] = self._known[sweep, *(composed.choices[group] for group in GROUPS)] = composed
        return self._known[key]

    def under(self, choices: Mapping[str, str], sweep: str | None) -> tuple[Composed, Composed]:
        """(with the sweep's own values, without): the second tells which keys there are and of what type."""
        bare = self.compose(choices)
        if sweep is None or not _sets_nodes(self.folders, sweep):
            return bare, bare
        composed = self.compose(choices, sweep)
        check_keys(composed.config, bare.config, sweep)
        return composed, bare

    def _compose(self, overrides: list[str]) -> Composed:
        user = self.folders.user
        if user is not None and user.resolve() != self.folders.own:
            url = QuotedString(f"file://{user.resolve()}", Quote.single).with_quotes()
            overrides = [*overrides, f"hydra.searchpath=[{url}]"]
        try:
            config = compose("config", overrides, return_hydra_config=True)
            OmegaConf.set_struct(config, False)
            hydra = config.pop("hydra")
            taken = {group: str(choice) for group, choice in hydra.runtime.choices.items()}
            params = OmegaConf.to_container(hydra.sweeper.params or OmegaConf.create({}), resolve=False)
        except (HydraException, *UNREADABLE) as error:
            reason = printable(" ".join(str(error).split()))[:400]
            raise UsageError(f"the configuration files must compose; Hydra says: {reason}") from error
        assert isinstance(params, dict)
        return Composed(config=_plain(config), choices=taken, params={str(key): params[key] for key in params})


UNREADABLE = (OmegaConfBaseException, yaml.YAMLError, ValueError, AttributeError, RecursionError)
"""What a YAML file raises that is none, or that holds a value which nobody can make: a number without digits, say."""


def _check_current_folder() -> None:
    try:
        os.getcwd()  # as Hydra does
    except OSError as error:
        raise UsageError("the current folder must exist; it was deleted meanwhile. Change to another one.") from error


def check_keys(config: Mapping[str, Any], known: Mapping[str, Any], sweep: str) -> None:
    """Refuse a sweep file that invents a key, as ``+typo`` would."""
    names = dict(leaves(known))
    for key, _ in leaves(config):
        if key not in names and not key.startswith(FREE):
            raise UsageError(
                f"a sweep file may set known keys only; sweep {sweep} sets {printable(key)[:80]}."
                f"{did_you_mean(key, names)} Correct conf/sweep/{sweep}.yaml."
            )


def read_sweep(folders: Folders, sweep: str) -> None:
    """Refuse a sweep file that Hydra would quietly read as something else than a sweep."""
    file = folders.file("sweep", sweep)
    if package_of(file) != "_global_":
        raise UsageError(
            f"a sweep file must begin with the line '# @package _global_', or it does nothing; {file} does not. Add it."
        )
    raw = _raw(file)
    for key, value in leaves(raw.get("hydra") or {}):
        if key != "mode" and not key.startswith("sweeper.params"):
            raise UsageError(
                f"a sweep file may set hydra.sweeper.params only; {file} sets hydra.{printable(key)[:80]}. Remove it."
            )
        if isinstance(value, list | dict):
            text = ",".join(map(str, value))
            raise UsageError(
                f"a value of hydra.sweeper.params must be text in Hydra's grammar; {key} in {file} is a YAML "
                f'{type(value).__name__}, of which Hydra would take the last. Write "{text}" to sweep, "[{text}]" '
                f"for one list."
            )


def _raw(file: Path) -> dict[str, Any]:
    """The values of one YAML file, its defaults list unread."""
    try:
        raw = OmegaConf.to_container(OmegaConf.load(file), resolve=False)
    except UNREADABLE as error:
        raise UsageError(
            f"a sweep file must be YAML; {file} is not: {printable(' '.join(str(error).split()))[:400]}"
        ) from error
    return {str(key): raw[key] for key in raw} if isinstance(raw, dict) else {}


def _sets_nodes(folders: Folders, sweep: str) -> bool:
    """Whether a sweep file, or one it builds on, sets values of tasks, models, training or instruments itself."""
    raw = _raw(folders.file("sweep", sweep))
    others = [entry for entry in raw.get("defaults") or [] if entry != "_self_"]
    bases = [entry for entry in others if isinstance(entry, str)]
    known = all(base in folders.choices("sweep") for base in bases)
    plain = all(str(key).startswith("override ") for entry in others if isinstance(entry, dict) for key in entry)
    return not (known and plain) or any(group in raw for group in GROUPS) or any(_sets_nodes(folders, b) for b in bases)


def _check_file(folders: Folders, group: str, choice: str) -> None:
    package = package_of(folders.file(group, choice))
    if package is not None:
        raise UsageError(
            f"a file of {group} may set its own keys only; {group}/{choice}.yaml has "
            f"'# @package {printable(package)[:80]}'. Remove it."
        )


def _check_choices(asked: Mapping[str, str], taken: Mapping[str, str]) -> None:
    """A file with ``override /model: x`` in its defaults would train something else than its label says."""
    for group, choice in asked.items():
        if group in GROUPS and taken.get(group) != choice:
            raise UsageError(
                f"a file must not choose for another group; {group}={choice} became {taken.get(group)!r} through "
                f"'override /{group}' in a defaults list. Remove it."
            )


def _plain(config: Any) -> dict[str, Any]:
    """The configuration as nested plain values.

    Raises:
        UsageError: it holds an interpolation (nodes are composed apart, and would differ) or ``_target_``.
    """
    plain = OmegaConf.to_container(config, resolve=False)
    assert isinstance(plain, dict)
    nodes = {str(key): plain[key] for key in plain}
    for key, value in leaves(nodes):
        if "_target_" in key:
            raise UsageError(
                f"a YAML file must name its class by target: module:Class; got {printable(key)[:80]}. Rename the key."
            )
        if "${" in str(value) or value == "???":
            raise UsageError(
                f"a value in a YAML file must be plain; {printable(key)[:80]} is {repr(value)[:80]}. "
                "Write the value itself."
            )
    return nodes
