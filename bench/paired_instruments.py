"""What instruments cost: whole runs with all of them against the same runs with none, interleaved in one process.

Each round times both, twice, in the order ABBA or BAAB drawn at random, as in ``paired_steps.py``; a block is a run
from its start to its test score. Both train the same, bit for bit, so they stop at the same step. The cost is what the
ratio with/without is above 1, reported with its interval; the A/A pair (none against none) is the resolution of the
session. What the record itself says, seconds observing over seconds training, stands beside it.

    python bench/paired_instruments.py rnn gru --task long/copy_30 --rounds 10 --out paired_instruments.json
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import engine
import numpy as np
from paired_steps import LEVEL, Pair, document, interval

from seqbench.run import Training
from seqbench.schema import Cell
from seqbench.sweep.cell import build_task, build_trainer, instruments, prepare

ARCHITECTURES = ("rnn", "lstm", "gru", "attention", "transformer")


def main() -> None:
    """Measure the architectures that are asked for; print costs and keep the raw rounds."""
    options = parse()
    prepare()
    pairs = []
    for architecture in options.architectures:
        cell = engine.cell(f"task={options.task}", f"model={architecture}", *options.words)
        measured, shares = measure(architecture, cell, options.rounds, options.seed)
        print(line(measured[0], shares), line(measured[1]), sep="\n", flush=True)
        pairs += measured
    if options.out is not None:
        options.out.write_text(json.dumps(document(pairs) | {"task": options.task}, indent=1) + "\n")


def parse() -> argparse.Namespace:
    """The command line; further words, such as train.steps=400, change the cell."""
    parser = argparse.ArgumentParser(description="Runs with all instruments against runs with none.")
    parser.add_argument("architectures", nargs="*", help=f"of {', '.join(ARCHITECTURES)}; none = all")
    parser.add_argument("--task", default="copy_memory", help="a file of conf/task")
    parser.add_argument("--rounds", type=int, default=10, help="rounds per pair, at least 10")
    parser.add_argument("--seed", type=int, default=0, help="of the order within rounds")
    parser.add_argument("--out", type=Path, help="JSON file for the raw rounds")
    options = parser.parse_intermixed_args()
    options.words = [word for word in options.architectures if "=" in word]
    names = [word for word in options.architectures if "=" not in word]
    options.architectures = names or list(ARCHITECTURES)
    if options.rounds < 10:
        parser.error(f"--rounds must be at least 10; got {options.rounds}")
    return options


def measure(name: str, cell: Cell, rounds: int, seed: int) -> tuple[list[Pair], list[float]]:
    """The pair with/without and the pair without/without, and the shares that runs with instruments say themselves."""
    draw = np.random.default_rng(seed)
    orders = [["ABBA", "BAAB"][i] for i in draw.integers(2, size=2 * rounds)]
    _, steps, _ = run(cell, observed=True)  # warm-up
    compared, same, shares = [], [], []
    for i in range(rounds):
        row = []
        for side in orders[2 * i]:
            seconds, _, share = run(cell, observed=side == "A")
            row.append(seconds)
            shares += [share] if side == "A" else []
        compared.append(tuple(row))
        same.append(tuple(run(cell, observed=False)[0] for _ in orders[2 * i + 1]))
    a, b = tuple(orders[::2]), tuple(orders[1::2])
    pairs = [
        Pair(name=name, a="with", b="without", orders=a, seconds=tuple(compared), steps=steps),
        Pair(name=f"{name} A/A", a="without", b="without", orders=b, seconds=tuple(same), steps=steps),
    ]
    return pairs, shares


def run(cell: Cell, observed: bool) -> tuple[float, int, float]:
    """Seconds and steps of one whole run, and seconds observing over seconds training."""
    task = build_task(cell)
    training = Training(build_trainer(cell, task, cell.seeds[:1]), instruments(cell) if observed else ())
    began = time.perf_counter()
    (result,) = training.run()
    seconds = time.perf_counter() - began
    return seconds, result.summary["steps"], training.observe_s / training.train_s


def line(pair: Pair, shares: Sequence[float] = ()) -> str:
    """One line of the result: how much longer A takes, in percent of B."""
    ratio, low, high = (1 / value for value in interval(pair.log_ratios))
    cost, least, most = (100 * (value - 1) for value in (ratio, high, low))
    own = f"; observing is {100 * np.median(shares):.2f} % of training" if shares else ""
    return f"{pair.name:15} {cost:+.2f} % [{least:+.2f}, {most:+.2f}] at {LEVEL:.0%}, {pair.steps} steps a run{own}"


if __name__ == "__main__":
    main()
