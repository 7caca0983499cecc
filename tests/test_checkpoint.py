import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seqbench import checkpoint
from seqbench.config import compose
from seqbench.record.scratch import Scratch
from seqbench.record.store import Store
from seqbench.run import Result, Training
from seqbench.schema import Cell
from seqbench.sweep.cell import build_task, build_trainer, instruments
from seqbench.sweep.job import Job
from seqbench.sweep.keeper import CheckpointKeeper, Interrupted
from seqbench.sweep.lanes import Ended, Lanes
from tests.toys import Mean, cell, train

CELLS = compose(["+sweep=smoke", "train.steps=12", "train.evaluate_every=5", "device=cpu", "seeds=1"]).cells


def name(made: Cell) -> str:
    return f"{made.labels['model']} on {made.labels['task']}"


def of_class(model: str, width: int = 4, **changes: object) -> Cell:
    """A cell with one of the architectures of this file."""
    made = cell("Mean", **changes)  # type: ignore[arg-type]
    return replace(made, model={**made.model, "target": f"tests.test_checkpoint:{model}", "width": width})


class Stop:
    """Captures a training after given steps; at the last of them it ends it."""

    def __init__(self, *at: int) -> None:
        self.at, self.step, self.kept = at, 0, []

    def due(self) -> bool:
        return True

    def keep(self, training: Training) -> None:
        if training.step in self.at:
            self.kept.append(checkpoint.capture(training))
        if training.step == self.at[-1]:
            raise Interrupted


def training(made: Cell, keeper: Stop | None = None, seeds: tuple[int, ...] = (0,)) -> Training:
    torch.manual_seed(3)
    task = build_task(made)
    return Training(build_trainer(made, task, seeds), instruments(made), keeper=keeper)


def assert_same(one: list[Result], other: list[Result]) -> None:
    for a, b in zip(one, other, strict=True):
        untimed = [{k: v for k, v in r.summary.items() if not k.endswith("_s")} for r in (a, b)]
        assert untimed[0] == untimed[1]
        assert (a.status, a.reason, a.axes) == (b.status, b.reason, b.axes)
        assert set(a.arrays) == set(b.arrays)
        for key in a.arrays:
            np.testing.assert_array_equal(a.arrays[key], b.arrays[key], err_msg=key)


def continued(made: Cell, tmp_path: Path, *at: int, seeds: tuple[int, ...] = (0,)) -> list[Result]:
    """The results of a training that was stopped at each of these steps, saved to a file and begun anew."""
    saved = None
    for step in at:
        stop = Stop(step)
        part = training(made, stop, seeds)
        if saved is not None:
            checkpoint.restore(part, *saved)
        with pytest.raises(Interrupted):
            part.run()
        scratch = Scratch(tmp_path, "run")
        scratch.save(*stop.kept[-1])
        saved = scratch.load()
        assert saved is not None
    torch.manual_seed(77)  # whatever the new process drew before
    last = training(made, seeds=seeds)
    checkpoint.restore(last, *saved)  # type: ignore[misc]
    return last.run()


@pytest.mark.parametrize("made", CELLS, ids=name)
def test_a_continued_run_ends_bitwise_as_if_nothing_had_happened(made: Cell, tmp_path: Path):
    assert_same(continued(made, tmp_path, 1, 7, 11), training(made).run())


@pytest.mark.parametrize("made", CELLS[:1], ids=name)
@pytest.mark.parametrize("step", [*range(12)])
def test_at_whatever_step_it_was_stopped(made: Cell, step: int, tmp_path: Path):
    assert_same(continued(made, tmp_path, step), training(made).run())


def test_a_population_is_continued_member_by_member(tmp_path: Path):
    made = cell("Mean", budget=12)
    assert_same(continued(made, tmp_path, 7, seeds=(0, 1, 2)), training(made, seeds=(0, 1, 2)).run())


class Noisy(nn.Module):
    """Draws in forward, and counts its calls in a buffer that scales its output."""

    def __init__(self, input_size: int, length: int, width: int = 4) -> None:
        super().__init__()
        self.mean, self.drop = Mean(input_size, length, width), nn.Dropout(0.5)
        self.register_buffer("calls", torch.zeros((), dtype=torch.bfloat16))

    def forward(self, x: Tensor) -> Tensor:
        assert isinstance(self.calls, Tensor)
        if self.training:
            self.calls += 1
        return self.drop(self.mean(x)) * (1 + self.calls / 16)


def test_a_module_that_draws_and_counts_is_continued_bitwise(tmp_path: Path):
    made = of_class("Noisy", budget=12)
    assert_same(continued(made, tmp_path, 3, 8), training(made).run())


def test_a_member_that_diverged_keeps_its_end(tmp_path: Path):
    made = cell("Mean", budget=30)

    def poisoned(keeper: Stop | None) -> Training:
        made_training = training(made, keeper, seeds=(0, 1))
        made_training.population.parameters[1] = float("nan")
        return made_training

    stop = Stop(8)
    with pytest.raises(Interrupted):
        poisoned(stop).run()
    again = training(made, seeds=(0, 1))
    checkpoint.restore(again, *stop.kept[-1])
    whole = poisoned(None).run()
    assert [result.status for result in whole] == ["completed", "diverged"]
    assert_same(again.run(), whole)


