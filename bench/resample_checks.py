"""Whole checks made of real A/A pairs: how often red by mistake, how often an injected slowdown is found.

A check takes contiguous blocks of what ``collect_pairs.py`` collected, from a random place on, so that what drifts and
comes in bursts stays as it was: first those of the first stage, then, where there are suspects, those that follow.
Which side is the head is drawn for each pair, as in a check, where it is drawn too. A slowdown is injected by
multiplying the seconds of the head.

    python bench/resample_checks.py results/reference/regression_check/*.jsonl --checks 1000 \
        --out results/reference/regression_check/resampled.json
"""

import argparse
import json
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

Block = Sequence[Sample]


def main() -> None:
    """Resample, print, and keep the numbers."""
    options = parse()
    design, sessions = Design(), [read(path) for path in options.files]
    blocks = {str(path): len(session) for path, session in zip(options.files, sessions, strict=True)}
    found: dict[str, Any] = {"design": asdict(design), "blocks": blocks}
    draw = np.random.default_rng(options.seed)
    checks = [check(draw, sessions[index % len(sessions)], design) for index in range(options.checks)]
    found["nothing changed"] = told(checks, design)
    for slower in SLOWER:
        names = sorted(sessions[0][0][0].seconds)
        hits = {name: power(draw, sessions, design, {name: slower}, options.powers) for name in names}
        every = sum(hits.values(), Counter())
        found[f"one benchmark {100 * slower:g} % slower"] = {name: dict(of) for name, of in hits.items()} | {
            "all": every
        }
    print(json.dumps(found, indent=1))
    if options.out is not None:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Whole checks resampled from A/A pairs.")
    parser.add_argument("files", type=Path, nargs="+", help="JSON lines of collect_pairs.py, each a session")
    parser.add_argument("--checks", type=int, default=1000, help="where nothing changed")
    parser.add_argument("--powers", type=int, default=200, help="of each benchmark and slowdown")
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

    def fresh(suspects: list[str]) -> Pairs:
        ratios = log_ratios(late)
        return {name: ratios[name] for name in suspects}

    return decide(log_ratios(early), fresh, session_noise(same_ratios(early)), design)


def power(
    draw: np.random.Generator,
    sessions: Sequence[Sequence[Block]],
    design: Design,
    slower: dict[str, float],
    number: int,
) -> Counter[str]:
    """Verdicts on the benchmark that is slower, in so many checks, each session in turn."""
    (name,) = slower
    checks = [check(draw, sessions[index % len(sessions)], design, slower) for index in range(number)]
    return Counter(one.judgements[name].verdict for one in checks)


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
    second = sum(bool(check.suspects) for check in checks)
    return {
        "checks": len(checks),
        "red by mistake": red,
        "upper limit of the rate (95 %)": float(beta.ppf(0.95, red + 1, len(checks) - red)),
        "inconclusive": unsure,
        "pairs on average": design.pairs + design.confirm_pairs * second / len(checks),
    }


if __name__ == "__main__":
    main()
