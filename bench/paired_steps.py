"""The engine's training step against the bare loop's, interleaved in one process.

A machine's speed drifts by more than the difference that is looked for, so the two are never timed apart: each round
times both, twice, in the order ABBA or BAAB drawn at random, which cancels drift that is linear within a round. The
ratio of a round is one number; their median is reported, with an interval between two of the rounds that needs no
distribution. The A/A pair (the bare loop against a second bare loop) goes through the same: the width of its interval
is the resolution of the session, and an interval that excludes 1 says that the session cannot be trusted.

    python bench/paired_steps.py --rounds 40 --out paired_steps.json
"""

import argparse
import itertools
import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import engine
import numpy as np
from bare_loop import LIBRARY, BareLoop

from seqbench.record.environment import environment
from seqbench.statistics.paired import median_bounds
from seqbench.sweep.cell import prepare

LENGTH, WIDTH, BATCH_SIZE = 100, 64, 64
LEVEL = 0.99

Step = Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Raw seconds of a pair, one row a round: two blocks of each side in the order they ran.

    Attributes:
        name: e.g. "gru". a, b: what the sides are.
        orders: "ABBA" or "BAAB", one a round.
        seconds: (rounds, 4), one number a block.
        steps: training steps in a block.
    """

    name: str
    a: str
    b: str
    orders: tuple[str, ...]
    seconds: tuple[tuple[float, ...], ...]
    steps: int

    @property
    def log_ratios(self) -> np.ndarray:
        """Per round, the logarithm of A's rate over B's: positive where A is faster."""
        return np.array([log_ratio(order, row) for order, row in zip(self.orders, self.seconds, strict=True)])


def main() -> None:
    """Measure every architecture of the bare loop and its A/A pair; print the ratios and keep the raw rounds."""
    options = parse()
    prepare()
    pairs = []
    for architecture in options.architectures:
        for pair in measure_architecture(architecture, options.rounds, options.seed):
            print(line(pair), flush=True)
            pairs.append(pair)
    if options.out is not None:
        options.out.write_text(json.dumps(document(pairs), indent=1) + "\n")


def parse() -> argparse.Namespace:
    """The command line; refuses fewer than 20 rounds, whose interval would say little."""
    parser = argparse.ArgumentParser(description="Engine against bare loop, training steps per second.")
    parser.add_argument("architectures", nargs="*", default=list(LIBRARY), help=f"of {', '.join(LIBRARY)}")
    parser.add_argument("--rounds", type=int, default=40, help="rounds per pair, at least 20")
    parser.add_argument("--seed", type=int, default=0, help="of the order within rounds")
    parser.add_argument("--out", type=Path, help="JSON file for the raw rounds")
    options = parser.parse_args()
    if options.rounds < 20:
        parser.error(f"--rounds must be at least 20; got {options.rounds}")
    if unknown := set(options.architectures) - set(LIBRARY):
        parser.error(f"architectures must be of {', '.join(LIBRARY)}; got {', '.join(sorted(unknown))}")
    return options


def measure_architecture(architecture: str, rounds: int, seed: int) -> list[Pair]:
    """The pair engine/bare and the pair bare/bare, their rounds interleaved too."""
    sides = engine_step(architecture), bare_step(architecture), bare_step(architecture)
    steps = block_size(sides[1])
    draw = np.random.default_rng(seed)
    orders = [["ABBA", "BAAB"][i] for i in draw.integers(2, size=2 * rounds)]
    for side in sides:
        run_block(side, 2 * steps)  # warm-up
    compared, same = [], []
    for i in range(rounds):
        compared.append(run_round(orders[2 * i], sides[0], sides[1], steps))
        same.append(run_round(orders[2 * i + 1], sides[2], sides[1], steps))
    return [
        Pair(name=architecture, a="engine", b="bare", orders=tuple(orders[::2]), seconds=tuple(compared), steps=steps),
        Pair(
            name=f"{architecture} A/A", a="bare", b="bare", orders=tuple(orders[1::2]), seconds=tuple(same), steps=steps
        ),
    ]


def engine_step(architecture: str) -> Step:
    """The engine's step, at the sizes of the bare loop; it wraps around after its budget."""
    budget = 10_000
    indices = itertools.cycle(range(budget))
    sizes = (f"task.length={LENGTH}", f"model.width={WIDTH}", f"train.batch_size={BATCH_SIZE}", "train.clip=1.0")
    trainer = engine.trainer("task=adding_problem", f"model={architecture}", *sizes, f"train.steps={budget}")
    return lambda: trainer.step(next(indices))


