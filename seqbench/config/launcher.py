"""Hydra's launchers on the command line: ``hydra/launcher=NAME`` and those of its options that are plain values.

All else of Hydra's own settings stays refused: among them are classes to build and logging to configure, and with them
a word could run code.
"""

import importlib.util
import shutil
import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from seqbench.config.device import resolve_device
from seqbench.config.folder import Choices, did_you_mean
from seqbench.config.words import Word, parse, render
from seqbench.schema import Launcher, UsageError, require

_QUEUE = {"timeout_min": int, "cpus_per_task": int, "gpus_per_node": int, "mem_gb": int, "name": str}
_SLURM_TEXTS = ("account", "comment", "constraint", "exclude", "gres", "mem_per_cpu", "mem_per_gpu", "partition", "qos")
_SLURM_COUNTS = ("array_parallelism", "cpus_per_gpu", "gpus_per_task", "max_num_timeout", "signal_delay_s")
OPTIONS: dict[str, dict[str, type]] = {
    "joblib": {"n_jobs": int},
    "ray": {
        "ray.init.address": str,
        "ray.init.num_cpus": int,
        "ray.init.num_gpus": int,
        "ray.remote.num_cpus": int,
        "ray.remote.num_gpus": float,
        "ray.remote.memory": int,
        "ray.remote.max_retries": int,
    },
    "submitit_local": _QUEUE,
    "submitit_slurm": _QUEUE | dict.fromkeys(_SLURM_TEXTS, str) | dict.fromkeys(_SLURM_COUNTS, int),
}
"""Launcher -> option below ``hydra.launcher`` -> its type. Numbers are at least 0, and n_jobs=-1 is one a core."""
_PACKAGES = {
    "joblib": ("joblib", ("hydra_plugins.hydra_joblib_launcher", "joblib")),
    "ray": ("ray", ("hydra_plugins.hydra_ray_launcher", "ray")),
    "submitit_local": ("slurm", ("hydra_plugins.hydra_submitit_launcher", "submitit")),
    "submitit_slurm": ("slurm", ("hydra_plugins.hydra_submitit_launcher", "submitit")),
}
"""Launcher -> the extra that installs it, and the modules it needs."""
_GPUS = ("gpus_per_node", "gpus_per_task", "gres", "ray.remote.num_gpus")
_CORES = ("cpus_per_task", "ray.remote.num_cpus")
ANSWER_S = 5.0
_GROUP, _NODE = "hydra/launcher=", "hydra.launcher."


def read_launcher(texts: Sequence[str], choices: Choices) -> tuple[Launcher | None, list[str]]:
    """The launcher that the words ask for, None where they ask for none, and the words that are about something else.

    Raises:
        UsageError: an unknown launcher or option, or a value that it does not take.
    """
    mine = [text for text in texts if text.lstrip("+").startswith((_GROUP, _NODE))]
    rest = [text for text in texts if text not in mine]
    if not mine:
        return None, rest
    words = parse([text.lstrip("+").removeprefix("hydra").lstrip("./") for text in mine], choices)
    options = {key.removeprefix("launcher."): word for key, word in words.items() if key != "launcher"}
    name = _name(words.get("launcher"), next(iter(options), ""))
    launcher = Launcher(
        name=name,
        options={key: _value(name, key, replace(word, key=_NODE + key).single()) for key, word in options.items()},
    )
    _check_ray(launcher)
    return launcher, rest


def _name(word: Word | None, option: str) -> str:
    if word is None:
        raise UsageError(
            f"an option of a launcher needs the launcher; got {_NODE}{option} without {_GROUP}NAME. "
            f"Add one of {', '.join(_GROUP + name for name in OPTIONS)}."
        )
    name = replace(word, key=_GROUP[:-1]).single()
    if not isinstance(name, str) or name not in OPTIONS:
        near = did_you_mean(str(name), OPTIONS, _GROUP)
        lanes = " Without it the cells run in this machine's lanes." if name in ("basic", None) else ""
        raise UsageError(f"{_GROUP[:-1]} must be one of {', '.join(OPTIONS)}; got {render(name)[:80]}.{near}{lanes}")
    return name