def test_a_checkpoint_of_another_model_or_format_is_refused():
    stop = Stop(3)
    with pytest.raises(Interrupted):
        training(cell("Mean"), stop).run()
    facts, arrays = stop.kept[-1]
    with pytest.raises(ValueError, match="shapes"):
        checkpoint.restore(training(of_class("Slow", width=20)), facts, arrays)
    with pytest.raises(ValueError, match="format"):
        checkpoint.restore(training(cell("Mean")), {**facts, "format": 0}, arrays)


# ------------------------------------------------------------------ in a process of its own, as a sweep does it


class Slow(Mean):
    """Takes its time."""

    def forward(self, x: Tensor) -> Tensor:
        time.sleep(0.01 * self.training)
        return super().forward(x)


def slow_cell(**changes: Any) -> Cell:
    return of_class("Slow", budget=40, train=train(evaluate_every=10), **changes)


def slow(tmp_path: Path, **changes: object) -> Job:
    made = slow_cell()
    return Job(kind="learning", cell=made, seed=0, store=str(tmp_path), checkpoint_s=0.0, **changes)  # type: ignore[arg-type]


def end_of(job: Job, when: Callable[[], bool] | None = None, sign: int = signal.SIGKILL) -> Ended:
    """How the job's process ended; it gets the signal as soon as ``when`` says so."""
    ended: list[Ended] = []
    lanes, sent = Lanes(1), []

    def tick() -> None:
        if when is not None and not sent and lanes.running and when():
            os.kill(lanes.running[0].process.pid, sign)
            sent.append(sign)

    lanes.run([job], ended.append, tick)
    assert multiprocessing.active_children() == []
    return ended[0]


def far(job: Job) -> Callable[[], bool]:
    """Whether the run has been evaluated once and has a checkpoint."""

    def reached() -> bool:
        return job.scratch().told() is not None and job.scratch().load() is not None

    return reached


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Hashes of losses and parameters of the run that nothing stopped."""
    store = tmp_path_factory.mktemp("whole")
    job = slow(store)
    end_of(job)
    (record,) = Store(store).records()
    assert record.summary["resumed_at"] == []
    return record.summary["losses_sha256"], record.summary["parameters_sha256"]


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_was_killed_continues_and_ends_the_same(tmp_path: Path, whole: tuple[str, str], sign: int):
    job = slow(tmp_path)
    end_of(job, far(job), sign)
    before = Store(tmp_path).records()
    assert [record.status for record in before] == ([] if sign == signal.SIGKILL else ["interrupted"])
    end_of(slow(tmp_path, attempt=1 + len(before)))
    record = Store(tmp_path).records()[-1]
    assert record.status == "completed"
    assert record.summary["resumed_at"]
    assert record.summary["resumed_at"][0] >= 10
    assert (record.summary["losses_sha256"], record.summary["parameters_sha256"]) == whole
    assert list((tmp_path / ".scratch").iterdir()) == []


@pytest.mark.parametrize("damage", [b"", b"PK", None])
def test_a_damaged_checkpoint_costs_time_and_nothing_else(tmp_path: Path, whole: tuple[str, str], damage: bytes | None):
    job = slow(tmp_path)
    end_of(job, far(job))
    (file,) = (tmp_path / ".scratch").glob("*.npz")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content) if damage is None else damage)
    end_of(job)
    (record,) = Store(tmp_path).records()
    assert record.summary["resumed_at"] == []
    assert (record.summary["losses_sha256"], record.summary["parameters_sha256"]) == whole


def test_a_checkpoint_of_other_code_is_not_continued(tmp_path: Path):
    job = slow(tmp_path)
    end_of(job, far(job))
    keeper = CheckpointKeeper(job.scratch(), {"seqbench": "0" * 64}, 0.0)
    fresh = training(job.cell)
    keeper.resume(fresh)
    assert fresh.step == 0
    keeper = CheckpointKeeper(job.scratch(), job.code, 0.0)
    keeper.resume(fresh)
    assert fresh.step > 0
    assert keeper.spent_s > 0


def test_two_sweeps_never_train_the_same_run_at_once(tmp_path: Path):
    job = slow(tmp_path)
    holder = job.scratch()
    assert holder.claim()
    assert end_of(job).messages == (("busy",),)
    assert Store(tmp_path).records() == []
    began = time.monotonic()
    end_of(slow(tmp_path, wait=True), lambda: holder.release() is None and time.monotonic() > began + 60)
    assert [record.status for record in Store(tmp_path).records()] == ["completed"]
    before = sorted(path.stat().st_mtime_ns for path in tmp_path.rglob("*.json"))
    end_of(job)
    assert before == sorted(path.stat().st_mtime_ns for path in tmp_path.rglob("*.json"))


def _parent(job: Job) -> None:
    Lanes(1).run([job], lambda end: None)


def test_no_process_outlives_the_one_that_started_it_and_the_run_is_saved(tmp_path: Path):
    job = slow(tmp_path)
    parent = multiprocessing.get_context("forkserver").Process(target=_parent, args=(job,))
    parent.start()
    deadline = time.monotonic() + 60
    while not far(job)() and time.monotonic() < deadline:
        time.sleep(0.02)
    parent.kill()
    parent.join()
    while job.scratch().claimed() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [record.status for record in Store(tmp_path).records()] == ["interrupted"]
    assert job.scratch().load() is not None
