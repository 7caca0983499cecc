"""Where a run ran: an allow-list of facts about machine and libraries. No host name, no user, no variables.

Nothing here imports torch, and every process of a sweep finds the same facts: torch's build is read from its
``version.py``, the core count is the machine's, not the affinity of a lane that was pinned to one core.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

KEYS = (
    "cpu",
    "cpu_signature",
    "architecture",
    "cores",
    "memory_bytes",
    "platform",
    "python",
    "numpy",
    "torch",
    "torch_git",
    "threads",
    "flush_denormals",
    "gpu",
)
"""All that an environment may hold."""

_MACHINE_CLASS = ("cpu", "architecture", "cores", "torch", "torch_git", "threads", "gpu")
_OR_NONE = ("cpu_signature",)
"""Enters the hash only where it is known: environments told before it was, on 2026-11-30, keep their ``env_id``."""
_SIGNATURE = (("cpu family", "model"), ("CPU implementer", "CPU part"))
"""Names of ``/proc/cpuinfo`` that tell processors apart that call themselves the same: of x86, of ARM."""
_PACKAGE = Path(__file__).resolve().parents[1]
_GIT_TIMEOUT_S = 5.0


def environment(threads: int = 1, flush_denormals: bool = True) -> dict[str, Any]:
    """The facts named in ``KEYS``.

    Args:
        threads: intra-op threads of a training process.
        flush_denormals: whether such a process flushes denormal numbers to zero.
    """
    torch_version, torch_git = _torch_build()
    return {
        "cpu": _cpu_model(),
        "cpu_signature": cpu_signature(_cpuinfo()),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "memory_bytes": _memory_bytes(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "numpy": _installed("numpy"),
        "torch": torch_version,
        "torch_git": torch_git,
        "threads": threads,
        "flush_denormals": flush_denormals,
        "gpu": _gpu_name(),
    }


def env_id(environment: Mapping[str, Any]) -> str:
    """12 hexadecimal digits: a hash of machine class (CPU, architecture, cores, GPU), torch build and threads.

    >>> env_id({"cpu": "A", "cores": 2}) == env_id({"cpu": "A", "cores": 2, "python": "3.12.1"})
    True
    """
    facts = [[key, environment.get(key)] for key in _MACHINE_CLASS]
    facts += [[key, environment[key]] for key in _OR_NONE if environment.get(key) is not None]
    return hashlib.sha256(json.dumps(facts, allow_nan=False).encode()).hexdigest()[:12]


def git_state(package: Path = _PACKAGE) -> dict[str, Any] | None:
    """``{"commit": 40 hex digits, "clean": bool}`` of the checkout that holds the package; None where there is none.

    A package that merely lies inside somebody's checkout, as in a virtual environment, is not held by it: git must
    track the package's own ``__init__.py``. What lies in ``results`` makes nothing unclean: a sweep whose store is
    there, as that of a reference study, would else call itself changed from its second record on.
    """
    if _git(package, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    commit = _git(package, "rev-parse", "HEAD")
    changes = _git(package, "status", "--porcelain", "--", ":/", ":(top,exclude)results")
    if commit is None or changes is None:
        return None
    return {"commit": commit.strip(), "clean": not changes.strip()}


def _git(folder: Path, *words: str) -> str | None:
    """What git prints, None where git is missing, slow or refuses."""
    # GIT_DIR and the like, set inside hooks, would point at another repository.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ["git", "-C", str(folder), "--no-optional-locks", *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_TIMEOUT_S, env=clean, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def cpu_signature(cpuinfo: str) -> str | None:
    r"""What tells a processor from others of the same name, as virtual machines give them; None where it is not said.

    Two generations of one name round differently: the same command gives other losses in the last digits.

    >>> cpu_signature("cpu family : 25\nmodel : 17\nmodel name : AMD EPYC")
    'cpu family 25, model 17'
    """
    for names in _SIGNATURE:
        found = [re.search(rf"^{name}[ \t]*:[ \t]*(\S+)", cpuinfo, re.MULTILINE) for name in names]
        if all(found):
            return ", ".join(f"{name} {match[1]}" for name, match in zip(names, found, strict=True) if match)
    return None


def _cpu_model() -> str:
    found = re.search(r"^(?:model name|Model|Hardware|cpu model)\s*:\s*(.+)$", _cpuinfo(), re.MULTILINE)
    return (found.group(1) if found else platform.processor() or platform.machine()).strip()


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return ""


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@lru_cache(maxsize=1)
def _torch_build() -> tuple[str | None, str | None]:
    """Version with its local part (``2.13.0+cpu``) and git commit, read without importing torch."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return None, None
    try:
        text = (Path(spec.origin).parent / "version.py").read_text()
    except OSError:
        return _installed("torch"), None
    found = {key: re.search(rf"^{key}\s*=\s*'([^']+)'", text, re.MULTILINE) for key in ("__version__", "git_version")}
    name, commit = found["__version__"], found["git_version"]
    return (name.group(1) if name else _installed("torch")), (commit.group(1) if commit else None)


@lru_cache(maxsize=1)
def _gpu_name() -> str | None:
    """Model of the first NVIDIA GPU, from the driver's files or its own tool; None where there is none."""
    for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        found = re.search(r"^Model:\s*(.+)$", path.read_text(errors="replace"), re.MULTILINE)
        if found:
            return found.group(1).strip()
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    command = [tool, "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.strip().splitlines()
    return lines[0].strip() if done.returncode == 0 and lines else None
