"""One session: base and head timed side by side, block after block of fresh processes that take turns on one core."""

import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from seqbench.check import suite
from seqbench.check.finding import Finding, Verdict
from seqbench.check.origin import Code
from seqbench.check.pairs import Sample, log_ratios, same_ratios, typical
from seqbench.check.programs import Side
from seqbench.check.samples import Bench
from seqbench.check.verdict import Decision, Design, Judgement, Pairs, decide, session_noise
from seqbench.report.wording import count, readable

BLOCKS = 2
"""Of a session that is compared with past ones: eight processes; days differ by more than more of them would tell."""
NEW = "new: the base does not have it"

Say = Callable[[str], object]
Own = Callable[[Code, Code], list[Finding]]
"""Judges where base and head import their code from: ``origin.judge`` of two sides."""


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


def compare(
    base: Side, head: Side, folder: Path, design: Design, say: Say, own: Own, seed: int | None = None
) -> Session:
    """Time the suite of both sides against each other and judge every benchmark.

    Args:
        base: one side.
        head: the other, whose failures are the user's to mend.
        folder: the suite, relative to the root of each side.
        design: pairs and levels.
        say: prints a line of progress.
        own: judges whose code the processes ran, before anything is timed and again when all is.
        seed: of the orders; None draws one.

    Raises:
        UsageError: the head's suite cannot be run, has no benchmark or too many; too few pairs; or ``own`` refuses.
    """
    bench = Bench({"base": base, "head": head}, folder, random.Random(seed))
    session = Session(facts=bench.facts)
    names, session.findings = _comparable(bench)
    own(bench.code("base"), bench.code("head"))
    if not names:
        return session
    say(f"Timing {count(len(names), 'benchmark')} in {design.pairs} pairs of fresh processes.")
    began, session.first = time.monotonic(), bench.blocks(names, design.pairs // 2)
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
    session.findings += [*_not_run(bench.failed, found.again), *own(bench.code("base"), bench.code("head"))]
    return session


def timed(side: Side, folder: Path) -> tuple[dict[str, float], dict[str, str]]:
    """The seconds of every gated benchmark of one side, and why some have none: they are skipped.

    Seconds are the median over fresh processes, four a block.

    Raises:
        UsageError: the suite cannot be run, or has no benchmark, or one fails.
    """
    bench = Bench({"head": side}, folder, random.Random())
    names = bench.named_in_head()
    samples = bench.blocks(names, BLOCKS)
    timed_ones = [name for name in names if name not in bench.failed]
    return {name: float(np.median([s.seconds[name] for s in samples])) for name in timed_ones}, bench.failed


def _not_run(failed: Mapping[str, str], again: Collection[str]) -> list[Finding]:
    """What cannot be timed; what the first stage did not call fine is no pass because the second could not be had."""
    lost = {name: f"not fine at first, then lost: {failed[name]}" for name in again if name in failed}
    told: dict[str, tuple[Verdict, str]] = {
        name: ("inconclusive", lost[name]) if name in lost else ("not run", why) for name, why in failed.items()
    }
    return [
        Finding(kind="time", name=name, verdict=verdict, says=says, unit="s")
        for name, (verdict, says) in sorted(told.items())
    ]


def _still_there(pairs: Pairs, bench: Bench) -> Pairs:
    return {name: values for name, values in pairs.items() if name not in bench.failed}


def _comparable(bench: Bench) -> tuple[list[str], list[Finding]]:
    """Names of what both sides have with the same source; and a finding for everything else."""
    ours, theirs = bench.named_in_head(), bench.collect("base")
    names, apart = [], []
    for name in sorted({*ours, *theirs}):
        unnamed = bench.unnamed(name)
        if unnamed:
            why = unnamed
        elif name not in theirs:
            why = NEW if theirs else f"new: the base has no benchmark in {bench.folder}"
        elif name not in ours:
            why = "gone: only the base has it"
        elif len(sources := {suite.source_hash(side.root, name) for side in bench.sides.values()}) > 1:
            why = "the source of the benchmark was changed"
        elif None in sources:
            why = "the source of the benchmark cannot be read"
        else:
            names.append(name)
            continue
        verdict = "not run" if unnamed else "not comparable"
        apart.append(Finding(kind="time", name=name, verdict=verdict, says=why, unit="s"))
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
