"""The engine's training step and batches for what a command line would name, without lanes, evaluations and record."""

from pathlib import Path

from seqbench.config import compose
from seqbench.schema import Cell
from seqbench.spec import Task
from seqbench.sweep.cell import build_task, build_trainer
from seqbench.train import Trainer

CONF = Path(__file__).parents[1] / "conf"


def cell(*words: str) -> Cell:
    """The single cell that ``words`` describe, on the CPU."""
    (only,) = compose(["device=cpu", *words]).cells
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
