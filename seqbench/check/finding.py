"""What the check says of one thing that it compared, and the exit code of all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from seqbench.statistics.seeds import Interval

Verdict = Literal["fine", "regressed", "accepted", "inconclusive", "not comparable", "not run"]
REGRESSED, INCONCLUSIVE, NOT_RUN = 3, 4, 5
"""Exit codes beside 0, fine, and 2, wrong usage; the last where a whole kind was not compared."""
APART = ("not comparable", "not run")
"""Verdicts on what was not compared."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the result.

    Attributes:
        kind: of what is compared; "code" of what is told about whose code a side runs.
        name: e.g. "bench/test_training_step.py::test_training_step[gru]" or "model gru: operators".
        base, head: the values, in ``unit``; None where there is none, infinity of steps where most runs solve nothing.
        change: head / base - 1 of a time; head - base of a count or a score.
        interval: of the change.
        verdict: "fine" (equal, better, or not worse by more than ``says`` tells), "regressed", "accepted" (regressed,
            and a person has said why that may be), "inconclusive" (too noisy or too few to say), "not comparable" (the
            change itself keeps it from that: new, gone, rewritten), "not run" (a side could not run it, or not its own
            code: as long as that stays so, no change is compared).
        says: the verdict in words.
        advisory: whether it counts for no exit code.
    """

    kind: Literal["count", "time", "learning", "code"]
    name: str
    verdict: Verdict
    says: str
    base: float | None = None
    head: float | None = None
    unit: str = ""
    change: float | None = None
    interval: Interval | None = None
    advisory: bool = False


BUSY_MACHINE = "the machine was busy"
"""How a cause begins that makes a check inconclusive, and nothing a regression: it meets both sides alike."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """All that one check found.

    Attributes:
        base, head: what was compared, in words.
        causes: what differs between the two beside the code, and what else may have moved the numbers.
        notes: what a reader must know: pairs taken, the rate of false alarms, what was not compared.
        raw: the measurements themselves, for the JSON document.
        session: what a history keeps of it; None where nothing was timed.
    """

    base: str
    head: str
    findings: tuple[Finding, ...]
    causes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    raw: dict[str, Any] = field(default_factory=dict)
    session: dict[str, Any] | None = None

    @property
    def exit_code(self) -> int:
        """3 if anything regressed, 5 or 4 if a kind was not compared at all, 4 if anything is inconclusive, else 0."""
        return exit_code(self.findings)


def exit_code(findings: Sequence[Finding]) -> int:
    """The exit code of some findings.

    >>> fine = Finding(kind="count", name="a", verdict="fine", says="equal")
    >>> worse = Finding(kind="count", name="b", verdict="regressed", says="more")
    >>> unknown = Finding(kind="time", name="c", verdict="not comparable", says="its source was changed")
    >>> lost = Finding(kind="time", name="d", verdict="not run", says="the base's suite cannot be run")
    >>> exit_code([fine]), exit_code([fine, worse]), exit_code([fine, unknown]), exit_code([])
    (0, 3, 4, 4)
    >>> exit_code([fine, lost]), exit_code([fine, lost, worse])
    (5, 3)
    """
    gates = [finding for finding in findings if not finding.advisory]
    verdicts = {finding.verdict for finding in gates}
    if "regressed" in verdicts:
        return REGRESSED
    compared = {finding.kind for finding in gates if finding.verdict not in APART}
    lacking = {finding.verdict for finding in gates if finding.kind not in compared}
    if "not run" in lacking:
        return NOT_RUN
    return 0 if gates and not lacking and "inconclusive" not in verdicts else INCONCLUSIVE
