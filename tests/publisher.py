"""A process that publishes records, for tests that kill it or take its disk away. It never loads torch.

Run as a program it obeys one command a line and answers each with one line of JSON; it forks a child for each record,
so that a trial costs milliseconds.
"""

import ctypes
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import simulated

from seqbench.record.fields import Reader
from seqbench.record.index import Known
from seqbench.record.reading import Problem, judge
from seqbench.record.store import Store

_record, _arrays = simulated.learning("copy_10", "gru", 0)
ARRAYS = {name: _arrays[name] for name in ("step", "loss")}
RECORD = replace(_record, arrays={name: _record.arrays[name] for name in ARRAYS})
REFUSED = 3
"""Exit status of a child whose ``publish`` raised OSError."""

_PTRACER, _ANYBODY = 0x59616D61, -1


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder in memory where there is room: on a slow disk a process that is killed at random is always in fsync."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2**30
    with tempfile.TemporaryDirectory(dir=memory if roomy else None) as folder:
        yield Path(folder)


def publish(root: Path | str, number: int) -> Path:
    """Publish the run of that number: the same bytes each time."""
    return Store(root).publish(replace(RECORD, run_id=f"{number:016x}", seed=number), ARRAYS)


def numbers(root: Path | str) -> list[int]:
    """The numbers of the runs in a store, each as often as it is there."""
    return sorted(int(record.run_id, 16) for record in Store(root).records())


def forked(work: Callable[[], Any]) -> int:
    """The process that does the work and ends with 0, or with ``REFUSED``."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    except OSError as error:
        print(error, file=sys.stderr)
        status = REFUSED
    finally:
        os._exit(status)


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Held:
    """A child that publishes when it is told to, so that strace can be attached before."""

    child, gate = 0, 0

    def hold(self, root: str, number: str) -> int:
        waiting, self.gate = os.pipe()

        def work() -> None:
            ctypes.CDLL(None).prctl(_PTRACER, _ANYBODY)  # where only parents may trace
            os.read(waiting, 1)
            publish(root, int(number))

        self.child = forked(work)
        os.close(waiting)
        return self.child

    def go(self) -> int:
        os.write(self.gate, b".")
        os.close(self.gate)
        return ended(self.child)


def kills(root: str, count: str, seed: str) -> list[int]:
    """Publish ``count`` runs and kill each publisher at a random time; the runs that were published before."""
    dice, done = random.Random(int(seed)), []
    began = time.perf_counter()
    ended(forked(lambda: publish(root, 0)))
    usual = time.perf_counter() - began
    for number in range(1, int(count) + 1):
        child = forked(lambda number=number: publish(root, number))
        time.sleep(dice.uniform(0, 1.2 * usual))
        os.kill(child, signal.SIGKILL)
        if ended(child) == 0:
            done.append(number)
    return done


def crowd(root: str, workers: str, runs: str, killings: str, seed: str) -> int:
    """Many processes publish at once and are killed at random and started again; how often that was.

    Each has its own runs, and some of its neighbour's.
    """
    dice, left, killed = random.Random(int(seed)), int(killings), 0
    share = int(runs)

    def start(worker: int) -> int:
        mine = [number % (share * int(workers)) for number in range(worker * share, worker * share + share * 6 // 5)]
        return forked(lambda: [publish(root, number) for number in mine])

    alive = {start(worker): worker for worker in range(int(workers))}
    while alive:
        time.sleep(dice.uniform(0, 0.1))
        if left:
            victim = dice.choice(list(alive))
            os.kill(victim, signal.SIGKILL)
            left -= 1
        for child in list(alive):
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                worker, code = alive.pop(child), os.waitstatus_to_exitcode(status)
                killed += code == -signal.SIGKILL
                if code != 0:
                    alive[start(worker)] = worker
    return killed


def disks(mount_point: str, sizes: str, runs: str) -> list[dict[str, Any]]:
    """Publish to disks of 4, 8, 12 ... kB until they are full, grow them, publish the rest."""
    found = []
    for size in range(4, 4 * int(sizes) + 4, 4):
        _mount("-t", "tmpfs", "-o", f"size={size}k", "tmpfs", mount_point)
        root = Path(mount_point) / "runs"
        before = [number for number in range(int(runs)) if _fits(root, number)]
        kept, problems, left = numbers(root), Store(root).problems, [p.name for p in root.glob(".tmp-*")]
        _mount("-o", "remount,size=64m", mount_point)
        for number in range(int(runs)):
            publish(root, number)
        after = numbers(root)
        found.append({"published": before, "kept": kept, "after": after, "problems": problems, "left": left})
        subprocess.run(["umount", mount_point], check=True)
    return found


def many(root: str, count: str) -> None:
    """Write that many records, unflushed."""
    simulated.write_many(Path(root), int(count))


def damage(folder: str, name: str) -> dict[str, Any]:
    """Cut a file of a record at every length and flip every bit of it; how often, and what was not noticed."""
    path, trials, unnoticed = Path(folder) / name, 0, []
    whole = path.read_bytes()
    assert isinstance(judge(folder, Reader()), Known)
    for damaged in (*truncations(whole), *flips(whole)):
        path.write_bytes(damaged)
        trials += 1
        if not isinstance(judge(folder, Reader()), Problem):
            unnoticed.append(damaged.decode(errors="backslashreplace"))
    path.write_bytes(whole)
    return {"trials": trials, "unnoticed": unnoticed}


def truncations(content: bytes) -> Iterator[bytes]:
    return (content[:length] for length in range(len(content)))


def flips(content: bytes) -> Iterator[bytes]:
    return (flipped(content, bit) for bit in range(8 * len(content)))


def flipped(content: bytes, bit: int) -> bytes:
    return content[: bit // 8] + bytes([content[bit // 8] ^ 1 << bit % 8]) + content[bit // 8 + 1 :]


def _fits(root: Path, number: int) -> bool:
    try:
        publish(root, number)
    except OSError:
        return False
    return True


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


class Publisher:
    """This program at work, in a process of its own."""

    def __init__(self, *before: str) -> None:
        command = [*before, sys.executable, __file__]
        paths = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nothing, text=True, env=paths)
        self.pid = self._answer()

    def __call__(self, *words: object) -> Any:
        assert self.process.stdin
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline() or '"ended"')

    def end(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def main() -> None:
    held = Held()
    commands: dict[str, Callable[..., Any]] = {
        "hold": held.hold,
        "go": held.go,
        "kills": kills,
        "crowd": crowd,
        "disks": disks,
        "damage": damage,
        "many": many,
    }
    print(json.dumps(os.getpid()), flush=True)
    for line in sys.stdin:
        name, *words = line.split()
        print(json.dumps(commands[name](*words)), flush=True)


if __name__ == "__main__":
    main()
