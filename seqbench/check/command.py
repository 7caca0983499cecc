"""The command ``check``: read what is asked, compare, print or write the outcome, and return the exit code."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console

from seqbench.check import accepted, against, baseline, commits, history, present, session, stored, training
from seqbench.check.accepted import Accepted
from seqbench.check.finding import NOT_RUN, REGRESSED, Finding, Outcome
from seqbench.check.request import Request, read
from seqbench.check.verdict import Design
from seqbench.check.wording import headline
from seqbench.record.texts import check_writable, write_text
from seqbench.report.wording import count
from seqbench.schema import UsageError

NOT_TIMED = "times: not compared; --history FILE does so with past days of this machine, --against REF with a commit"
UNKNOWN = "accepted: the commit of the base is not in this clone, so what it accepted already may be accepted once more"
FEWER = "counts: what is fewer than in the baseline may grow back unseen; --save makes it the baseline"


def run(options: Mapping[str, list[str]], rest: Sequence[str], console: Console, say: session.Say) -> int:
    """Run the check that the words ask for; returns its exit code.

    Args:
        options: values of each of ``request.OPTIONS``.
        rest: the other words.
        console: for the outcome, which may be a document.
        say: prints a line of progress elsewhere.

    Raises:
        UsageError: what is wrong with the words, the base or the suite; nothing was written then. Or a file could not
            be written in the end; what was measured is printed then.
    """
    request = read(options, rest)
    if request.save:
        return _save(request, console, say)
    for path, option in ((request.out, "--out"), (request.history, "--history")):
        if path is not None:
            check_writable(path, option)
    entries = [] if request.accepted is None else accepted.read(request.accepted)
    if request.history:
        history.read(request.history)  # what is no history is refused before anything is measured
    outcome = _with_accepted(_compared(request, say), request, entries)
    try:
        _tell(outcome, request, console)
    finally:  # a session is kept where --out fails in the end
        if request.history and outcome.session and outcome.exit_code not in (REGRESSED, NOT_RUN):  # or it is the usual
            history.add(request.history, outcome.session | {"accepted": _slower_now(outcome)})
    return outcome.exit_code


def _compared(request: Request, say: session.Say) -> Outcome:
    if request.learning or request.bitwise:
        return training.compare(request, say)
    if request.baseline:
        return _against_baseline(request, say)
    pairs = {} if request.pairs is None else {"pairs": request.pairs, "confirm_pairs": 2 * request.pairs}
    return against.compare(request, replace(Design(), **pairs), say)


def _with_accepted(outcome: Outcome, request: Request, entries: Sequence[Accepted]) -> Outcome:
    """The outcome, with what is accepted, and with what is said of entries that accept nothing here."""
    if not entries:
        return outcome
    old, notes = [], []
    try:
        old = _entries_of_base(request)
    except UsageError:
        notes.append(UNKNOWN)
    idle = accepted.unmatched(outcome.findings, entries)
    if idle and not request.bitwise:  # which compares nothing that can be accepted
        notes.append(f"accepted, but not compared here: {', '.join(idle)}")
    past = _past(outcome, request)

    def spent(finding: Finding, entry: Accepted) -> bool:
        if request.baseline and finding.kind == "time":  # what is compared with are days, and the commit of none
            return any(session.get("accepted", {}).get(finding.name) == entry.told for session in past)
        return entry in old

    findings = accepted.apply(outcome.findings, entries, date.today(), spent)
    return replace(outcome, findings=tuple(findings), notes=(*outcome.notes, *notes))


def _past(outcome: Outcome, request: Request) -> list[dict[str, Any]]:
    """Earlier sessions of the machine that the outcome is of."""
    if request.history is None or outcome.session is None:
        return []
    return history.of_machine(request.history, outcome.session["env_id"])


def _slower_now(outcome: Outcome) -> dict[str, str]:
    """Of each benchmark that is slower, and that this is accepted, why."""
    return {one.name: one.says for one in outcome.findings if one.kind == "time" and one.verdict == "accepted"}


def _entries_of_base(request: Request) -> list[Accepted]:
    """What the commit of the base accepted, or the one that a baseline was counted at.

    Raises:
        UsageError: that commit is not here.
    """
    commit = request.against
    if request.baseline:
        commit = (baseline.read(request.baseline).commit or "").rstrip("+")
    if not commit or request.accepted is None:
        return []
    return accepted.of_base(commits.text_at(Path.cwd(), commit, request.accepted) or "")


def _save(request: Request, console: Console, say: session.Say) -> int:
    assert request.baseline is not None
    folder = request.baseline.is_dir()
    if request.baseline.is_file() and request.baseline.stat().st_size and not baseline.is_one(request.baseline):
        raise UsageError(
            f"--save must not replace what is no baseline; got {str(request.baseline)[:120]!a}. Name another file."
        )
    check_writable(request.baseline / "new.json" if folder else request.baseline, "--baseline")
    found = against.counted(against.here(), request.suite, say)
    file = request.baseline / f"{found.env_id}.json" if folder else request.baseline
    baseline.write(file, found)
    console.print(f"baseline: {file}, {len(found.counts)} counts", highlight=False, markup=False)
    return 0


def _against_baseline(request: Request, say: session.Say) -> Outcome:
    assert request.baseline is not None
    base = baseline.read(request.baseline)
    head = against.counted(against.here(), request.suite, say)
    same = "this machine" if base.env_id == head.env_id else f"another machine or torch ({base.env_id})"
    outcome = Outcome(
        base=f"{request.baseline}, counted at {(base.commit or 'no commit')[:12]} on {same}",
        head="working tree",
        findings=tuple(baseline.compare(base, head)),
        causes=tuple(against.causes({"base": base.environment, "head": head.environment})),
    )
    if any(finding.verdict == "fine" and finding.change for finding in outcome.findings):
        outcome = replace(outcome, notes=(FEWER,))
    if request.history is None:
        return outcome if request.counts_only else replace(outcome, notes=(*outcome.notes, NOT_TIMED))
    return _with_times(outcome, request.history, request.suite, say)


def _with_times(outcome: Outcome, file: Path, suite: Path, say: session.Say) -> Outcome:
    """The outcome, with times against those of past days of this machine."""
    say(f"Timing {suite} in {4 * session.BLOCKS} fresh processes.")
    seconds, skipped = session.timed(against.here(), suite)
    now = against.session_of(against.here(), seconds)
    past = history.of_machine(file, now["env_id"])
    days = len(stored.days_before(now["at"], past))
    note = f"red by mistake in at most {100 * stored.ERROR:g} % of checks, if days vary normally"
    if days < stored.ENOUGH:
        note = f"advice, no gate: that takes {stored.ENOUGH} days"
    return replace(
        outcome,
        findings=(
            *outcome.findings,
            *stored.compare(past, now, Design()),
            *stored.apart(past, now, skipped),
            *against.levels(file, now),
        ),
        notes=(
            *outcome.notes,
            f"times: against {count(days, 'day')} of this machine; {note}",
        ),
        session=now if seconds else None,
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
    try:
        write_text(request.out, content, "--out")
    except (UsageError, OSError):  # what took minutes to measure is not lost with the file
        present.screen(outcome, console)
        raise
    console.print(f"{headline(outcome)} ({request.out})", highlight=False, markup=False, soft_wrap=True)
