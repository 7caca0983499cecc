"""Whole checks made of real A/A pairs: how often red by mistake, how often an injected slowdown is found.

A check takes contiguous blocks of what ``collect_pairs.py`` collected, from a random place on, so that what drifts and
comes in bursts stays as it was: first those of the first stage, then, where any are measured again, those that follow.
Which side is the head is drawn for each pair, as in a check, where it is drawn too. A slowdown is injected by
multiplying the seconds of the head. The last block is followed by the first; and the blocks of a second stage timed all
benchmarks, where a real one times those that are measured again.

It also says, file by file, what other limits of a session's noise would have done. The design's is right where it
leaves at most 5 % of checks inconclusive on a quiet machine, and lets what is 10 % slower pass as fine no more often
than the bounds of the two stages may be wrong, 2.2 %.

    python bench/resample_checks.py results/reference/regression_check/*.jsonl --checks 1000 \
        --out results/reference/regression_check/resampled.json
"""

import argparse
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import beta

from seqbench.check.pairs import Sample, log_ratios, same_ratios
from seqbench.check.verdict import Decision, Design, Pairs, decide, session_noise

OTHER = {"base": "head", "head": "base"}
SLOWER = (0.05, 0.10)
LIMITS = (0.02, 0.03, 0.05, 0.07, 0.10, 0.15, math.inf)
"""Of the noise of a session, the design's among them; with the last one no session is too noisy."""

Block = Sequence[Sample]


