"""Worker processes: one a job, at most so many at once. What a job leaves is in the store.

CPU jobs come from a forkserver that has torch loaded: isolation (memory, random state, crashes) for some 20 ms a run
instead of two seconds of import. Whoever needs a truly fresh process asks for "spawn".
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Literal

from seqbench.sweep.interrupts import deaf, held
from seqbench.sweep.job import Job

POLL_S = 0.25
GRACE_S = 2.0
SERVER_DIED = 255
"""Exit code of a process of a forkserver that died before it could tell the process's own."""


@dataclass(kw_only=True)
class Lane:
    """A process at work on a job."""

    job: Job
    process: Any
    connection: Connection
    began: float = field(default_factory=time.monotonic)
    spent_s: float = 0.0
    waits: bool = False

    @property
    def elapsed_s(self) -> float:
        """Seconds since the process was started."""
        return time.monotonic() - self.began

    @property
    def overdue(self) -> bool:
        """Whether its job has had all the time it may take, that of earlier processes of its run included."""
        limit = self.job.limit_s
        return limit is not None and not self.waits and self.spent_s + self.elapsed_s > limit

    def begin(self, spent_s: float) -> None:
        """The job has its run: waiting for it is no part of the run's time, and earlier processes took ``spent_s``."""
        if self.waits:
            self.began, self.waits = time.monotonic(), False
        self.spent_s = spent_s

    def awaited(self) -> list[Any]:
        """What becomes readable when there is something to attend to."""
        return [self.process.sentinel] if self.connection.closed else [self.process.sentinel, self.connection]


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a job's process ended.

    Attributes:
        messages: what it sent. exit_code: of its process.
        timed_out: whether it ran past its time limit. stopped: whether it was ended because the sweep was.
    """

    job: Job
    messages: tuple[tuple, ...]
    exit_code: int | None
    timed_out: bool
    elapsed_s: float
    stopped: bool = False


class Lanes:
    """Runs jobs in the order given, ``number`` at a time.

    Attributes:
        running: the lanes at work.
    """

    def __init__(self, number: int, method: Literal["forkserver", "spawn"] = "forkserver") -> None:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        self.number, self.method = number, method
        self.context: Any = multiprocessing.get_context(method)
        if method == "forkserver":
            self.context.set_forkserver_preload(["seqbench.sweep.cell"])
        self.running: list[Lane] = []
        self._messages: dict[int, list[tuple]] = {}

    def run(
        self, jobs: Sequence[Job], ended: Callable[[Ended], object], tick: Callable[[], None] = lambda: None
    ) -> None:
        """Run all jobs; ``ended`` is called for each, ``tick`` four times a second. Leaves no process behind.

        Where it is interrupted, ``ended`` is also called for the jobs that were at work, once they have stopped.
        """
        waiting = list(jobs)
        try:
            while waiting or self.running:
                while waiting and len(self.running) < self.number:
                    self._start(waiting.pop(0))
                wait([item for lane in self.running for item in lane.awaited()], POLL_S)
                for lane in list(self.running):
                    self._attend(lane, ended)
                tick()
        except KeyboardInterrupt:
            for end in self.stop():
                ended(end)
            raise
        finally:
            self.stop()

    def stop(self) -> list[Ended]:
        """End every process: first asked, so that it saves its run, after two seconds, or one more Ctrl-C, made to."""
        deadline = time.monotonic() + GRACE_S
        try:
            for lane in self.running:
                lane.process.terminate()
            for lane in self.running:
                lane.process.join(max(0.0, deadline - time.monotonic()))
        finally:
            for lane in self.running:
                lane.process.kill()
        stopped = [self._end(lane, timed_out=False, stopped=True) for lane in self.running]
        self.running.clear()
        return stopped

    def _start(self, job: Job) -> None:
        receiver, sender = self.context.Pipe(duplex=False)
        # the target is imported in the child only: this process never loads torch
        process = self.context.Process(target=_work, args=(job, sender), daemon=True)
        with held(self._interrupted):
            if self.method == "forkserver":
                with deaf():
                    forkserver.ensure_running()
                process.start()
            else:
                with deaf():
                    process.start()
            sender.close()
            self._messages[id(process)] = []
            self.running.append(Lane(job=job, process=process, connection=receiver, waits=job.wait))

    def _interrupted(self) -> None:
        """An interrupt came before any process was at work: nobody waits until the forkserver has loaded torch."""
        if self.method == "forkserver" and not self.running:
            end_server()

    def _attend(self, lane: Lane, ended: Callable[[Ended], object]) -> None:
        alive = lane.process.is_alive()
        self._read(lane)
        timed_out = alive and lane.overdue
        if timed_out:
            lane.process.kill()
        elif alive:
            return
        self.running.remove(lane)
        ended(self._end(lane, timed_out))

    def _end(self, lane: Lane, timed_out: bool, stopped: bool = False) -> Ended:
        lane.process.join()
        code = lane.process.exitcode
        if code == SERVER_DIED and _outlived(lane.process.pid):
            code = -signal.SIGTERM
        self._read(lane)
        lane.connection.close()
        return Ended(
            job=lane.job,
            messages=tuple(self._messages.pop(id(lane.process))),
            exit_code=code,
            timed_out=timed_out,
            elapsed_s=lane.elapsed_s,
            stopped=stopped,
        )

    def _read(self, lane: Lane) -> None:
        try:
            while lane.connection.poll():
                kind, *rest = lane.connection.recv()
                if kind == "begun":
                    lane.begin(*rest)
                else:
                    self._messages[id(lane.process)].append((kind, *rest))
        except (EOFError, OSError):
            lane.connection.close()  # the writer is gone; the process's end tells the rest


def end_server() -> None:
    """End the forkserver, of which nothing is at work; the next lane that is started has a new one.

    It would end with this process, but at its leisure: to load torch takes seconds, and so does to unload it.
    """
    server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    if server is None or not _sent(server, signal.SIGKILL):
        return
    deadline = time.monotonic() + POLL_S
    with suppress(ChildProcessError):  # somebody has waited for it already
        while os.waitid(os.P_PID, server, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None and time.monotonic() < deadline:
            time.sleep(0.005)


def _outlived(pid: int) -> bool:
    """End a worker whose forkserver died before it, which nobody else can do; whether there was one."""
    if not _sent(pid, signal.SIGTERM):
        return False
    deadline = time.monotonic() + GRACE_S
    while _is_at_work(pid):
        if time.monotonic() > deadline:
            _sent(pid, signal.SIGKILL)
        time.sleep(0.02)
    return True


def _is_at_work(pid: int) -> bool:
    """Whether a process that is not our child goes on: who should notice that it has ended may take its time."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return _sent(pid, 0)


def _sent(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def _work(job: Job, connection: Connection) -> None:
    from seqbench.sweep.cell import work
    from seqbench.sweep.log import captured

    with captured(job):
        work(job, connection)


def default_lanes(device: str) -> int:
    """One lane a core this process may use, one on a GPU."""
    return 1 if device == "cuda" else len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
