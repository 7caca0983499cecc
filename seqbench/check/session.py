"""One session: base and head timed side by side, block after block of fresh processes that take turns on one core."""

import json
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from seqbench.check import suite
from seqbench.check.finding import Finding
from seqbench.check.pairs import ORDERS, Sample, log_ratios, same_ratios, typical
from seqbench.check.programs import Program, ProgramError, Side, run_in_turns
from seqbench.check.verdict import Decision, Design, Judgement, Pairs, decide, session_noise
from seqbench.report.wording import count, readable
from seqbench.schema import UsageError

MOST_BENCHMARKS = 40
"""A dozen is what the design is made for; of more, no pair of ten may go the other way, and samples take minutes."""
BLOCKS = 2
"""Of a session that is compared with past ones: eight processes; days differ by more than more of them would tell."""
SAMPLER = Path(__file__).with_name("sampler.py")
PADDING = 4096
"""Most bytes of a variable that moves the stack of each process: layout alone can change a time (Mytkowicz 2009)."""

Say = Callable[[str], object]


@dataclass(kw_only=True)
class Session:
    """What a session measured and found.

    Attributes:
        findings: one a benchmark.
        first, second: samples of the two stages. noise: of a pair, from those of the first.
        facts: "base" and "head" -> what the processes said of their environment, the last ones.
        again: names that went into the second stage.
    """

    findings: list[Finding] = field(default_factory=list)
    first: list[Sample] = field(default_factory=list)
    second: list[Sample] = field(default_factory=list)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    again: list[str] = field(default_factory=list)
    noise: float | None = None


