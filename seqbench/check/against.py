"""The working tree against another commit, or one environment against another: counts, then times."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from seqbench.check import baseline, commits, history, origin, programs, session, suite
from seqbench.check.finding import BUSY_MACHINE, Finding, Outcome, Verdict
from seqbench.check.programs import ProgramError, Side
from seqbench.check.request import Request
from seqbench.check.verdict import Design
from seqbench.record.environment import env_id, environment
from seqbench.report.wording import count
from seqbench.schema import UsageError

COUNTS = "counts.py"
"""File of a suite that prints its counts and their environment as JSON."""
NO_CAUSE = {"load", "memory_bytes", "platform"}
"""Facts that are told in another way, or that move no number by themselves."""
BUSY, OURS = 0.5, 2.0
"""Mean number of others' processes for each core beyond which the machine counts as busy; and of ours, in all: one that
has the turn, and four while they start."""


def here() -> Side:
    """The working tree, with this interpreter."""
    return Side(name="working tree", root=Path.cwd(), python=Path(sys.executable))


@contextmanager
def sides(request: Request) -> Iterator[tuple[Side, Side]]:
    """Base and head of a request that names a commit, an interpreter, or both.

    Raises:
        UsageError: there is no such commit here.
    """
    python, root = request.base_python or Path(sys.executable), Path.cwd()
    if request.against is None:  # the same tree: what differs is what each environment has installed
        base = Side(name=str(request.base_python), root=root, python=python, imports_root=False)
        yield base, Side(name=sys.executable, root=root, python=Path(sys.executable), imports_root=False)
        return
    inside = root.resolve().relative_to(commits.top_folder(root).resolve())
    with commits.checked_out(root, request.against) as (tree, commit):
        yield Side(name=f"{request.against} ({commit[:12]})", root=tree / inside, python=python), here()


def counted(side: Side, folder: Path, say: session.Say) -> baseline.Baseline:
    """What a side counts now.

    Raises:
        UsageError: its suite has no counts, or they fail.
    """
    script = folder / COUNTS
    if not (side.root / script).is_file():
        raise UsageError(f"--suite must be a folder that holds {COUNTS}; got {str(folder)[:80]!a}.")
    say(f"Counting in the {side.name}.")
    try:
        found = programs.run_json(side, str(script))
        facts, numbers = dict(found["environment"]), baseline.checked_counts(found["counts"])
        machine = env_id(facts)
    except (ProgramError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise UsageError(f"{script} must print its counts in the {side.name}; got: {error}.") from error
    source = suite.source_hash(side.root, str(script))
    return baseline.Baseline(
        env_id=machine, environment=facts, commit=commits.state(side.root), counts=numbers, source=source
    )


def compare(request: Request, design: Design, say: session.Say) -> Outcome:
    """All that can be compared of base and head.

    Raises:
        UsageError: the commit is unknown, or the head cannot be measured.
    """
    with sides(request) as (base, head):
        names = origin.of_suite(head, request.suite)
        own = partial(origin.judge, base, head, names=names, folder=request.suite)
        counted_too = (head.root / request.suite / COUNTS).is_file()  # by a program that imports without pytest
        apart = own(origin.found(base, names), origin.found(head, names)) if counted_too else []
        findings, raw = _counts(base, head, request, say)
        findings += apart
        if request.counts_only:
            why = tuple(causes(raw.get("facts", {})))
            return Outcome(base=base.name, head=head.name, findings=tuple(findings), causes=why, raw=raw)
        times = session.compare(base, head, request.suite, design, say, own)
    raw |= {
        key: [asdict(sample) for sample in taken] for key, taken in (("first", times.first), ("second", times.second))
    }
    raw |= {"facts": times.facts, "noise": times.noise, "design": asdict(design)}
    seconds = {finding.name: finding.head for finding in times.findings if finding.head is not None}
    now = session_of(head, seconds) if seconds else None
    return Outcome(
        base=base.name,
        head=head.name,
        findings=(*dict.fromkeys((*findings, *times.findings)), *levels(request.history, now)),
        causes=tuple(causes(times.facts)),
        notes=tuple(_told(times, design)),
        raw=raw,
        session=now,
    )


def session_of(head: Side, seconds: Mapping[str, float]) -> dict[str, Any]:
    """What a history keeps of one session."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    session = {"env_id": env_id(environment()), "at": at, "commit": commits.state(head.root), "seconds": dict(seconds)}
    return session | {"sources": {name: suite.source_hash(head.root, name) for name in seconds}}


def levels(file: Path | None, now: Mapping[str, Any] | None) -> list[Finding]:
    """Advice on levels that changed in the past of this machine, this session included."""
    return [] if file is None or now is None else history.findings([*history.of_machine(file, now["env_id"]), now])


def _counts(base: Side, head: Side, request: Request, say: session.Say) -> tuple[list[Finding], dict[str, Any]]:
    having = [(side.root / request.suite / COUNTS).is_file() for side in (base, head)]
    if having == [True, False] and not request.counts_only:
        return [_uncounted("gone: only the base counts")], {}
    if not any(having) and not request.counts_only:
        return [], {}
    after = counted(head, request.suite, say)
    try:
        before = counted(base, request.suite, say)
    except UsageError as error:
        return [_uncounted(f"the base cannot be counted: {error}", "not run" if having[0] else "not comparable")], {}
    found = baseline.compare(before, after)
    facts = {"base": before.environment, "head": after.environment}
    return found, {"counts": {"base": asdict(before), "head": asdict(after)}, "facts": facts}


def _uncounted(why: str, verdict: Verdict = "not comparable") -> Finding:
    return Finding(kind="count", name="all counts", verdict=verdict, says=why)


def _told(times: session.Session, design: Design) -> Iterator[str]:
    if not times.first:
        return
    pairs = f"{design.pairs} pairs"
    if times.again:
        pairs += f", then {design.confirm_pairs} fresh ones of {count(len(times.again), 'benchmark')}"
    noise = "" if times.noise is None else f"; two equal processes differ by {100 * times.noise:.1f} % (one sd)"
    yield f"times: {pairs}{noise}; red by mistake in at most {100 * design.false_alarms:.2g} % of checks"


def causes(facts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What differs between the environments of base and head, and how busy the machine was."""
    base, head = facts.get("base", {}), facts.get("head", {})
    for name in sorted(base.keys() & head.keys() - NO_CAUSE):
        if base[name] != head[name]:
            yield f"{name} {base[name]} in the base, {head[name]} in the head"
    load, cores = head.get("load"), os.cpu_count() or 1
    if load is not None and load - OURS > BUSY * cores:
        yield f"{BUSY_MACHINE}: load {load:.1f} on {count(cores, 'core')}"
