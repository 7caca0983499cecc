"""The engine's training step and batches for what a command line would name, without lanes, evaluations and record."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch

from seqbench.config import compose
from seqbench.schema import Cell
from seqbench.spec import Task
from seqbench.sweep.cell import build_task, build_trainer
from seqbench.train import Trainer

CONF = Path(__file__).parents[1] / "conf"
DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def cell(*words: str) -> Cell:
    """The single cell that ``words`` describe, on the CPU unless they say otherwise."""
    device = [] if any(word.startswith("device=") for word in words) else ["device=cpu"]
    (only,) = compose([*device, *words]).cells
    return only


def task(*words: str) -> Task:
    """The task of ``cell``."""
    return build_task(cell(*words))


def trainer(*words: str, seed: int = 0) -> Trainer:
    """A fresh trainer of one member of ``cell``."""
    described = cell(*words)
    return build_trainer(described, build_task(described), (seed,))


def choices(group: str) -> list[str]:
    """Names below ``conf/<group>`` that need no file of the user's."""
    folder = CONF / group
    files = sorted(path for path in folder.rglob("*.yaml") if "path: ???" not in path.read_text())
    return [path.relative_to(folder).with_suffix("").as_posix() for path in files]


def gated(names: Sequence[str], watched: Sequence[str]) -> list[object]:
    """The names as parameters of a benchmark, those marked ``gated`` that the regression check watches."""
    return [pytest.param(name, marks=pytest.mark.gated) if name in watched else name for name in names]


def on_devices(models: Sequence[str], watched: Mapping[str, Sequence[str]]) -> list[object]:
    """Every model on every device as parameters, marked ``gated`` what ``watched`` names for its device."""
    return [
        pytest.param(
            model, device, id=f"{model}-{device}", marks=[pytest.mark.gated] if model in watched.get(device, ()) else []
        )
        for device in DEVICES
        for model in models
    ]