def _value(name: str, key: str, value: Any) -> Any:
    known, full = OPTIONS[name], f"{_NODE}{key}"
    if key not in known:
        raise UsageError(
            f"an option of {_GROUP}{name} must be one of {', '.join(known)}; got {full}.{did_you_mean(key, known)}"
        )
    kind = known[key]
    if kind is str:
        require(isinstance(value, str | int) and value is not True and value != "", full, "text", render(value)[:80])
        return str(value)
    number = isinstance(value, int | kind) and not isinstance(value, bool)
    least = {"n_jobs": 1, "timeout_min": 1, "cpus_per_task": 1, "ray.remote.num_cpus": 1}.get(key, 0)
    rule = f"{'a whole number' if kind is int else 'a number'} of at least {least}"
    require(number and (least <= value < 2**63 or (key, value) == ("n_jobs", -1)), full, rule, render(value)[:80])
    return value


def _check_ray(launcher: Launcher) -> None:
    if "ray.init.address" in launcher.options:
        for key in ("ray.init.num_cpus", "ray.init.num_gpus"):
            if key in launcher.options:
                raise UsageError(
                    f"{_NODE}{key} is for a Ray that starts here; with ray.init.address the cluster has its own. "
                    f"Remove one of them; what one job gets is ray.remote.{key.rpartition('.')[2]}."
                )


def check_usable(launcher: Launcher) -> None:
    """Return if the launcher can start here.

    Raises:
        UsageError: it is not installed, this machine submits no jobs to SLURM, or no Ray cluster answers.
    """
    extra, modules = _PACKAGES[launcher.name]
    missing = [module for module in modules if not _is_installed(module)]
    if missing:
        raise UsageError(
            f"{_GROUP}{launcher.name} must be installed; {missing[0].rpartition('.')[2]} is missing. "
            f"Install it: pip install 'seqbench[{extra}]'."
        )
    if launcher.name == "submitit_slurm" and shutil.which("srun") is None:
        raise UsageError(
            f"{_GROUP}submitit_slurm must run on a machine of a SLURM cluster; there is no srun here. "
            f"Log in to one; {_GROUP}submitit_local runs the same jobs on this machine."
        )
    _check_answers(str(launcher.options.get("ray.init.address", "")))


def _check_answers(address: str) -> None:
    """Refuse the HOST:PORT of a Ray cluster where nobody listens: Ray itself would go on trying for many minutes."""
    host, _, port = address.rpartition(":")
    if "/" in host or not host or not port.isdigit():
        return  # "auto", or a client's URL
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"{_NODE}ray.init.address must be a Ray cluster that answers; got {address} ({error}). "
            "Start one with ray start --head, which prints its address."
        ) from error


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # the package that holds it is missing
        return False


def device_of(name: str, launcher: Launcher | None) -> str:
    """The device of a cell: of this machine, or what the launcher gives each of its jobs on another one.

    Raises:
        UsageError: cuda where there is no GPU.
    """
    if launcher is None or launcher.name not in ("ray", "submitit_slurm") or name not in ("auto", "cuda"):
        return resolve_device(name)
    gpus = any(launcher.options.get(key) for key in _GPUS)
    if name == "cuda" and launcher.name == "ray" and not gpus:
        raise UsageError(
            f"device=cuda must be given a GPU by Ray; {_NODE}ray.remote.num_gpus is not set. "
            f"Add {_NODE}ray.remote.num_gpus=1."
        )
    return "cuda" if gpus or name == "cuda" else "cpu"


def lanes_of(launcher: Launcher) -> int:
    """Lanes of one job where ``lanes`` says nothing: as many as it asks for cores, else one."""
    return next((int(launcher.options[key]) for key in _CORES if key in launcher.options), 1)


def hydra_words(launcher: Launcher, given: Mapping[str, Any]) -> list[str]:
    """The words that Hydra takes for the launcher, on top of ``given`` options that the user's replace."""
    options = {**given, **launcher.options}
    return [f"{_GROUP}{launcher.name}", *(f"++{_NODE}{key}={render(value)}" for key, value in options.items())]