def main() -> None:
    """Resample, print, and keep the numbers."""
    options, design = parse(), Design()
    found: dict[str, Any] = {"design": asdict(design), "nothing changed": {}, "files": {}}
    draw, everything = np.random.default_rng(options.seed), list[Decision]()
    for path in options.files:
        session = read(path)
        checks = [check(draw, session, design) for _ in range(options.checks // len(options.files))]
        everything += checks
        found["files"][str(path)] = {
            "pairs": 2 * len(session),
            "nothing changed": told(checks, design),
            **{f"one benchmark {100 * slower:g} % slower": powers(draw, session, slower, options) for slower in SLOWER},
            "limits of noise": guarded(options.seed, session, design, options.powers),
        }
    found["nothing changed"] = told(everything, design)
    print(json.dumps(found, indent=1))
    if options.out is not None:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Whole checks resampled from A/A pairs.")
    parser.add_argument("files", type=Path, nargs="+", help="JSON lines of collect_pairs.py, each a session")
    parser.add_argument("--checks", type=int, default=1000, help="where nothing changed, over all files")
    parser.add_argument("--powers", type=int, default=200, help="of each benchmark and slowdown, in each file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def read(path: Path) -> list[Block]:
    """The blocks of a file, in the order they were taken."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [[Sample(**sample) for sample in line["samples"]] for line in lines]


def check(
    draw: np.random.Generator, blocks: Sequence[Block], design: Design, slower: Mapping[str, float] | None = None
) -> Decision:
    """One check on contiguous blocks from a random place on.

    Raises:
        ValueError: there are fewer blocks than one check takes.
    """
    first, second = design.pairs // 2, design.confirm_pairs // 2
    if len(blocks) < first + second:
        raise ValueError(f"a check takes {first + second} blocks; got {len(blocks)}.")
    start = int(draw.integers(len(blocks)))
    taken = [blocks[(start + index) % len(blocks)] for index in range(first + second)]
    flips = draw.random((len(taken), 2)) < 0.5  # of every pair
    changed = [
        [slowed(drawn(sample, bool(flips[number, sample.position // 2]), number), slower or {}) for sample in block]
        for number, block in enumerate(taken)
    ]
    early = [sample for block in changed[:first] for sample in block]
    late = [sample for block in changed[first:] for sample in block]

    def fresh(again: list[str]) -> Pairs:
        ratios = log_ratios(late)
        return {name: ratios[name] for name in again}

    return decide(log_ratios(early), fresh, session_noise(same_ratios(early)), design)


def powers(
    draw: np.random.Generator, session: Sequence[Block], slower: float, options: argparse.Namespace
) -> dict[str, Counter[str]]:
    """Verdicts on each benchmark, in checks where it alone is slower; and on all of them."""
    names = sorted(session[0][0].seconds)
    hits = {name: power(draw, session, Design(), {name: slower}, options.powers) for name in names}
    return {**hits, "all": sum(hits.values(), Counter())}


def power(
    draw: np.random.Generator, session: Sequence[Block], design: Design, slower: dict[str, float], number: int
) -> Counter[str]:
    """Verdicts on the benchmark that is slower, in so many checks."""
    (name,) = slower
    return Counter(check(draw, session, design, slower).judgements[name].verdict for _ in range(number))


def guarded(seed: int, session: Sequence[Block], design: Design, number: int) -> dict[str, Any]:
    """What each of ``LIMITS`` makes of the same checks of one file: inconclusive ones, and slowdowns that pass.

    Args:
        seed: of the checks, the same for every limit.
        session: the blocks of the file.
        design: whose limit is replaced.
        number: checks where nothing changed, and as many where one benchmark, each in turn, is 10 % slower.
    """
    names, found = sorted(session[0][0].seconds), dict[str, Any]()
    for limit in LIMITS:
        draw, limited = np.random.default_rng(seed), replace(design, most_noise=limit)
        unchanged = told([check(draw, session, limited) for _ in range(number)], limited)
        slowed_names = [names[index % len(names)] for index in range(number)]
        verdicts = [check(draw, session, limited, {name: 0.10}).judgements[name].verdict for name in slowed_names]
        found[f"{limit:g}"] = {
            "checks": number,
            "inconclusive": unchanged["inconclusive"],
            "fine though 10 % slower": verdicts.count("fine"),
        }
    quantiles = np.quantile([noise(session, start, design) for start in range(len(session))], (0.05, 0.5, 0.95))
    return found | {"noise of sessions at 5, 50 and 95 %": quantiles.tolist()}


def noise(session: Sequence[Block], start: int, design: Design) -> float:
    """The noise that a check would have seen that began at this block."""
    taken = [session[(start + index) % len(session)] for index in range(design.pairs // 2)]
    samples = [replace(sample, block=number) for number, block in enumerate(taken) for sample in block]
    found = session_noise(same_ratios(samples))
    assert found is not None, "every block has two samples of one side"
    return found


def drawn(sample: Sample, flip: bool, block: int) -> Sample:
    """The sample with its side exchanged or not, and its block numbered within the check."""
    return replace(sample, block=block, side=OTHER[sample.side] if flip else sample.side)


def slowed(sample: Sample, slower: Mapping[str, float]) -> Sample:
    """The sample with the benchmarks of the head slower by these shares."""
    if sample.side == "base":
        return sample
    return replace(sample, seconds={name: s * (1 + slower.get(name, 0.0)) for name, s in sample.seconds.items()})


def told(checks: Sequence[Decision], design: Design) -> dict[str, Any]:
    """False alarms with the upper limit of their rate, inconclusive checks, and pairs taken on average."""
    verdicts = [{judgement.verdict for judgement in check.judgements.values()} for check in checks]
    red = sum("regressed" in one for one in verdicts)
    unsure = sum("inconclusive" in one and "regressed" not in one for one in verdicts)
    second = sum(bool(check.again) for check in checks)
    again = sum(len(check.again) / len(check.judgements) for check in checks)
    return {
        "checks": len(checks),
        "red by mistake": red,
        "upper limit of the rate (95 %)": float(beta.ppf(0.95, red + 1, len(checks) - red)),
        "inconclusive": unsure,
        "pairs on average": design.pairs + design.confirm_pairs * second / len(checks),
        "pairs of a benchmark on average": design.pairs + design.confirm_pairs * again / len(checks),
    }


if __name__ == "__main__":
    main()
