"""What no architecture may do to the process it runs in: the global settings that are watched, and put back.

Every run has a process of its own, so no other run can be harmed. The run itself is: another number of threads times
something else, a reseeded generator gives members of different seeds the same noise.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as module_globals

from seqbench.contract.rule import expect

RULE = "process"
_SEED = 0x5EC0BE9C
"""What the global generator is seeded with meanwhile; nobody else's seed, so whoever seeds it is noticed."""


def _denormals_flushed() -> bool:
    return (torch.tensor([1e-39], dtype=torch.float32, device="cpu") * 1.0).item() == 0.0


def _set_default_device(device: torch.device) -> None:
    torch.set_default_device(None if device.type == "cpu" else device)


def _folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it was deleted under us
        return None


_SETTINGS: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "number of threads": (torch.get_num_threads, torch.set_num_threads),
    "default device": (torch.get_default_device, _set_default_device),
    "default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "gradient mode": (torch.is_grad_enabled, torch.set_grad_enabled),
    "flushing of denormal numbers": (_denormals_flushed, torch.set_flush_denormal),
    "choice of deterministic algorithms": (
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
    ),
    "precision of matrix products": (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    "detection of anomalies": (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    "working folder": (_folder, lambda folder: os.chdir(folder) if folder else None),
}
"""Name -> how to read it, how to put it back."""
_PATCHED: tuple[tuple[str, Any], ...] = (
    ("torch", torch),
    ("torch.nn.functional", nn.functional),
    ("torch.Tensor", torch.Tensor),
    ("torch.nn.Module", nn.Module),
    ("torch.nn.Linear", nn.Linear),
)
"""What everything else computes with: a user's module that replaces one of their functions replaces it for all."""


@contextmanager
def unchanged_process(seed: int = _SEED) -> Iterator[None]:
    """Check that global settings are left as they were, and put back those that were not, also after an exception.

    Numbers may be drawn from the global generator, as dropout does, which is seeded with ``seed`` meanwhile and then
    put back; seeding it is what is refused.

    Raises:
        ContractError: naming the setting, what it was and what it became.
    """
    random_state = torch.get_rng_state()
    torch.manual_seed(seed)
    settings = {name: read() for name, (read, _) in _SETTINGS.items()}
    hooks = _hooks()
    functions = {name: _functions(owner) for name, owner in _PATCHED}
    try:
        yield
    except BaseException:
        _restore(settings, hooks, functions)
        raise
    else:
        seeded = torch.initial_seed()
        changes = _restore(settings, hooks, functions)
        expect(seeded == seed, RULE, "the global random seed to stay as it was", seeded)
        for expected, got in changes:
            expect(False, RULE, expected, got)
    finally:
        torch.set_rng_state(random_state)


def _restore(settings: dict, hooks: dict, functions: dict) -> list[tuple[str, str]]:
    """Put everything back; what was expected and what came of each thing that had changed."""
    changes = []
    for name, (read, write) in _SETTINGS.items():
        now = read()
        if now != settings[name]:
            write(settings[name])
            changes.append((f"the global {name} to stay {settings[name]}", str(now)))
    for name, now in _hooks().items():
        if now != hooks[name]:
            registered = getattr(module_globals, name)
            registered.clear()
            registered.update(hooks[name])
            changes.append(("no hook on all modules", f"one in torch.nn.modules.module.{name}"))
    for name, owner in _PATCHED:
        for key in _replaced(owner, functions[name]):
            setattr(owner, key, functions[name][key])
            changes.append(("torch's own functions to stay", f"another {name}.{key}"))
    return changes


def _hooks() -> dict[str, dict]:
    """The hooks that are called for every module there is, by the name of their table."""
    tables = vars(module_globals).items()
    return {name: dict(table) for name, table in tables if name.startswith("_global") and isinstance(table, dict)}


def _functions(owner: Any) -> dict[str, Any]:
    """Everything callable of a module, or of a class and its bases."""
    owners = reversed(owner.__mro__) if isinstance(owner, type) else [owner]
    return {key: value for one in owners for key, value in vars(one).items() if callable(value)}


def _replaced(owner: Any, functions: dict[str, Any]) -> list[str]:
    now = _functions(owner)
    return [key for key, value in functions.items() if now.get(key, value) is not value]
