"""Real A/A pairs: the same working tree timed against itself, for hours, block after block, into one file.

Each block is taken as a check takes it (four fresh processes in turns, two pairs) and appended as one line of JSON, so
that it can be stopped at any time and the same command goes on. With ``--neighbour`` a process keeps one core busy in
bursts meanwhile. ``resample_checks.py`` makes whole checks of what is collected.

    python bench/collect_pairs.py --blocks 150 --out results/reference/regression_check/quiet.jsonl
    python bench/collect_pairs.py --blocks 150 --out results/reference/regression_check/neighbour.jsonl --neighbour
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seqbench.check.commits import state
from seqbench.check.programs import Side
from seqbench.check.samples import Bench
from seqbench.record.environment import environment

NEIGHBOUR = """
import random, time
while True:
    end = time.perf_counter() + random.expovariate(1 / 3)
    while time.perf_counter() < end:
        sum(i * i for i in range(10_000))
    time.sleep(random.expovariate(1 / 3))
"""
"""Half of the time busy, in bursts and pauses of three seconds on average."""


def main() -> None:
    """Collect what is missing of the blocks that are asked for."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else the neighbour would stay
    options = parse()
    root = Path.cwd()
    side = Side(name="working tree", root=root, python=Path(sys.executable))
    bench = Bench({"base": side, "head": side}, options.suite, random.Random())
    names = bench.collect("head")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    done = len(options.out.read_text().splitlines()) if options.out.exists() else 0
    with neighbour() if options.neighbour else still():
        for number in range(done, options.blocks):
            began = time.monotonic()
            samples = bench.blocks(names, 1)
            line = {"block": number, "at": datetime.now(UTC).isoformat(timespec="seconds"), "load": os.getloadavg()}
            line |= {"neighbour": options.neighbour, "samples": [asdict(sample) for sample in samples]}
            line |= about(root) if number == done else {}
            with options.out.open("a") as file:
                file.write(json.dumps(line) + "\n")
            print(f"block {number + 1} of {options.blocks}: {time.monotonic() - began:.0f} s", flush=True)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="A/A pairs of the regression check, two a block.")
    parser.add_argument("--blocks", type=int, default=150, help="in the file when it is done; two pairs each")
    parser.add_argument("--out", type=Path, required=True, help="JSON lines; what is there is kept and continued")
    parser.add_argument("--suite", type=Path, default=Path("bench"))
    parser.add_argument("--neighbour", action="store_true", help="with a process that keeps a core busy in bursts")
    return parser.parse_args()


def about(root: Path) -> dict[str, Any]:
    """Where and of what the pairs are, told in the first line that a command adds."""
    return {"environment": environment(), "commit": state(root)}


@contextmanager
def neighbour() -> Iterator[None]:
    """A process that is busy half of the time, on whatever core it gets."""
    process = subprocess.Popen([sys.executable, "-c", NEIGHBOUR])
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def still() -> Iterator[None]:
    """No neighbour of ours."""
    yield


if __name__ == "__main__":
    main()
