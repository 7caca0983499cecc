"""What instruments cost: training with all of them, with none, and in a bare hand-written loop, interleaved.

All three train the same model on the same batches for the same number of steps. Each round times every side twice, in
a random order and then in the reverse one, which cancels drift that is linear within a round, as in
``paired_steps.py``. A block is one run's training and observing; evaluations and the test score are outside, as a bare
loop would have them too. What is above 1 in with/without is the cost of instruments, with/bare is that of the whole
engine; each with its interval. A second bare loop against the first (A/A) is the resolution of the session. What the
record itself says, seconds observing over seconds training, stands beside it.

    python bench/paired_instruments.py rnn gru --task long/adding_50 --rounds 10 --out paired_instruments.json
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import engine
import numpy as np
import torch
from paired_steps import LEVEL, Pair, document, interval
from torch.nn.utils import clip_grad_norm_

from seqbench.layers import build_network
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
        print(line(measured[0], shares), *map(line, measured[1:]), sep="\n", flush=True)
        pairs += measured
    if options.out is not None:
        options.out.write_text(json.dumps(document(pairs) | about(options), indent=1) + "\n")


def about(options: argparse.Namespace) -> dict[str, object]:
    """What was trained."""
    made = engine.cell(f"task={options.task}", *options.words)
    sizes = {"length": build_task(made).length, "batch_size": made.train.batch_size}
    return {"task": options.task, "words": options.words, "sizes": sizes, "instruments": dict(made.instruments)}


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
    """The three pairs, and the shares that runs with instruments say themselves."""
    draw = np.random.default_rng(seed)
    *_, steps = run(cell, observed=True)  # warm-up; all sides take as many steps
    sides: dict[str, Callable[[], tuple[float, float]]] = {
        "with": lambda: run(cell, observed=True)[:2],
        "without": lambda: run(cell, observed=False)[:2],
        "bare": lambda: (bare(cell, steps), 0.0),
        "bare again": lambda: (bare(cell, steps), 0.0),
    }
    orders, seconds, shares = [], [], []
    for _ in range(rounds):
        order = [list(sides)[i] for i in draw.permutation(len(sides))]
        taken = [(side, *sides[side]()) for side in (*order, *order[::-1])]
        orders.append(order)
        seconds.append([(side, s) for side, s, _ in taken])
        shares += [share for side, _, share in taken if side == "with"]
    named = [("with", "without"), ("with", "bare"), ("bare again", "bare")]
    return [_pair(name, a, b, orders, seconds, steps) for a, b in named], shares


def _pair(
    name: str, a: str, b: str, orders: list[list[str]], seconds: list[list[tuple[str, float]]], steps: int
) -> Pair:
    """Of rounds that hold every side twice, in an order and its reverse, what two sides are to each other."""
    return Pair(
        name=f"{name} {a}/{b}",
        a=a,
        b=b,
        orders=tuple("ABBA" if order.index(a) < order.index(b) else "BAAB" for order in orders),
        seconds=tuple(tuple(s for side, s in row if side in (a, b)) for row in seconds),
        steps=steps,
    )


def run(cell: Cell, observed: bool) -> tuple[float, float, int]:
    """Of one whole run: seconds training and observing, seconds observing over seconds training, and steps."""
    task = build_task(cell)
    training = Training(build_trainer(cell, task, cell.seeds[:1]), instruments(cell) if observed else ())
    (result,) = training.run()
    return training.train_s + training.observe_s, training.observe_s / training.train_s, result.summary["steps"]


def bare(cell: Cell, steps: int) -> float:
    """Seconds of a loop that one would write by hand for the model and the batches of a cell."""
    task, train, seed = build_task(cell), cell.train, cell.seeds[0]
    network = build_network(cell.model, task, cell.plugins, seed)
    parameters = list(network.parameters())
    rate, betas = float(cell.model["learning_rate"]), (train.beta1, train.beta2)
    optimizer = torch.optim.Adam(parameters, lr=rate, betas=betas, eps=train.eps, fused=True)
    began = time.perf_counter()
    for index in range(steps):
        batch = task.batch("train", index, train.batch_size, seed, torch.device("cpu"))
        loss = task.loss(network(batch), batch).mean()
        optimizer.zero_grad()
        loss.backward()
        if train.clip is not None:
            clip_grad_norm_(parameters, train.clip)
        optimizer.step()
    return time.perf_counter() - began


def line(pair: Pair, shares: Sequence[float] = ()) -> str:
    """One line of the result: how much longer A takes, in percent of B."""
    ratio, low, high = (1 / value for value in interval(pair.log_ratios))
    cost, least, most = (100 * (value - 1) for value in (ratio, high, low))
    own = f"; observing is {100 * np.median(shares):.2f} % of training" if shares else ""
    return f"{pair.name:24} {cost:+.2f} % [{least:+.2f}, {most:+.2f}] at {LEVEL:.0%}, {pair.steps} steps a run{own}"


if __name__ == "__main__":
    main()
