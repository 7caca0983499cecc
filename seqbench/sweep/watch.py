"""Watch the sweeps of a store: live in a terminal, as plain lines elsewhere, until none is at work any more."""

import os
import time
from pathlib import Path

from rich.console import Console

from seqbench.schema import UsageError
from seqbench.sweep.drawing import block, headline, plain_lines
from seqbench.sweep.plan import say
from seqbench.sweep.progress import View
from seqbench.sweep.state import StoreWatch, SweepState

POLL_S = 0.25


INTERRUPTED = 130


def watch(store: Path, console: Console, *, once: bool) -> int:
    """Show where the sweeps of a store stand, ``once`` or until they end; the exit code.

    Raises:
        UsageError: the store cannot be read.
    """
    try:
        os.listdir(store)
    except OSError as error:
        reason = f"must be a folder that can be read; got {str(store)!r} ({error.strerror})"
        raise UsageError(f"--store {reason}. Name another one.") from error
    try:
        _watch(store, console, once)
    except KeyboardInterrupt:  # who looks on may leave; nothing is stopped by it
        return INTERRUPTED
    return 0


def _watch(store: Path, console: Console, once: bool) -> None:
    follower = StoreWatch(store)
    states = follower.look()
    if not states:
        say(console, f"No sweep is at work in {store}, and none was interrupted.")
        return
    if once or not any(state.living for state in states):
        _snapshot(states, console)
        return
    if not console.is_terminal:
        _snapshot(states, console)
    last: dict[str, SweepState] = {}
    with View(console, follower) as view:
        while True:
            last |= {state.key: state for state in view.states}  # of its first look too: a sweep may have ended by then
            if not any(state.living for state in view.states):
                break
            time.sleep(POLL_S)
            view.tick()
    for state in last.values():
        say(console, headline(state))


def _snapshot(states: list[SweepState], console: Console) -> None:
    if console.is_terminal:
        console.print(block(states, console), end="")
        return
    for state in states:
        for line in plain_lines(state):
            say(console, line)
