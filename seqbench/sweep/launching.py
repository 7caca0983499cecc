"""The process that hands jobs to a Hydra launcher: ``python -m seqbench.sweep.launching WORDS``, words for Hydra.

A process of its own, because a launcher makes its process its own: signal handlers, loggers, a cluster's client. The
sweep starts it, waits for its end, and takes nothing from it but its exit code; what it prints is kept for the reader.
"""

import os
import signal
import threading

import hydra
from hydra.core.config_store import ConfigStore

from seqbench.sweep import launched


def main() -> None:
    """Let Hydra run ``launched.run`` for each job that the words on the command line sweep over."""
    threading.Thread(target=_end_with_sweep, daemon=True).start()
    ConfigStore.instance().store(name="launched", node={"folder": "???", "job": "???"})
    hydra.main(version_base="1.3", config_path=None, config_name="launched")(launched.run)()


def _end_with_sweep() -> None:
    """Ask all processes of this group to end when the sweep that started it is gone: it held our standard input."""
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGTERM)


if __name__ == "__main__":
    main()
