"""Ctrl-C and SIGTERM while a process is started: it is deaf to Ctrl-C, and the parent loses neither. And its end."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from typing import Any

INTERRUPTS = (signal.SIGINT, signal.SIGTERM)
ORPHAN_S = 5.0
"""Seconds that a process has to save what it is at when the one that started it is gone."""


@contextmanager
def deaf() -> Iterator[None]:
    """A process started inside is deaf to Ctrl-C from its first moment: only the parent answers it, and ends the lanes.

    The blocked signal is inherited, also by a fresh interpreter, which would otherwise print a traceback while it
    imports torch.
    """
    resource_tracker.ensure_running()  # it would unblock the signal if it were started inside
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextmanager
def held(noticed: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Hold interrupts back until a process that is started inside is known; ``noticed`` is called as soon as one comes.

    Python runs handlers in the main thread only: another thread, which no interrupt reaches, has nothing to hold back.
    """
    noted: list[int] = []

    def note(number: int, _: Any) -> None:
        noted.append(number)
        noticed()

    main = threading.current_thread() is threading.main_thread()
    heard = [number for number in INTERRUPTS if main and signal.getsignal(number) not in (signal.SIG_IGN, None)]
    handlers = {number: signal.signal(number, note) for number in heard}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if noted:
            signal.raise_signal(noted[0])


def end_with_parent() -> None:
    """See to it that this process does not outlive the one that wants its result: it is asked to end, then made to."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch(sentinel: int) -> None:
        wait([sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(ORPHAN_S)
        os._exit(1)  # a step that does not end, or a handler that somebody replaced

    threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()
