"""What ``bench/counts.py`` counts: that nothing which waits for a GPU, or starts a process, is missed."""

import multiprocessing
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

sys.path.append(str(Path(__file__).parents[1] / "bench"))

import counts  # pyright: ignore[reportMissingImports]


@pytest.mark.parametrize(
    ("read", "waits"),
    [
        (lambda x: x.sum().item(), 1),
        (lambda x: float(x[0]), 1),
        (lambda x: bool(x[0] > 0), 1),
        (lambda x: x.tolist(), 1),
        (lambda x: x.cpu(), 1),
        (lambda x: x.numpy(), 1),
        (np.asarray, 1),
        (lambda x: x[x > 0], 1),
        (torch.nonzero, 1),
        (lambda x: torch.repeat_interleave(x, torch.tensor([1, 2, 1])), 1),
        (lambda x: x + 1, 0),
        (lambda x: x[torch.tensor([0, 2])], 0),
        (lambda x: torch.where(x > 0, x, 0.0), 0),
        (lambda x: x[0], 0),
    ],
)
def test_what_waits_for_a_gpu_is_counted(read: Callable[[Tensor], object], waits: int) -> None:
    x = torch.tensor([1.0, -1.0, 2.0])
    with counts.Operators() as operators, counts.Reads() as reads:
        read(x)
    assert min(operators.syncs + reads.number, 1) == waits


def test_processes_are_counted_whoever_starts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def sweep(words: list[str]) -> int:
        store = Path(words[-1].removeprefix("store="))
        store.mkdir()
        (store / "record").touch()
        subprocess.run([sys.executable, "-c", ""], check=True)
        process = multiprocessing.get_context("spawn").Process(target=print)
        process.start()
        process.join()
        return 0

    monkeypatch.setattr(counts.cli, "main", sweep)
    assert {what: number for what, number, _ in counts.of_sweep()} == {"files in the store": 1, "processes": 2}
    subprocess.run([sys.executable, "-c", ""], check=True)
    assert {what: number for what, number, _ in counts.of_sweep()}["processes"] == 2  # not those between