def bare_step(architecture: str) -> Step:
    """The bare loop's step."""
    return BareLoop(architecture, LENGTH, WIDTH, BATCH_SIZE).step


def block_size(step: Step, least_s: float = 0.08) -> int:
    """Steps that take at least ``least_s``: long against the clock and the scheduler, short against drift."""
    run_block(step, 2)
    return max(1, math.ceil(least_s / (run_block(step, 3) / 3)))


def run_round(order: str, a: Step, b: Step, steps: int) -> tuple[float, ...]:
    """Seconds of the four blocks of a round."""
    return tuple(run_block(a if side == "A" else b, steps) for side in order)


def run_block(step: Step, steps: int) -> float:
    """Seconds that ``steps`` training steps take."""
    began = time.perf_counter()
    for _ in range(steps):
        step()
    return time.perf_counter() - began


def log_ratio(order: str, seconds: Sequence[float]) -> float:
    """Logarithm of the rate of A over the rate of B within one round.

    >>> round(math.exp(log_ratio("ABBA", (1.0, 2.0, 2.0, 1.0))), 6)
    2.0
    >>> abs(log_ratio("BAAB", (1.0, 1.1, 1.2, 1.3))) < 1e-12  # a drift that is linear within the round
    True
    """
    total = {side: sum(s for o, s in zip(order, seconds, strict=True) if o == side) for side in "AB"}
    return math.log(total["B"] / total["A"])


def interval(log_ratios: np.ndarray) -> tuple[float, float, float]:
    """Median ratio with bounds that are each wrong with a chance of at most (1 - LEVEL) / 2: median, low, high.

    Of fewer than 8 rounds no bound is known at 99 %: they are then 0 and infinite.

    >>> [round(value, 2) for value in interval(np.log(np.linspace(0.8, 1.2, 9)))]
    [1.0, 0.8, 1.2]
    >>> interval(np.zeros(7))
    (1.0, 0.0, inf)
    """
    low, high = median_bounds(log_ratios, (1 - LEVEL) / 2)
    return math.exp(float(np.median(log_ratios))), math.exp(low), math.exp(high)


def rate(pair: Pair, side: str) -> float:
    """Median steps per second of one side over its blocks."""
    blocks = [
        s
        for order, row in zip(pair.orders, pair.seconds, strict=True)
        for o, s in zip(order, row, strict=True)
        if o == side
    ]
    return pair.steps / float(np.median(blocks))


def line(pair: Pair) -> str:
    """One line of the result."""
    median, low, high = interval(pair.log_ratios)
    rates = f"{pair.a} {rate(pair, 'A'):.1f}, {pair.b} {rate(pair, 'B'):.1f} steps/s"
    ratio = f"{pair.a}/{pair.b} {median:.3f} [{low:.3f}, {high:.3f}] at {LEVEL:.0%}"
    return f"{pair.name:9} {ratio}; {rates}; {len(pair.orders)} rounds of {pair.steps} steps"


def document(pairs: Sequence[Pair]) -> dict[str, object]:
    """Results, raw rounds and where they were measured."""
    keys = ("ratio", "low", "high")
    return {
        "sizes": {"length": LENGTH, "width": WIDTH, "batch_size": BATCH_SIZE},
        "level": LEVEL,
        "environment": environment(),
        "load_average": os.getloadavg(),  # over 1, 5 and 15 minutes; above 1 something else was running
        "pairs": [asdict(p) | dict(zip(keys, interval(p.log_ratios), strict=True)) for p in pairs],
    }


if __name__ == "__main__":
    main()
