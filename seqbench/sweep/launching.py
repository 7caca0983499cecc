"""The process that hands jobs to a Hydra launcher: ``python -m seqbench.sweep.launching WORDS``, words for Hydra.

A process of its own, because a launcher makes its process its own: signal handlers, loggers, a cluster's client. The
sweep starts it, waits for its end, and takes nothing from it but its exit code; what it prints is kept for the reader.
"""

import os
import signal
import threading
import time

import hydra
from hydra.core.config_store import ConfigStore

from seqbench.sweep import launched

GRACE_S, POLL_S = 5.0, 0.25
"""Seconds that jobs have to save their runs when the sweep is gone, and between two looks at whether they have."""


def main() -> None:
    """Let Hydra run ``launched.run`` for each job that the words on the command line sweep over."""
    threading.Thread(target=_end_with_sweep, daemon=True).start()
    ConfigStore.instance().store(name="launched", node={"folder": "???", "job": "???"})
    hydra.main(version_base="1.3", config_path=None, config_name="launched")(launched.run)()


def _end_with_sweep() -> None:
    """End all processes of this group when the sweep that started it is gone: it held our standard input.

    First they are asked, so that they save their runs. This process ends of it too, and a worker whose job was
    interrupted may wait for another one, so a process outside of the group makes an end of what is left.
    """
    while os.read(0, 1):
        pass
    group = os.getpgrp()
    outside = os.fork()
    if outside == 0:
        _make_end(group)
    os.setpgid(outside, outside)  # here and not there: else what is asked of the group may reach it first
    os.killpg(group, signal.SIGTERM)


def _make_end(group: int) -> None:
    deadline = time.monotonic() + GRACE_S
    try:
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(POLL_S)
        os.killpg(group, signal.SIGKILL)
    finally:  # ProcessLookupError: all are gone
        os._exit(0)


if __name__ == "__main__":
    main()
