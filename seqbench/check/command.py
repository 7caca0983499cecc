"""The command ``check``: read what is asked, compare, print or write the outcome, and return the exit code."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from rich.console import Console

from seqbench.check import accepted, against, baseline, counts, history, present, session, stored, training
from seqbench.check.finding import REGRESSED, Outcome
from seqbench.check.request import Request, read
from seqbench.check.verdict import Design
from seqbench.check.wording import headline
from seqbench.report.wording import count

NOT_TIMED = "times: not compared; --history FILE does so with past days of this machine, --against REF with a commit"


def run(options: Mapping[str, list[str]], rest: Sequence[str], console: Console) -> int:
    """Run the check that the words ask for; returns its exit code.

    Raises:
        UsageError: what is wrong with the words, the base or the suite; nothing was written then.
    """
    request = read(options, rest)
    if request.save:
        return _save(request, console)
    entries = [] if request.accepted is None else accepted.read(request.accepted)
    if request.history:
        history.read(request.history)  # what is no history is refused before anything is measured
    outcome = _compared(request)
    outcome = replace(outcome, findings=tuple(accepted.apply(outcome.findings, entries, date.today())))
    if request.history and outcome.session and outcome.exit_code != REGRESSED:  # else it would become what is usual
        history.add(request.history, outcome.session)
    _tell(outcome, request, console)
    return outcome.exit_code


def _compared(request: Request) -> Outcome:
    if request.learning or request.bitwise:
        return training.compare(request, _say)
    if request.baseline:
        return _against_baseline(request)
    design = Design() if request.pairs is None else replace(Design(), pairs=request.pairs)
    return against.compare(request, design, _say)


def _say(line: str) -> None:
    """Progress, apart from the outcome, which may be a document."""
    print(line, file=sys.stderr, flush=True)


def _save(request: Request, console: Console) -> int:
    assert request.baseline is not None
    found = against.counted(against.here(), request.suite)
    file = request.baseline / f"{found.env_id}.json" if request.baseline.is_dir() else request.baseline
    baseline.write(file, found)
    console.print(f"baseline: {file}, {len(found.counts)} counts", highlight=False, markup=False)
    return 0


def _against_baseline(request: Request) -> Outcome:
    assert request.baseline is not None
    base = baseline.read(request.baseline)
    head = against.counted(against.here(), request.suite)
    same = "this machine" if base.env_id == head.env_id else f"another machine or torch ({base.env_id})"
    outcome = Outcome(
        base=f"{request.baseline}, counted at {(base.commit or 'no commit')[:12]} on {same}",
        head="working tree",
        findings=tuple(counts.compare(base.counts, head.counts, base.environment, head.environment)),
    )
    if request.history is None:
        return outcome if request.counts_only else replace(outcome, notes=(NOT_TIMED,))
    return _with_times(outcome, request.history, request.suite)


def _with_times(outcome: Outcome, file: Path, suite: Path) -> Outcome:
    """The outcome, with times against those of past days of this machine."""
    _say(f"Timing {suite} in {4 * session.BLOCKS} fresh processes.")
    now = against.session_of(against.here(), session.timed(against.here(), suite))
    past = history.of_machine(file, now["env_id"])
    days = len(stored.by_day(past))
    note = f"red by mistake in at most {100 * stored.ERROR:g} % of checks, if days vary normally"
    if days < stored.ENOUGH:
        note = f"advice, no gate: that takes {stored.ENOUGH} days"
    return replace(
        outcome,
        findings=(*outcome.findings, *stored.compare(past, now["seconds"], Design()), *against.levels(file, now)),
        notes=(f"times: against {count(days, 'day')} of this machine; {note}",),
        session=now,
    )


def _tell(outcome: Outcome, request: Request, console: Console) -> None:
    if request.format == "text" and request.out is None:
        present.screen(outcome, console)
        return
    writers = {"text": present.text, "md": present.markdown, "json": present.document}
    content = writers[request.format](outcome)
    if request.out is None:
        console.file.write(content)
        return
    baseline.write_text(request.out, content, "--out")
    console.print(f"{headline(outcome)} ({request.out})", highlight=False, markup=False, soft_wrap=True)