def compare(base: Side, head: Side, folder: Path, design: Design, say: Say, seed: int | None = None) -> Session:
    """Time the suite of both sides against each other and judge every benchmark.

    Args:
        base: one side.
        head: the other, whose failures are the user's to mend.
        folder: the suite, relative to the root of each side.
        design: pairs and levels.
        say: prints a line of progress.
        seed: of the orders; None draws one.

    Raises:
        UsageError: the suite of the head cannot be run, or has no benchmark, or too many.
    """
    bench = Bench({"base": base, "head": head}, folder, random.Random(seed))
    session = Session(facts=bench.facts)
    names, session.findings = _comparable(bench)
    if not names:
        return session
    say(f"Timing {count(len(names), 'benchmark')} in {design.pairs} pairs of fresh processes.")
    began = time.monotonic()
    session.first = bench.blocks(names, design.pairs // 2)
    session.noise = session_noise(same_ratios(session.first))
    ratios = _still_there(log_ratios(session.first), bench)
    say(f"{design.pairs} pairs of {count(len(ratios), 'benchmark')} took {time.monotonic() - began:.0f} s.")

    def confirm(again: list[str]) -> Pairs:
        say(f"Once more, {design.confirm_pairs} fresh pairs of {readable(', '.join(again))}.")
        session.second = bench.blocks(again, design.confirm_pairs // 2)
        return _still_there(log_ratios(session.second), bench)

    found = decide(ratios, confirm, session.noise, design) if ratios else Decision(judgements={}, suspects=[], again=[])
    session.again = found.again
    session.findings += [_finding(name, judgement, session) for name, judgement in sorted(found.judgements.items())]
    session.findings += [
        Finding(kind="time", name=name, verdict="not comparable", says=why, unit="s")
        for name, why in sorted(bench.failed.items())
    ]
    return session


def timed(side: Side, folder: Path) -> dict[str, float]:
    """The seconds of every gated benchmark of one side: the median over fresh processes, four a block.

    Raises:
        UsageError: the suite cannot be run, or has no benchmark.
    """
    bench = Bench({"base": side, "head": side}, folder, random.Random())
    names = bench.named_in_head()
    samples = bench.blocks(names, BLOCKS)
    timed_ones = [name for name in names if name not in bench.failed]
    return {name: float(np.median([sample.seconds[name] for sample in samples])) for name in timed_ones}


def _still_there(pairs: Pairs, bench: "Bench") -> Pairs:
    return {name: values for name, values in pairs.items() if name not in bench.failed}


def _comparable(bench: "Bench") -> tuple[list[str], list[Finding]]:
    """Names of what both sides have with the same source; and a finding for everything else."""
    ours, theirs = bench.named_in_head(), bench.collect("base")
    names, apart = [], []
    for name in sorted({*ours, *theirs}):
        if name not in theirs:
            why = bench.refused or "new: the base does not have it"
        elif name not in ours:
            why = "gone: only the base has it"
        elif len(sources := {suite.source_hash(side.root, name) for side in bench.sides.values()}) > 1:
            why = "the source of the benchmark was changed"
        elif None in sources:
            why = "the source of the benchmark cannot be read"
        else:
            names.append(name)
            continue
        apart.append(Finding(kind="time", name=name, verdict="not comparable", says=why, unit="s"))
    return names, apart


def _finding(name: str, found: Judgement, session: Session) -> Finding:
    samples = session.second if name in session.again else session.first
    return Finding(
        kind="time",
        name=name,
        verdict=found.verdict,
        says=found.says,
        base=typical(samples, "base", name),
        head=typical(samples, "head", name),
        unit="s",
        change=found.change,
        interval=found.interval,
    )


class Bench:
    """Takes samples of two sides.

    Attributes:
        failed: name -> why it cannot be timed: it fails in the base, or is skipped in either.
        refused: why the base could not even name its benchmarks.
    """

    def __init__(self, sides: dict[str, Side], folder: Path, draw: random.Random) -> None:
        self.sides, self.folder, self.draw = sides, folder, draw
        self.facts: dict[str, dict[str, Any]] = {}
        self.failed: dict[str, str] = {}
        self.refused: str | None = None
        self.number = 0

    def collect(self, side: str) -> list[str]:
        """Names of the gated benchmarks of a side."""
        if side == "base" and not (self.sides[side].root / self.folder).exists():
            self.refused = f"new: the base has no {self.folder}"
            return []
        (found,) = self._ask([side], {"collect": True})
        if not isinstance(found, ProgramError):
            return found["names"]
        if side == "head":
            raise UsageError(f"--suite must run in the working tree; got: {found}.") from found
        self.refused = f"the base's suite cannot be run: {found}"
        return []

    def named_in_head(self) -> list[str]:
        """Names of the gated benchmarks of the head.

        Raises:
            UsageError: it cannot name them, has none, or too many.
        """
        names = self.collect("head")
        if not names:
            raise UsageError(f"--suite must hold benchmarks of pytest-benchmark; got {str(self.folder)!r} without any.")
        if len(names) > MOST_BENCHMARKS:
            raise UsageError(
                f"--suite must have at most {MOST_BENCHMARKS} benchmarks that are compared; got {len(names)}. "
                "Mark a dozen with @pytest.mark.gated."
            )
        return names

    def blocks(self, names: Sequence[str], number: int) -> list[Sample]:
        """Samples of so many blocks."""
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [None]
        return [sample for _ in range(number) for sample in self._block(names, self.draw.choice(cores))]

    def _block(self, names: Sequence[str], core: int | None) -> Iterable[Sample]:
        """Four processes side by side, that time each benchmark in turn."""
        self.number += 1
        order = (*self.draw.choice(ORDERS), *self.draw.choice(ORDERS))
        asked = {"names": list(names), "seed": self.draw.randrange(2**32), "core": core}
        for position, (side, found) in enumerate(zip(order, self._ask(order, asked), strict=True)):
            if isinstance(found, ProgramError):
                raise UsageError(f"the suite must run in the {self.sides[side].name}; got: {found}.") from found
            self._note(side, found, names)
            yield Sample(block=self.number, position=position, side=side, seconds=found["quartiles"])

    def _note(self, side: str, found: dict[str, Any], names: Sequence[str]) -> None:
        """What failed, or is missing without having failed; in the head, unless skipped, it is the user's to mend."""
        missing = {name: "it was not timed" for name in names if name not in found["quartiles"]} | found["failed"]
        for name, why in missing.items():
            skipped = name in found["skipped"]
            if side == "head" and not skipped:
                raise UsageError(f"a benchmark must run in the working tree; got {name[:120]!a}: {why[:200]}.")
            self.failed[name] = f"{'is skipped' if skipped else 'fails'} in the {side}: {why}"

    def _ask(self, order: Sequence[str], asked: dict[str, Any]) -> Iterator[dict[str, Any] | ProgramError]:
        """What samplers find that run together, one of each side that is named, in this order."""
        with tempfile.TemporaryDirectory(prefix="seqbench-sample-") as scratch:
            outs = [Path(scratch) / f"{position}.json" for position in range(len(order))]
            programs = [self._program(side, asked, out) for side, out in zip(order, outs, strict=True)]
            ended: Sequence[str | ProgramError]
            try:
                ended = run_in_turns(programs)
            except ProgramError as error:  # one could not be started
                ended = [error] * len(order)
            for side, out, printed in zip(order, outs, ended, strict=True):
                found = printed if isinstance(printed, ProgramError) else _read(out)
                if not isinstance(found, ProgramError):
                    self.facts[side] = found["facts"]
                yield found

    def _program(self, side: str, asked: dict[str, Any], out: Path) -> Program:
        words = json.dumps({"suite": str(self.folder), "out": str(out), **asked})
        padding = {"SEQBENCH_PADDING": "x" * self.draw.randrange(PADDING)}
        return self.sides[side], (str(SAMPLER), words), padding


def _read(out: Path) -> dict[str, Any] | ProgramError:
    """What a sampler found, or why that is nothing."""
    if not out.exists():
        return ProgramError("the process was ended from within, before it had timed anything")
    found = json.loads(out.read_text())
    if found["code"] in (0, 1, 5):  # 1: a test failed, 5: none was left to run
        return found
    whys = [f"{name}: {why}" for name, why in found["failed"].items()]
    return ProgramError(ascii("; ".join(whys))[1:-1][:300] or f"pytest ended with {found['code']}")
