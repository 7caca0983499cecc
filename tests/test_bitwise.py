"""One run is bitwise the same however it comes about: every architecture on every task of the smoke sweep, on the CPU.

The sweep is run a handful of times and compared run by run: hashes of all training losses and of the final parameters.
"""

import io
import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from seqbench.config import compose
from seqbench.record.record import run_id
from seqbench.record.store import Store
from seqbench.run import Training
from seqbench.schema import Cell, Options, Study
from seqbench.sweep import engine, lanes, preflight
from seqbench.sweep.keeper import CheckpointKeeper

ROOT = Path(__file__).parents[1]
CELLS = compose(["+sweep=smoke", "train.steps=12", "train.evaluate_every=5", "device=cpu", "seeds=1"]).cells
KILLED_AT = 7
"""The step at which a worker is killed: after the first evaluation, before the next, and not the last."""

Hashes = dict[str, tuple[str, str]]


def name(cell: Cell) -> str:
    return f"{cell.labels['model']} on {cell.labels['task']}"


def identity(cell: Cell) -> str:
    return run_id(cell.identity(), cell.seeds[0], "learning")


def sweep(store: Path, cells: tuple[Cell, ...], number: int) -> int:
    """The exit code of a sweep over the cells on so many lanes."""
    options = Options(
        store=str(store), out=str(store), lanes=number, rerun="missing", cost=False, report=False, checkpoint_s=0.0
    )
    study = Study(name=None, description="", reference=None, tuning="", cells=cells, options=options)
    return engine.run(study, Console(file=io.StringIO(), width=160))


def hashes(store: Path) -> Hashes:
    completed = [record for record in Store(store).records() if record.status == "completed"]
    return {r.run_id: (r.summary["losses_sha256"], r.summary["parameters_sha256"]) for r in completed}


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Hashes:
    """All runs of one sweep, side by side in two lanes."""
    store = tmp_path_factory.mktemp("together")
    assert sweep(store, CELLS, 2) == 0
    return hashes(store)


@pytest.fixture(scope="module")
def backwards(tmp_path_factory: pytest.TempPathFactory) -> Hashes:
    """All runs in the other order, one after the other in one lane; seeds first that the other sweep does not have."""
    store = tmp_path_factory.mktemp("backwards")
    assert sweep(store, tuple(replace(cell, seeds=(1, *cell.seeds)) for cell in CELLS[:3]), 1) == 0
    assert sweep(store, CELLS[::-1], 1) == 0
    return hashes(store)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a sweep each of whose workers was killed in the middle, and which was run again."""
    store = tmp_path_factory.mktemp("killed")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.test_bitwise", str(store)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "1 0\n"), done.stdout + done.stderr[-3000:]
    return store


def test_every_architecture_meets_every_task():
    assert len(CELLS) == len({cell.labels["task"] for cell in CELLS}) * len({cell.labels["model"] for cell in CELLS})
    assert len(CELLS) >= 15


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS, ids=name)
def test_a_run_is_bitwise_the_same_alone_and_in_a_sweep(cell: Cell, tmp_path: Path, together: Hashes):
    assert sweep(tmp_path, (cell,), 1) == 0
    assert hashes(tmp_path) == {identity(cell): together[identity(cell)]}


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS, ids=name)
def test_a_run_is_bitwise_the_same_in_any_order_and_in_one_lane_or_two(cell: Cell, together: Hashes, backwards: Hashes):
    assert backwards[identity(cell)] == together[identity(cell)]


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS, ids=name)
def test_a_run_is_bitwise_the_same_killed_and_resumed(cell: Cell, together: Hashes, killed: Path):
    first, last = Store(killed).find(identity(cell))
    assert (first.status, last.status) == ("killed", "completed")
    assert last.summary["resumed_at"] == [KILLED_AT]
    assert hashes(killed)[identity(cell)] == together[identity(cell)]


@pytest.mark.slow
def test_runs_differ_where_they_should(together: Hashes, backwards: Hashes):
    """Or the hashes would show nothing: no two cells agree, nor two seeds."""
    assert len(set(together.values())) == len(CELLS)
    assert len(set(backwards.values())) == len(CELLS) + 3


def main(store: Path) -> None:
    """Run the sweep with workers that are killed once, then again; prints both exit codes."""
    keep = CheckpointKeeper.keep

    def keep_and_die(self: CheckpointKeeper, training: Training) -> None:
        keep(self, training)
        if training.step == KILLED_AT and not self.resumed_at:
            os.kill(os.getpid(), signal.SIGKILL)

    CheckpointKeeper.keep = keep_and_die  # type: ignore[method-assign]
    for module in (engine, preflight):  # workers forked from here know the keeper above
        module.Lanes = partial(lanes.Lanes, method="fork")  # type: ignore[attr-defined,misc]
    print(sweep(store, CELLS, 2), sweep(store, CELLS, 2))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
