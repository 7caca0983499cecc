"""Our CPU recurrences against torch's, forward and backward, and what that makes of a training step.

Both run in one process, interleaved as in ``paired_steps.py``: each round times both, twice, in the order ABBA or BAAB
drawn at random, and gives one ratio; the median is reported with its interval. The A/A pair (torch's kernel against
itself) is the resolution of the session. The loss reads the last state, as in the adding problem.

    OMP_NUM_THREADS=1 python bench/paired_kernels.py --rounds 20 --out paired_kernels.json     # some 5 minutes
"""

import argparse
import itertools
import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from paired_steps import Pair, Step, block_size, document, engine_step, line, run_block, run_round

from seqbench.ops import library_kernels
from seqbench.ops.gru import gru
from seqbench.ops.rnn import rnn
from seqbench.sweep.cell import prepare

OPS = {
    "rnn_tanh": (rnn, 1),
    "rnn_relu": (partial(rnn, activation="relu"), 1),
    "gru": (gru, 3),
}
WIDTHS, BATCH_SIZES, LENGTHS = (32, 64, 128, 256), (32, 64), (100, 400)
FEATURES = 2
LEAST_S = 0.01


def main() -> None:
    """Measure the ops that are asked for at every size, one A/A pair, and training steps; keep the raw rounds."""
    options = parse()
    prepare()
    pairs = []
    for name, ours, torchs in sides(options):
        pairs.append(measure(name, ours, torchs, options.rounds, options.seed))
        print(line(pairs[-1]), flush=True)
    if options.out is not None:
        sizes = {"widths": options.widths, "batch_sizes": BATCH_SIZES, "lengths": options.lengths, "features": FEATURES}
        options.out.write_text(json.dumps(document(pairs) | {"sizes": sizes}, indent=1) + "\n")


def parse() -> argparse.Namespace:
    """The command line; refuses fewer than 10 rounds, whose interval would say little."""
    parser = argparse.ArgumentParser(description="Our recurrences against torch's on the CPU, calls per second.")
    parser.add_argument("ops", nargs="*", default=["rnn_tanh", "gru"], help=f"of {', '.join(OPS)}")
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS)
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--rounds", type=int, default=20, help="rounds per pair, at least 10")
    parser.add_argument("--seed", type=int, default=0, help="of the order within rounds")
    parser.add_argument("--out", type=Path, help="JSON file for the raw rounds")
    options = parser.parse_intermixed_args()
    if options.rounds < 10:
        parser.error(f"--rounds must be at least 10; got {options.rounds}")
    if unknown := set(options.ops) - set(OPS):
        parser.error(f"ops must be of {', '.join(OPS)}; got {', '.join(sorted(unknown))}")
    return options


def sides(options: argparse.Namespace) -> Iterator[tuple[str, Step, Step]]:
    """Name, our side and torch's of every pair."""
    same = on(True, call(options.ops[0], 100, 64, 64))
    yield f"{options.ops[0]} A/A", same, same
    for architecture in sorted({op.split("_")[0] for op in options.ops}):
        yield f"{architecture} training step", on(False, engine_step(architecture)), on(True, engine_step(architecture))
    for op, length, batch, width in itertools.product(options.ops, options.lengths, BATCH_SIZES, options.widths):
        step = call(op, length, batch, width)
        yield f"{op} length {length} batch {batch} width {width}", on(False, step), on(True, step)


def call(op: str, length: int, batch: int, width: int) -> Step:
    """One call forward and backward."""
    function, num_gates = OPS[op]
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(batch, length, FEATURES, generator=draw)
    shapes = (num_gates * width, FEATURES), (num_gates * width, width), (num_gates * width,)
    weights = [(torch.rand(shape, generator=draw) * 2 - 1).div_(width**0.5).requires_grad_() for shape in shapes]

    def step() -> None:
        _, last = function(x, *weights)
        last.sum().backward()

    return step


def on(library: bool, step: Step) -> Step:
    """The same step on torch's kernels or on ours."""

    def chosen() -> None:
        with library_kernels(library):
            step()

    return chosen


def measure(name: str, ours: Step, torchs: Step, rounds: int, seed: int) -> Pair:
    """The raw rounds of one pair."""
    steps = block_size(torchs, LEAST_S)
    run_block(ours, 2 * steps)  # warm-up
    draw = np.random.default_rng(seed)
    orders: Sequence[str] = [["ABBA", "BAAB"][i] for i in draw.integers(2, size=rounds)]
    seconds = tuple(run_round(order, ours, torchs, steps) for order in orders)
    a = "torch" if name.endswith("A/A") else "ours"
    return Pair(name=name, a=a, b="torch", orders=tuple(orders), seconds=seconds, steps=steps)


if __name__ == "__main__":
    main()
