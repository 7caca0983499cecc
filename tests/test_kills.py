"""A sweep that is killed, again and again, at whatever moment, loses nothing and repeats nothing."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from seqbench.record.record import current
from seqbench.record.store import Store
from tests.killing import HOW, processes

ROOT = Path(__file__).parents[1]
Tally = Callable[[str, int], None]
Hashes = dict[str, tuple[str, str]]
WORDS = (
    "task=smoke/copy_3", "model=gru,rnn", "train=smoke", "train.steps=40", "seeds=2", "store=store", "out=out",
    "checkpoint_s=0.05", "cost=false", "lanes=2", "device=cpu",
)  # fmt: skip
NUM_RUNS = 4
ENDS_S = 5.0
"""Seconds in which an interrupted sweep has ended, with all its processes."""


@pytest.mark.slow
@pytest.mark.parametrize("how", HOW)
def test_a_sweep_that_is_killed_loses_nothing(how: str, tmp_path: Path, tally: Tally):
    kill_trials(how, 18, tmp_path, tally)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(2))
@pytest.mark.parametrize("how", HOW)
def test_a_thousand_sweeps_that_are_killed_lose_nothing(how: str, part: int, tmp_path: Path, tally: Tally):
    kill_trials(how, 167, tmp_path, tally, seed=1 + part)


def kill_trials(how: str, trials: int, folder: Path, tally: Tally, seed: int = 0) -> None:
    words = [sys.executable, "-m", "tests.killing", how, str(trials), str(seed), str(folder / "trials")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    counts = json.loads(done.stdout)
    for name in ("trials", "kills"):
        tally(f"{name} (the {how} killed)", counts[name])
    tally("runs that continued from a checkpoint", counts["resumed"])
    tally("losses", len(counts["losses"]))
    assert counts["trials"] == trials
    assert counts["kills"] > trials // 4
    assert counts["losses"] == []


# ------------------------------------------------------------------ the real command line


class Command:
    """``python -m seqbench`` in a session of its own, its output in a file."""

    def __init__(self, folder: Path, *words: str) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.told = folder, folder / "told"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
        with self.told.open("a") as told:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "seqbench", *(words or WORDS)],
                cwd=folder, env=environment, stdout=told, stderr=told, start_new_session=True,
            )  # fmt: skip
        self.session = self.process.pid

    def said(self, text: str, patience_s: float = 120.0) -> None:
        """Return when the output holds the text, or the process has ended."""
        deadline = time.monotonic() + patience_s
        while text not in self.told.read_text() and self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)

    def alone(self, within_s: float) -> bool:
        """Whether all processes of the session have ended within so many seconds."""
        deadline = time.monotonic() + within_s
        while processes(self.session):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True


def outcome(folder: Path) -> Hashes:
    """Hashes of losses and parameters of each completed run; no other record of it may be completed."""
    store = Store(folder / "store")
    store.collect()
    records = [record for record in store.records() if record.status == "completed"]
    assert len({record.run_id for record in records}) == len(records), "a run was completed twice"
    assert store.problems == []
    summaries = {record.run_id: record.summary for record in records}
    return {run_id: (of["losses_sha256"], of["parameters_sha256"]) for run_id, of in summaries.items()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Hashes, float]:
    """What the sweep leaves when nothing disturbs it, and the seconds it takes."""
    folder, began = tmp_path_factory.mktemp("whole"), time.monotonic()
    assert Command(folder).process.wait() == 0, (folder / "told").read_text()
    assert len(outcome(folder)) == NUM_RUNS
    return outcome(folder), time.monotonic() - began


def resume(folder: Path, whole: Hashes) -> None:
    """The same command again completes the sweep, bitwise."""
    code = Command(folder).process.wait()
    if code == 1:  # runs whose workers were killed say so, and are trained when the command comes again
        code = Command(folder).process.wait()
    assert code == 0, (folder / "told").read_text()
    assert outcome(folder) == whole
    assert {record.status for record in current(Store(folder / "store").records())} == {"completed"}
    assert not list((folder / "store" / ".scratch").glob("*"))


@pytest.mark.slow
@pytest.mark.parametrize("trial", range(2))
def test_an_interrupted_sweep_ends_soon_says_how_to_resume_and_resumes(
    trial: int, tmp_path: Path, whole: tuple[Hashes, float], tally: Tally
):
    interrupt(trial, tmp_path, whole, tally)


@pytest.mark.soak
@pytest.mark.parametrize("trial", range(200))
def test_two_hundred_interrupted_sweeps_end_soon_and_resume(
    trial: int, tmp_path: Path, whole: tuple[Hashes, float], tally: Tally
):
    interrupt(1000 + trial, tmp_path, whole, tally)


def interrupt(trial: int, folder: Path, whole: tuple[Hashes, float], tally: Tally) -> None:
    """Signal the parent alone, as ``kill`` does, or its whole group, as a terminal does, at a random moment."""
    dice, command = random.Random(trial), Command(folder)
    sign = dice.choice([signal.SIGINT, signal.SIGTERM])
    send = dice.choice([os.kill, os.killpg])
    command.said("Expected time" if trial % 2 else "to train", dice.uniform(0.3, 1.2 * whole[1]))
    time.sleep(dice.uniform(0, 0.8))
    before = outcome(folder)
    if command.process.poll() is None:
        send(command.process.pid, sign)
        tally("signals", 1)
    began = time.monotonic()
    code = command.process.wait(60)
    took = time.monotonic() - began
    told = command.told.read_text()
    assert code in ((130,) if code else (0,)), told  # 0: it was done before the signal came
    assert took < ENDS_S, told
    assert command.alone(ENDS_S - took), "a process is left"
    assert "Traceback" not in told
    assert told.count("the same command resumes") == (1 if code else 0) + told.count("Ctrl-C stops it"), told
    assert before.items() <= outcome(folder).items()
    resume(folder, whole[0])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1))
def test_the_real_command_survives_kills(seed: int, tmp_path: Path, whole: tuple[Hashes, float], tally: Tally):
    kill_commands(seed, tmp_path, whole, tally)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 51))
def test_fifty_real_commands_survive_kills(seed: int, tmp_path: Path, whole: tuple[Hashes, float], tally: Tally):
    kill_commands(seed, tmp_path, whole, tally)


def kill_commands(seed: int, folder: Path, whole: tuple[Hashes, float], tally: Tally) -> None:
    """Kill the group, the parent, or any one of the others: a worker, or the server that workers come from."""
    dice, before = random.Random(seed), {}
    sessions = []
    for _ in range(2):
        command = Command(folder)
        sessions.append(command)
        command.said("Expected time", 60)
        time.sleep(dice.uniform(0, 1.2))
        victims = processes(command.session)
        if victims:
            how = dice.choice(["group", "parent", "other"])
            victim = command.session if how != "other" else dice.choice(victims)
            if how == "group":
                os.killpg(command.session, signal.SIGKILL)
            elif victim in victims:
                os.kill(victim, signal.SIGKILL)
            tally("kills of the real command", 1)
        command.process.wait(60)
        now = outcome(folder)
        assert before.items() <= now.items()
        before = now
    resume(folder, whole[0])
    assert all(command.alone(ENDS_S) for command in sessions), "a process is left"
    assert "Traceback" not in (folder / "told").read_text()


@pytest.mark.slow
def test_a_second_interrupt_ends_the_sweep_at_once(tmp_path: Path):
    """The first one waits for workers that cannot save their run, because a step of theirs does not end."""
    (tmp_path / "conf" / "model").mkdir(parents=True)
    deaf = "# Sleeps.\ntarget: tests.toys:Sleeping\nlearning_rate: 0.01\n"
    (tmp_path / "conf" / "model" / "deaf.yaml").write_text(deaf)
    words = ("task=smoke/copy_3", "model=deaf", "plugins=[tests]", "--config-dir", "conf", "train=smoke", "store=store")
    command = Command(tmp_path, *words, "train.steps=500", "report=false", "cost=false", "device=cpu")
    command.said("Expected time")
    time.sleep(2.0)
    os.kill(command.process.pid, signal.SIGINT)
    time.sleep(0.5)
    assert command.process.poll() is None, command.told.read_text()
    began = time.monotonic()
    os.kill(command.process.pid, signal.SIGINT)
    assert command.process.wait(30) == 130, command.told.read_text()
    assert time.monotonic() - began < 1.0
    assert command.alone(ENDS_S)
    assert "Traceback" not in command.told.read_text()
