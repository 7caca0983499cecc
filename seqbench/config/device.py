"""The device that a cell trains on. It is part of a cell's identity, so "auto" is resolved before the cell is made."""

import importlib
import sys
from pathlib import Path

from seqbench.config.folder import did_you_mean
from seqbench.schema import UsageError

NODES = ("/dev/nvidia0", "/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
"""What a Linux machine has where it has a GPU (NVIDIA, Windows' Linux, AMD); torch is asked only where one is there."""


def resolve_device(name: str) -> str:
    """The device "cpu" or "cuda" that "auto", "cpu" or "cuda" asks for.

    Raises:
        UsageError: another name, or cuda where torch has none.
    """
    if name not in ("auto", "cpu", "cuda"):
        near = did_you_mean("cuda" if name == "gpu" else name, ("auto", "cuda"), "device=")  # tpu is no slip for cpu
        raise UsageError(f"device must be auto, cpu or cuda; got {name!r}.{near}")
    if name == "cpu":
        return "cpu"
    available = cuda_available()
    if name == "cuda" and not available:
        raise UsageError(
            "device=cuda must find a GPU that torch can use; this machine has none. Use device=cpu or auto."
        )
    return "cuda" if available else "cpu"


def cuda_available() -> bool:
    """Whether torch can use a GPU here. Imports torch only where a GPU may be."""
    if sys.platform.startswith("linux") and not any(Path(node).exists() for node in NODES):
        return False
    # By name: this package must not import torch, because answers without a GPU must not wait two seconds for it.
    return bool(importlib.import_module("torch").cuda.is_available())
