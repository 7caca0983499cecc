"""From a YAML node to an object: the registry is the folder ``conf/``; only this file imports by name.

Never ``hydra.utils.instantiate``: names resolve below ``seqbench.`` and below the user's plugins, nowhere else.
"""

import difflib
import hashlib
import importlib
import importlib.util
import inspect
from collections.abc import Mapping
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from seqbench.schema import UsageError

RESERVED = {
    "task": ("target", "version", "budget"),
    "model": ("target", "version", "learning_rate", "embed", "embed_size"),
}
"""Keys of a node that are not constructor arguments."""


def resolve(target: str, plugins: tuple[str, ...] = ()) -> type:
    """The class that ``module:Class`` names.

    Raises:
        UsageError: the module is neither ours nor a plugin, cannot be imported, or has no such class.
    """
    module_name, _, class_name = target.partition(":")
    _check_allowed(target, module_name, plugins)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise UsageError(f"cannot import {module_name!r}, which target {target!r} names: {error!r}.") from error
    found = getattr(module, class_name, None)
    if not isinstance(found, type):
        near = difflib.get_close_matches(class_name, [n for n, v in vars(module).items() if isinstance(v, type)], 1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise UsageError(f"target must be module:Class; {module_name} has no class {class_name!r}{hint}")
    return found


def source_sha256(target: str, plugins: tuple[str, ...] = ()) -> str:
    """SHA-256 of the file that holds the class, found without importing it."""
    module_name = target.partition(":")[0]
    _check_allowed(target, module_name, plugins)
    for plugin in plugins:
        if _find(plugin) is None:
            raise UsageError(
                f"plugins must be modules that can be found; got {plugin!r}. "
                f"Run from the folder that holds {plugin}.py, or install it."
            )
    found = _find(module_name)
    if found is None or found.origin is None or not Path(found.origin).is_file():
        raise UsageError(
            f"cannot find the module {module_name!r} that target {target!r} names; "
            f"run from the folder that holds {module_name.partition('.')[0]}.py, or install it."
        )
    return hashlib.sha256(Path(found.origin).read_bytes()).hexdigest()


def _find(module_name: str) -> ModuleSpec | None:
    """Where a module lies, None where it is not found. No code runs, not even that of the packages around it."""
    root, *parts = module_name.split(".")
    try:
        spec = importlib.util.find_spec(root)
        for part in parts:
            if spec is None or spec.submodule_search_locations is None:
                return None
            spec = PathFinder.find_spec(f"{spec.name}.{part}", spec.submodule_search_locations)
    except (ImportError, ValueError, AttributeError):
        return None
    return spec


def _check_allowed(target: str, module_name: str, plugins: tuple[str, ...]) -> None:
    allowed = ("seqbench", *plugins)
    if ":" not in target or not any(module_name == name or module_name.startswith(name + ".") for name in allowed):
        root = module_name.partition(".")[0]
        remedy = f"Name its class: {target}:Class." if root in allowed else f"If {root} is yours, add plugins=[{root}]."
        raise UsageError(f"target must be module:Class inside {' or '.join(allowed)}; got {target!r}. {remedy}")


def arguments(node: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The constructor arguments of a node: all but the reserved keys.

    >>> arguments({"target": "a:B", "version": 1, "learning_rate": 0.1, "width": 64}, "model")
    {'width': 64}
    """
    return {key: value for key, value in node.items() if key not in RESERVED[kind]}


def build(node: Mapping[str, Any], kind: str, plugins: tuple[str, ...] = (), **fixed: Any) -> Any:
    """An instance of the node's class from its plain values and the ``fixed`` arguments.

    Raises:
        UsageError: the class does not take one of the values, or refuses it.
    """
    cls = resolve(node["target"], plugins)
    given = arguments(node, kind)
    parameters = inspect.signature(cls).parameters
    takes_all = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    unknown = [key for key in (*given, *fixed) if key not in parameters and not takes_all]
    lacking = [key for key in fixed if key in unknown]
    if lacking:
        raise UsageError(
            f"{cls.__name__}.__init__ must take {' and '.join(fixed)}, as every {kind}'s does; it takes "
            f"{', '.join(parameters) or 'nothing'}. Add {' and '.join(lacking)} to it."
        )
    if unknown:
        raise UsageError(
            f"{cls.__name__}.__init__ takes {', '.join(parameters)}; the configuration also gives "
            f"{', '.join(unknown)}. Remove it from the YAML file or add it to __init__."
        )
    try:
        return cls(**fixed, **given)
    except TypeError as error:  # an abstract method is missing, or __init__ chokes on a value's type
        raise UsageError(f"{cls.__name__} cannot be built from its YAML values: {error}.") from error
